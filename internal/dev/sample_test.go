package dev

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func TestSampleFitsItsSchema(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`{}`: `{}`,
		`{"type":"object","properties":{"b":{"type":"integer","minimum":7},"a":{"type":"string"}}}`: `{"a":"sample","b":7}`,
		`{"type":"object","required":["x"]}`:                                      `{"x":"sample"}`,
		`{"type":"object","properties":{"id":{"type":"string","format":"uuid"}}}`: `{"id":"00000000-0000-4000-8000-000000000001"}`,
		`{"type":"array","items":{"type":"boolean"},"minItems":2}`:                `[true,true]`,
		`{"type":["null","number"],"exclusiveMinimum":4}`:                         `5`,
		`{"type":"number","maximum":-2.50}`:                                       `-2.50`,
		`{"enum":["gold","silver"]}`:                                              `"gold"`,
		`{"const":12345678901234567890}`:                                          `12345678901234567890`,
		`{"type":"string","examples":["F-1"]}`:                                    `"F-1"`,
		`{"type":"string","minLength":9}`:                                         `"samplexxx"`,
		`{"type":"string","maxLength":2}`:                                         `"sa"`,
		`{"oneOf":[{"type":"integer"},{"type":"string"}]}`:                        `1`,
		`{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"boolean"}}}`:              `true`,
		`{"properties":{"in":{"required":["y"]}}}`:                                `{"in":{"y":"sample"}}`,
	}
	for schema, want := range cases {
		got := Sample(json.RawMessage(schema))
		require.Equal(t, want, string(got), schema)
		require.NoError(t, validate(t, schema, got), schema)
	}
}

// validate says whether a value fits a schema, in the words of a library.
func validate(t *testing.T, schema string, value []byte) error {
	t.Helper()
	root, ok := parseSchema(json.RawMessage(schema))
	require.True(t, ok)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("s.json", root))
	compiled, err := c.Compile("s.json")
	require.NoError(t, err)
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	require.NoError(t, err)
	return compiled.Validate(decoded)
}

func TestSampleEndsOnAnySchema(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{
		``, `7`, `[`, `{"$ref":"#"}`, `{"$ref":"#/nowhere"}`, `{"$ref":"other.json"}`, `{"allOf":[7]}`, `{"type":"array","minItems":1000000}`,
		`{"type":"string","minLength":1000000000}`, `{"type":"object","properties":{"self":{"$ref":"#"}}}`, `{"properties":{"a":true}}`,
		`{"type":"string","maxLength":-1}`, `{"type":"array","minItems":10,"items":{"$ref":"#"}}`, `{"type":7,"items":7,"required":7}`,
	} {
		require.True(t, json.Valid(Sample(json.RawMessage(schema))), schema)
	}
}

func FuzzSample(f *testing.F) {
	f.Add([]byte(`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["b"]}`))
	f.Fuzz(func(t *testing.T, schema []byte) {
		require.True(t, json.Valid(Sample(schema)))
	})
}
