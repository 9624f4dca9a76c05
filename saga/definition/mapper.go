package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// The mapper carries JSON to CEL and back. It is ours, since the ready-made one
// makes every number a double.

// decodeValue reads a JSON text for CEL, its numbers typed by the shape.
func decodeValue(data []byte, s *shape) (ref.Val, error) {
	if len(data) == 0 {
		return types.NullValue, nil
	}
	c := &cursor{data: data}
	v, err := c.value(s)
	if err != nil {
		return nil, err
	}
	return v, c.end()
}

func (c *cursor) value(s *shape) (ref.Val, error) {
	switch c.peek() {
	case '{':
		return c.mapValue(s)
	case '[':
		var list []ref.Val
		err := c.list(func(int) error {
			v, err := c.value(s.elem())
			list = append(list, v)
			return err
		})
		return types.NewRefValList(types.DefaultTypeAdapter, list), err
	case '"':
		text, err := c.text()
		return types.String(text), err
	case 't', 'f', 'n':
		kind, word, err := c.word()
		if kind == nullNode {
			return types.NullValue, err
		}
		return types.Bool(word == "true"), err
	}
	literal, err := c.number()
	if err != nil {
		return nil, err
	}
	return numberValue(literal, s)
}

func (c *cursor) mapValue(s *shape) (ref.Val, error) {
	fields := map[string]any{}
	err := c.object(func(name string) error {
		if _, twice := fields[name]; twice {
			return fmt.Errorf("it has the field %.80q twice", name)
		}
		v, err := c.value(s.field(name))
		fields[name] = v
		return err
	})
	return types.NewStringInterfaceMap(types.DefaultTypeAdapter, fields), err
}

// numberValue types a number: by the schema if it says, else an integer literal
// is an int, or a uint if it needs one, and every other literal a double.
func numberValue(literal string, s *shape) (ref.Val, error) {
	if s != nil && s.number == "number" {
		return doubleValue(literal)
	}
	if s != nil && s.number == "integer" {
		literal = integral(literal)
	}
	if !strings.ContainsAny(literal, ".eE") {
		if i, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return types.Int(i), nil
		}
		if u, err := strconv.ParseUint(literal, 10, 64); err == nil {
			return types.Uint(u), nil
		}
	}
	return doubleValue(literal)
}

func doubleValue(literal string) (ref.Val, error) {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s is too large", literal)
	}
	return types.Double(f), nil
}

// integral writes 2.0 and 1e3, which JSON Schema takes for integers, as 2 and 1000.
func integral(literal string) string {
	if !strings.ContainsAny(literal, ".eE") {
		return literal
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return literal
	}
	return strconv.FormatInt(int64(f), 10)
}

// appendValue encodes a value of CEL canonically: sorted keys, shortest numbers.
func appendValue(dst []byte, v ref.Val, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, fmt.Errorf("the result is nested deeper than %d", MaxDepth)
	}
	switch v := v.(type) {
	case types.Null:
		return append(dst, "null"...), nil
	case types.Bool:
		return strconv.AppendBool(dst, bool(v)), nil
	case types.Int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case types.Uint:
		return strconv.AppendUint(dst, uint64(v), 10), nil
	case types.Double:
		return appendDouble(dst, float64(v))
	case types.String:
		if !utf8.ValidString(string(v)) {
			return dst, errors.New("the result holds a text that is not UTF-8")
		}
		return appendText(dst, string(v)), nil
	case *types.Optional:
		return dst, errors.New("the result is an optional value: add .orValue(…)")
	case traits.Mapper:
		return appendMap(dst, v, depth)
	case traits.Lister:
		return appendList(dst, v, depth)
	}
	return dst, fmt.Errorf("the result is a %s, which JSON can't hold", v.Type().TypeName())
}

func appendDouble(dst []byte, f float64) ([]byte, error) {
	encoded, err := json.Marshal(f)
	if err != nil {
		return dst, fmt.Errorf("the result is %v, which JSON can't hold", f)
	}
	return append(dst, encoded...), nil
}

func appendList(dst []byte, list traits.Lister, depth int) ([]byte, error) {
	size, _ := list.Size().(types.Int)
	dst = append(dst, '[')
	var err error
	for i := range int(size) {
		if dst, err = appendValue(comma(dst, i), list.Get(types.Int(i)), depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendMap(dst []byte, m traits.Mapper, depth int) ([]byte, error) {
	keys, err := sortedKeys(m)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	for i, key := range keys {
		dst = append(appendText(comma(dst, i), key), ':')
		if dst, err = appendValue(dst, m.Get(types.String(key)), depth+1); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// sortedKeys is the only way in which the keys of a map become visible.
func sortedKeys(m traits.Mapper) ([]string, error) {
	size, _ := m.Size().(types.Int)
	keys := make([]string, 0, int(size))
	for it := m.Iterator(); it.HasNext() == types.True; {
		key, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("a map has a key that is not a text")
		}
		keys = append(keys, string(key))
	}
	slices.Sort(keys)
	return keys, nil
}

// appendPlain writes a value as it reads inside a text.
func appendPlain(dst []byte, v ref.Val) ([]byte, error) {
	switch v := v.(type) {
	case types.String:
		return append(dst, v...), nil
	case types.Bool, types.Int, types.Uint, types.Double:
		return appendValue(dst, v, 0)
	}
	return dst, fmt.Errorf("the result is a %s and can't stand inside a text", v.Type().TypeName())
}
