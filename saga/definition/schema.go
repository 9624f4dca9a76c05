package definition

import (
	_ "embed" // the schemas of the files
)

//go:embed definition.schema.json
var definitionSchema []byte

//go:embed contract.schema.json
var contractSchema []byte

// Schema returns the JSON Schema of a definition file.
func Schema() []byte { return definitionSchema[:len(definitionSchema):len(definitionSchema)] }

// ContractSchema returns the JSON Schema of a contract file.
func ContractSchema() []byte { return contractSchema[:len(contractSchema):len(contractSchema)] }
