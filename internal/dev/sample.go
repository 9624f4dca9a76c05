package dev

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// The bounds of a sample, for schemas that refer to themselves.
const (
	maxSampleDepth  = 12
	maxSampleValues = 1000
)

// Sample returns a JSON value that fits a JSON Schema as well as can be told
// without solving it: its examples, default, const or first enum where it has
// them, else the plainest value of its type. Patterns and conditions are not
// looked at. An empty schema gives {}. The same schema gives the same bytes.
func Sample(schema json.RawMessage) json.RawMessage {
	root, ok := parseSchema(schema)
	if !ok || len(root) == 0 {
		return json.RawMessage("{}")
	}
	data, err := json.Marshal((&sampler{root: root}).value(root, 0))
	if err != nil {
		return json.RawMessage("{}") // what came from JSON can be written as JSON
	}
	return data
}

func parseSchema(schema json.RawMessage) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber() // numbers keep their text
	var root map[string]any
	return root, d.Decode(&root) == nil
}

// sampler makes samples of one document.
type sampler struct {
	root map[string]any
	made int // values so far
}

func (s *sampler) value(schema map[string]any, depth int) any {
	if s.made++; depth > maxSampleDepth || s.made > maxSampleValues {
		return nil
	}
	if given, ok := givenValue(schema); ok {
		return given
	}
	if ref, ok := schema["$ref"].(string); ok {
		return s.value(s.resolve(ref), depth+1)
	}
	for _, choice := range []string{"allOf", "oneOf", "anyOf"} {
		if list, ok := schema[choice].([]any); ok && len(list) > 0 && schema["type"] == nil && schema["properties"] == nil {
			first, _ := list[0].(map[string]any)
			return s.value(first, depth+1)
		}
	}
	return s.typed(typeOf(schema), schema, depth)
}

// givenValue is a value that the schema itself shows.
func givenValue(schema map[string]any) (any, bool) {
	if list, ok := schema["examples"].([]any); ok && len(list) > 0 {
		return list[0], true
	}
	for _, key := range []string{"const", "default", "example"} {
		if v, ok := schema[key]; ok {
			return v, true
		}
	}
	if list, ok := schema["enum"].([]any); ok && len(list) > 0 {
		return list[0], true
	}
	return nil, false
}

// resolve follows a reference inside the document; others give an empty schema.
func (s *sampler) resolve(ref string) map[string]any {
	path, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil
	}
	at := s.root
	for name := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name != "" {
			at, _ = at[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)].(map[string]any)
		}
	}
	return at
}

// typeOf is the schema's type, or the one that its other words speak of.
func typeOf(schema map[string]any) string {
	switch t := schema["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
	}
	switch {
	case schema["properties"] != nil || schema["required"] != nil:
		return "object"
	case schema["items"] != nil:
		return "array"
	}
	return ""
}

func (s *sampler) typed(kind string, schema map[string]any, depth int) any {
	switch kind {
	case "object":
		return s.object(schema, depth)
	case "array":
		items, _ := schema["items"].(map[string]any)
		list := []any{}
		for range min(max(1, limit(schema, "minItems", 1)), 10) {
			list = append(list, s.value(items, depth+1))
		}
		return list
	case "string":
		return text(schema)
	case "integer", "number":
		return number(schema)
	case "boolean":
		return true
	}
	return nil
}

func (s *sampler) object(schema map[string]any, depth int) any {
	fields := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, _ := properties[name].(map[string]any)
		fields[name] = s.value(property, depth+1)
	}
	required, _ := schema["required"].([]any)
	for _, r := range required {
		if name, ok := r.(string); ok && fields[name] == nil && properties[name] == nil {
			fields[name] = "sample"
		}
	}
	return fields
}

// text is a string of the schema's format and length.
func text(schema map[string]any) string {
	switch schema["format"] {
	case "uuid":
		return "00000000-0000-4000-8000-000000000001"
	case "date-time":
		return "2026-01-01T00:00:00Z"
	case "date":
		return "2026-01-01"
	case "time":
		return "00:00:00Z"
	case "email":
		return "ada@example.org"
	case "uri":
		return "https://example.org/"
	}
	sample := "sample"
	if least := limit(schema, "minLength", 0); least > len(sample) {
		sample += strings.Repeat("x", min(least, 1000)-len(sample))
	}
	if most := limit(schema, "maxLength", len(sample)); most < len(sample) {
		sample = sample[:max(0, most)]
	}
	return sample
}

// number is the least one that is allowed, where there is one.
func number(schema map[string]any) any {
	if n, ok := schema["minimum"].(json.Number); ok {
		return n
	}
	if n := limit(schema, "exclusiveMinimum", 0); n != 0 {
		return n + 1
	}
	if n, ok := schema["maximum"].(json.Number); ok {
		if v, err := n.Float64(); err == nil && v < 1 {
			return n
		}
	}
	return 1
}

// limit is a whole number in the schema.
func limit(schema map[string]any, name string, otherwise int) int {
	if n, ok := schema[name].(json.Number); ok {
		if v, err := n.Int64(); err == nil {
			return int(v)
		}
	}
	return otherwise
}
