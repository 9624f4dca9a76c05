package definition

import (
	"encoding/json"
	"errors"
)

// Contract is what a participant offers: its commands and their schemas.
type Contract struct {
	Participant string                     // Participant is its name, [a-z][A-Za-z0-9]*.
	Owner       string                     // Owner is who answers for it.
	Commands    map[string]CommandContract // Commands are what can be asked of it, by name.
	Sticky      *bool                      // Sticky says whether a refusal is repeated for ever; nil: it is.
}

// CommandContract describes one command.
type CommandContract struct {
	Input        json.RawMessage // Input is the JSON Schema of the command's payload; empty accepts any JSON.
	Result       json.RawMessage // Result is the JSON Schema of a success's payload; empty promises nothing.
	Compensation string          // Compensation names the command that undoes it, if there is one.
}

// LoadContract reads a contract file, YAML or JSON by its content. The error is
// saga.Faults with everything that is wrong.
func LoadContract(name string, data []byte) (*Contract, error) {
	return nil, errors.ErrUnsupported
}
