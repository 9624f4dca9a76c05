package definition

import (
	"slices"
	"strings"
)

// shape is what a JSON Schema tells about a value's fields and numbers. It says
// less than the schema, never more; nil says nothing.
type shape struct {
	number   string // integer, number or empty
	fields   map[string]*shape
	names    []string
	required []string
	closed   bool     // fields that are not listed are refused
	gone     []string // fields that are not what they were; see Breaks
	items    *shape
}

// shaper reads shapes from a schema. Schemas may refer to themselves, so each
// object of a schema becomes one shape.
type shaper struct {
	root *node
	done map[*node]*shape
}

// shapeOf returns the shape of a schema, nil for an empty one.
func shapeOf(schema []byte) *shape {
	if len(schema) == 0 {
		return nil
	}
	root, err := parseJSON(schema, "")
	if err != nil {
		return nil
	}
	s := shaper{root: root, done: map[*node]*shape{}}
	return s.shape(root)
}

func (s *shaper) shape(n *node) *shape {
	for hops := 0; n != nil && n.get("$ref") != nil && hops < MaxDepth; hops++ {
		n = s.target(n.get("$ref").text)
	}
	if n == nil || n.kind != objectNode {
		return nil
	}
	if done := s.done[n]; done != nil {
		return done
	}
	result := &shape{number: numberType(n.get("type"))}
	s.done[n] = result
	s.object(n, result)
	if n.get("prefixItems") == nil {
		if items := n.get("items"); items != nil {
			result.items = s.shape(items)
		}
	}
	return result
}

func (s *shaper) object(n *node, result *shape) {
	properties := n.get("properties")
	if properties == nil || properties.kind != objectNode {
		return
	}
	result.fields = make(map[string]*shape, len(properties.items))
	for i, f := range properties.fields {
		if properties.items[i].get(gone) != nil {
			result.gone = append(result.gone, f.name)
			continue
		}
		result.fields[f.name] = s.shape(properties.items[i])
		result.names = append(result.names, f.name)
	}
	if required := n.get("required"); required != nil {
		for _, item := range required.items {
			result.required = append(result.required, item.text)
		}
	}
	result.closed = isClosed(n)
}

// isClosed reports whether the listed properties are meant to be all: so unless
// the schema says something about others.
func isClosed(n *node) bool {
	for _, word := range []string{"allOf", "anyOf", "oneOf", "if", "patternProperties", "unevaluatedProperties", "dependentSchemas", "$dynamicRef"} {
		if n.get(word) != nil {
			return false
		}
	}
	additional := n.get("additionalProperties")
	return additional == nil || additional.kind == boolNode && additional.text == "false"
}

// target finds what a $ref inside the schema points to.
func (s *shaper) target(ref string) *node {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok || pointer != "" && pointer[0] != '/' {
		return nil
	}
	n := s.root
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" || n == nil {
			break
		}
		n = n.get(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	return n
}

// numberType returns integer or number if that is the one type besides null.
func numberType(n *node) string {
	if n == nil {
		return ""
	}
	found := ""
	for _, item := range append([]*node{n}, n.items...) {
		switch {
		case item.kind != textNode || item.text == "null":
		case found != "":
			return ""
		default:
			found = item.text
		}
	}
	if found != "integer" && found != "number" {
		return ""
	}
	return found
}

// field returns the shape of a field, nil when nothing is known.
func (s *shape) field(name string) *shape {
	if s == nil {
		return nil
	}
	return s.fields[name]
}

// elem returns the shape of a list's elements, nil when nothing is known.
func (s *shape) elem() *shape {
	if s == nil {
		return nil
	}
	return s.items
}

// has reports whether the schema lets a value have the field.
func (s *shape) has(name string) bool {
	if s == nil {
		return true
	}
	if slices.Contains(s.gone, name) || !s.closed {
		return !slices.Contains(s.gone, name)
	}
	_, ok := s.fields[name]
	return ok
}

// missing follows a path and returns the first field that the schema does not
// know, with the names it does; ok is false if all is well.
func (s *shape) missing(elems []elem) (until int, known []string, ok bool) {
	for i, e := range elems {
		switch {
		case s == nil:
			return 0, nil, false
		case e.isIndex:
			s = s.items
		case !s.has(e.name):
			return i, s.names, true
		default:
			s = s.fields[e.name]
		}
	}
	return 0, nil, false
}
