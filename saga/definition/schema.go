package definition

import (
	_ "embed" // the schemas of the files
	"slices"
)

//go:embed definition.schema.json
var definitionSchema []byte

//go:embed contract.schema.json
var contractSchema []byte

// Schema returns the JSON Schema of a definition file.
func Schema() []byte { return slices.Clip(definitionSchema) }

// ContractSchema returns the JSON Schema of a contract file.
func ContractSchema() []byte { return slices.Clip(contractSchema) }
