package access

import "fmt"

// Role is what a principal may do in a namespace. A higher role may do all that a
// lower one may; the zero value may do nothing.
type Role int

// The roles.
const (
	Viewer   Role = iota + 1 // Viewer reads, payloads included.
	Operator                 // Operator also starts sagas and looks after them.
	Admin                    // Admin also decides what is run: definitions, and all that has no lower role.
)

// roles are the names, by role.
var roles = [...]string{"none", "viewer", "operator", "admin"}

// ParseRole reads viewer, operator or admin.
func ParseRole(text string) (Role, error) {
	for role := Viewer; role <= Admin; role++ {
		if roles[role] == text {
			return role, nil
		}
	}
	return 0, fmt.Errorf("there is no role %q: write viewer, operator or admin", text)
}

// String returns the role's name.
func (r Role) String() string {
	if r < 0 || r > Admin {
		return roles[0]
	}
	return roles[r]
}
