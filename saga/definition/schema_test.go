package definition_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/unwindhq/unwind/saga/definition"
)

// compiled compiles a schema, which checks it against its metaschema.
func compiled(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("s.json", doc))
	s, err := c.Compile("s.json")
	require.NoError(t, err)
	return s
}

func read(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return fromYAML(t, data)
}

func fromYAML(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal(data, &v))
	encoded, err := json.Marshal(v)
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	require.NoError(t, err)
	return doc
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	s := compiled(t, definition.Schema())
	require.NoError(t, s.Validate(read(t, "testdata/bookTrip.yaml")))
	require.NoError(t, s.Validate(read(t, "testdata/bookTrip.canonical.json")))
	require.NoError(t, s.Validate(fromYAML(t, []byte(base))))
	require.Error(t, s.Validate(read(t, "testdata/broken.yaml")))
	c := compiled(t, definition.ContractSchema())
	require.NoError(t, c.Validate(read(t, "testdata/payments.contract.yaml")))
	require.Error(t, c.Validate(read(t, "testdata/bookTrip.yaml")))
}

// The schema refuses what Load refuses for its form.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := compiled(t, definition.Schema())
	form := []string{
		"unwind", "unwind missing", "saga", "owner", "unknown", "later", "schema", "schema option", "defaults option", "attempts", "jitter",
		"step name", "step later", "step unknown", "after type", "kind", "command", "command missing", "local", "compensation", "input null", "when plain", "when bool",
	}
	for _, tt := range faults {
		if slices.Contains(form, tt.name) {
			require.Error(t, s.Validate(fromYAML(t, []byte(replaceLine(t, tt.old, tt.new)))), tt.name)
		}
	}
}

func TestLoadContractFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ data, want string }{
		{"", "c.yaml:1: the file is empty"},
		{"unwind: v1\nparticipant: pay\n", "c.yaml:1: commands: there are no commands; write commands: and what can be asked of the participant"},
		{"unwind: v1\nparticipant: pay\nsticky: maybe\ncommands: {a: }", "c.yaml:3: sticky: want true or false, found the text \"maybe\""},
		{"unwind: v1\nparticipant: pay\ncommands: {a-b: {}}", "c.yaml:3: commands.a-b: \"a-b\" is not a name; write aB"},
		{"unwind: v1\nparticipant: pay\ncommands:\n  a:\n    inputs: {}", "c.yaml:5: commands.a.inputs: unknown option of a command; did you mean input?"},
		{"unwind: v1\nparticipant: pay\ncommands:\n  a:\n    input: 5", "c.yaml:5: commands.a.input: want a JSON Schema, found the number 5"},
		{"unwind: v1\nparticipant: pay\ncodec: avro\ncommands: {a: {}}", "c.yaml:3: codec: unknown option of a contract; not in this version: leave it out"},
	} {
		_, err := definition.LoadContract("c.yaml", []byte(tt.data))
		require.EqualError(t, err, tt.want)
	}
	_, err := definition.LoadContract("c.yaml", []byte("unwind: v1\nparticipant: pay\ncommands:\n  a:\n    input: {type: strin}"))
	require.ErrorContains(t, err, "c.yaml:5: commands.a.input: not a JSON Schema: ")
}
