package definition

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// kind is what a node is, in JSON's terms.
type kind uint8

const (
	nullNode kind = iota
	boolNode
	numberNode
	textNode
	listNode
	objectNode
)

// node is one value of a file, YAML or JSON, with its line. Fields keep the
// order they are written in; numbers keep their digits.
type node struct {
	kind   kind
	line   int
	text   string  // a text's value, a number's literal, true or false
	items  []*node // a list's items, an object's values
	fields []field // an object's field names, beside items
}

// field is the name of an object's field.
type field struct {
	name string
	line int
}

// get returns the value of a field, nil without one.
func (n *node) get(name string) *node {
	for i, f := range n.fields {
		if f.name == name {
			return n.items[i]
		}
	}
	return nil
}

// what describes the node for a message.
func (n *node) what() string {
	switch n.kind {
	case boolNode:
		return n.text
	case numberNode:
		return "the number " + n.text
	case textNode:
		return fmt.Sprintf("the text %.40q", n.text)
	case listNode:
		return "a list"
	case objectNode:
		return "fields"
	}
	return "nothing"
}

// appendJSON encodes the node, compact, in the order of the file.
func (n *node) appendJSON(dst []byte) []byte {
	switch n.kind {
	case boolNode, numberNode:
		return append(dst, n.text...)
	case textNode:
		return appendText(dst, n.text)
	case listNode:
		dst = append(dst, '[')
		for i, item := range n.items {
			dst = item.appendJSON(comma(dst, i))
		}
		return append(dst, ']')
	case objectNode:
		dst = append(dst, '{')
		for i, f := range n.fields {
			dst = append(appendText(comma(dst, i), f.name), ':')
			dst = n.items[i].appendJSON(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// native returns the node as the JSON Schema library wants it: numbers as
// json.Number, so that none is rounded.
func (n *node) native() any {
	switch n.kind {
	case boolNode:
		return n.text == "true"
	case numberNode:
		return json.Number(n.text)
	case textNode:
		return n.text
	case listNode:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.native()
		}
		return list
	case objectNode:
		object := make(map[string]any, len(n.items))
		for i, f := range n.fields {
			object[f.name] = n.items[i].native()
		}
		return object
	}
	return nil
}

// syntaxError says where a text can't be read.
type syntaxError struct {
	line int
	path string
	what string
	cure string
}

// Error returns path: what.
func (e *syntaxError) Error() string {
	if e.path == "" {
		return e.what
	}
	return e.path + ": " + e.what
}

// join appends a field's name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// at appends an index to a path.
func at(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
