package definition

import (
	_ "embed" // the schemas of the files
	"slices"
)

//go:embed definition.schema.json
var definitionSchema []byte

//go:embed contract.schema.json
var contractSchema []byte

//go:embed script.schema.json
var scriptSchema []byte

//go:embed schedule.schema.json
var scheduleSchema []byte

// Schema returns the JSON Schema of a definition file.
func Schema() []byte { return slices.Clip(definitionSchema) }

// ContractSchema returns the JSON Schema of a contract file.
func ContractSchema() []byte { return slices.Clip(contractSchema) }

// ScriptSchema returns the JSON Schema of a test script; see LoadScript.
func ScriptSchema() []byte { return slices.Clip(scriptSchema) }

// ScheduleSchema returns the JSON Schema of a schedule file; see LoadSchedule.
func ScheduleSchema() []byte { return slices.Clip(scheduleSchema) }
