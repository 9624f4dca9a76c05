package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// described sets attributes by hand, also of a saga that has ended: the payload is an
// object of names and values, and null takes an attribute away. An attribute that the
// definition reads from a step later is written over then.
func (d *decision) described() error {
	var values map[string]json.RawMessage
	if err := d.parameters("describe", &values); err != nil || d.s.Status == 0 {
		return err
	}
	list := slices.Clone(d.s.Extras().Attributes)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if why := notAttribute(name, value); why != "" {
			return fmt.Errorf("describe saga %s: attribute %.80q: %s: %w", d.s.ID, name, why, ErrInvalid)
		}
		i := slices.IndexFunc(list, func(a AttributeValue) bool { return a.Name == name })
		switch null := string(value) == "null"; {
		case i < 0 && null, i >= 0 && bytes.Equal(list[i].Value, value):
			continue
		case null:
			list = slices.Delete(list, i, i+1)
		case i < 0:
			list = append(list, AttributeValue{name, value})
		default:
			list[i].Value = value
		}
		d.changed = true
	}
	switch {
	case len(values) == 0:
		return fmt.Errorf("describe saga %s: it names no attribute: %w", d.s.ID, ErrInvalid)
	case len(list) > MaxAttributes:
		return fmt.Errorf("describe saga %s: it would have %d attributes, the most is %d: %w", d.s.ID, len(list), MaxAttributes, ErrInvalid)
	case len(list) == 0:
		list = nil // as it is read back from the store
	}
	d.s.Own().Attributes = list
	return nil
}

// notAttribute says why a saga cannot have such an attribute, or nothing.
func notAttribute(name string, value json.RawMessage) string {
	switch {
	case !IsName(name):
		return "write a name like customer: [a-z][A-Za-z0-9]*"
	case value[0] == '{' || value[0] == '[':
		return fmt.Sprintf("want a text, a number, true or false, found %.60s", value)
	case len(value) > MaxKey+2:
		return fmt.Sprintf("%d bytes, the most is %d", len(value)-2, MaxKey)
	case value[0] != '"' && isVast(string(value)):
		return "its exponent is out of range: write a text instead"
	}
	return ""
}

// isVast reports whether a number is one that no column takes.
func isVast(number string) bool {
	const most = 300
	_, exponent, is := strings.Cut(strings.ToLower(number), "e")
	n, err := strconv.Atoi(exponent)
	return is && number != "true" && number != "false" && (err != nil || n > most || n < -most)
}
