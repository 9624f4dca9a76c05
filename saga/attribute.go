package saga

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Attribute is something that the sagas of a definition can be found by.
type Attribute struct {
	Name  string // Name is the attribute's name, [a-z][A-Za-z0-9]*, unique.
	Value Expr   // Value reads the input alone and yields a text, a number, true, false, or null for none.
}

// AttributeValue is what a saga can be found by.
type AttributeValue struct {
	Name  string          // Name is the attribute's.
	Value json.RawMessage // Value is a text of at most MaxKey bytes, a number, true or false.
}

// Match chooses sagas by an attribute.
type Match struct {
	Name  string // Name is the attribute's; empty is the business key.
	Value string // Value is the text or number to have; one that ends with * stands for every text that begins so.
}

// The limits of what sagas are found by.
const (
	MaxKey        = 256 // MaxKey is the longest business key, and the longest text of an attribute, in bytes.
	MaxAttributes = 20  // MaxAttributes is how many attributes a definition may have.
)

// describe evaluates the saga's attributes.
func (d *decision) describe() error {
	var found []AttributeValue
	for _, a := range d.m.def.Attributes {
		value, err := a.Value.Eval(d)
		if err != nil {
			return fmt.Errorf("attribute %s: %w", a.Name, err)
		}
		switch {
		case string(value) == "null":
			continue
		case len(value) == 0 || value[0] == '{' || value[0] == '[':
			return fmt.Errorf("attribute %s: want a text, a number, true or false, found %.60s", a.Name, value)
		case len(value) > MaxKey+2:
			return fmt.Errorf("attribute %s: %d bytes, the most is %d", a.Name, len(value)-2, MaxKey)
		}
		found = append(found, AttributeValue{a.Name, slices.Clone(value)})
	}
	if found != nil {
		d.s.Own().Attributes = found
	}
	return nil
}

// complete ends a saga whose steps are over.
func (d *decision) complete() error {
	if d.m.def.Output != nil {
		output, err := d.m.def.Output.Eval(d)
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		if len(output) > MaxPayload {
			return fmt.Errorf("output: %d bytes, above the limit of %d: pass a reference instead", len(output), MaxPayload)
		}
		d.s.Own().Output = slices.Clone(output)
	}
	d.s.finish(Completed)
	return nil
}

// finish gives the saga its last status and forgets what only a running one needs.
func (s *State) finish(status Status) {
	var none State
	s.Status, s.Deadline, s.Paused = status, none.Deadline, none.Paused
	s.drop()
}

// names checks what belongs to the whole saga.
func (c *checker) names() {
	def := &c.m.def
	if def.Key != nil && len(def.Key.Reads().Steps) > 0 {
		c.fault("key", "it reads the output of a step", "let it read the input alone: it must be known before the saga begins")
	}
	if len(def.Attributes) > MaxAttributes {
		c.fault("attributes", fmt.Sprintf("%d attributes", len(def.Attributes)), fmt.Sprintf("write at most %d", MaxAttributes))
	}
	for i, a := range def.Attributes {
		at := "attributes." + a.Name
		switch {
		case !IsName(a.Name):
			c.fault(at, fmt.Sprintf("%q is not a name", a.Name), "write a name like customer: [a-z][A-Za-z0-9]*")
		case slices.ContainsFunc(def.Attributes[:i], func(b Attribute) bool { return b.Name == a.Name }):
			c.fault(at, "the attribute is there twice", "give each its own name")
		case a.Value == nil || len(a.Value.Reads().Steps) > 0:
			c.fault(at, "it does not read the input alone", "write ${input.…}: it must be known before the saga begins")
		}
	}
	if def.Output != nil {
		for _, name := range def.Output.Reads().Steps {
			if j, ok := c.m.index[name]; !ok || def.Steps[j].Sleep != nil {
				c.fault("output", fmt.Sprintf("there is no step %q that has an output", name), "name steps of this definition")
			}
		}
	}
}
