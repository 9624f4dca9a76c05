package definition

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = 1 << 20

// parse reads a file: JSON if it starts like a JSON object, else YAML.
func parse(data []byte) (*node, error) {
	if len(data) > MaxFile {
		return nil, &syntaxError{what: "the file has " + strconv.Itoa(len(data)) + " bytes, the most is " + strconv.Itoa(MaxFile)}
	}
	if looksJSON(data) {
		return parseJSON(data, "")
	}
	return parseYAML(data)
}

// looksJSON tells {"a": … from YAML's {a: ….
func looksJSON(data []byte) bool {
	rest := bytes.TrimLeft(data, " \t\r\n")
	if len(rest) == 0 || rest[0] != '{' {
		return false
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '}')
}

func parseYAML(data []byte) (*node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, &syntaxError{line: 1, what: "the file is empty"}
	case err != nil:
		return nil, yamlError(err)
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return nil, &syntaxError{line: second.Line, what: "the file holds a second document", cure: "put each definition into a file of its own"}
	} else if !errors.Is(err, io.EOF) {
		return nil, yamlError(err)
	}
	if len(document.Content) != 1 {
		return nil, &syntaxError{line: 1, what: "the file is empty"}
	}
	return fromYAML(document.Content[0], "", 0)
}

func yamlError(err error) error {
	e := &syntaxError{what: err.Error()}
	if m := yamlLine.FindStringSubmatch(e.what); m != nil {
		e.line, _ = strconv.Atoi(m[2])
		e.what = m[1] + m[3]
	}
	e.what = "not YAML: " + e.what
	return e
}

func fromYAML(y *yaml.Node, path string, depth int) (*node, error) {
	n := &node{line: y.Line}
	switch {
	case depth >= MaxDepth:
		return nil, &syntaxError{line: y.Line, path: path, what: "nested deeper than " + strconv.Itoa(MaxDepth)}
	case y.Kind == yaml.AliasNode || y.Anchor != "":
		return nil, &syntaxError{line: y.Line, path: path, what: "anchors and aliases are not supported", cure: "write the value out, or put it under defaults"}
	case y.Style&yaml.TaggedStyle != 0:
		return nil, &syntaxError{line: y.Line, path: path, what: "the tag " + y.Tag + " is not supported", cure: "write the value without it"}
	}
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = objectNode
		return n, fieldsFromYAML(n, y, path, depth)
	case yaml.SequenceNode:
		n.kind = listNode
		for i, item := range y.Content {
			value, err := fromYAML(item, at(path, i), depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, value)
		}
		return n, nil
	}
	return n, scalarFromYAML(n, y, path)
}

func fieldsFromYAML(n *node, y *yaml.Node, path string, depth int) error {
	seen := make(map[string]bool, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.Style&yaml.TaggedStyle != 0 || key.Tag == "!!merge" {
			return &syntaxError{line: key.Line, path: path, what: "a field's name must be a plain text"}
		}
		name := key.Value
		if seen[name] {
			return &syntaxError{line: key.Line, path: join(path, name), what: "the field is there twice", cure: "keep one of the two"}
		}
		seen[name] = true
		value, err := fromYAML(y.Content[i+1], join(path, name), depth+1)
		if err != nil {
			return err
		}
		if value.kind == nullNode {
			value.line = key.Line
		}
		n.fields = append(n.fields, field{name: name, line: key.Line})
		n.items = append(n.items, value)
	}
	return nil
}

// scalarFromYAML reads a plain scalar as JSON would: true, false, null and JSON's
// numbers are values, what YAML alone takes for a number is refused, and every
// other one is text.
func scalarFromYAML(n *node, y *yaml.Node, path string) error {
	n.kind, n.text = textNode, y.Value
	if y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return nil
	}
	switch {
	case y.Value == "" || y.Value == "~" || y.Value == "null":
		n.kind, n.text = nullNode, ""
	case y.Value == "true" || y.Value == "false":
		n.kind = boolNode
	case isNumber(y.Value):
		n.kind = numberNode
	case y.ShortTag() == "!!int" || y.ShortTag() == "!!float":
		return &syntaxError{line: y.Line, path: path, what: "the number " + y.Value + " is not one in JSON", cure: "write it in decimal, or put it in quotes if it is text"}
	}
	return nil
}

var yamlLine = regexp.MustCompile(`(?s)^(.*?)line (\d+)(?:, column \d+)?: ?(.*)$`)
