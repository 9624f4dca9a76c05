package access

import (
	"maps"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// Everywhere stands for all namespaces in a principal's roles.
const Everywhere = "*"

// Principal is who asks.
type Principal struct {
	Key    string          // Key is the id of the API key; empty without one.
	Name   string          // Name is the key's name; it stands in the history of sagas as operator:<name>.
	Roles  map[string]Role // Roles are by namespace; Everywhere stands for all. Read only.
	Groups []string        // Groups are those that may be asked for a decision; saga.Everyone stands for all. Read only.
}

// Local is the principal of every request where no key is asked for: an admin
// everywhere, and a member of every group.
func Local() Principal {
	return Principal{Name: "local", Roles: map[string]Role{Everywhere: Admin}, Groups: []string{saga.Everyone}}
}

// Role returns the role in a namespace; 0 without one.
func (p Principal) Role(namespace string) Role {
	return max(p.Roles[namespace], p.Roles[Everywhere])
}

// Highest returns the highest role in any namespace; 0 without one.
func (p Principal) Highest() Role {
	return slices.Max(append(slices.Collect(maps.Values(p.Roles)), 0))
}
