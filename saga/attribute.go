package saga

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Attribute is something that the sagas of a definition can be found by.
type Attribute struct {
	Name  string // Name is the attribute's name, [a-z][A-Za-z0-9]*, unique.
	Value Expr   // Value yields a text, a number, true, false, or null for none. One that reads outputs is set once all its steps are over.
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

// atStart asks for the attributes that need no step.
const atStart = true

// describe evaluates the attributes whose time has come: at the start those that
// read the input alone; later those that read outputs, in the event in which the
// last of their steps is over.
func (d *decision) describe(start bool) error {
	for i := range d.m.def.Attributes {
		a := &d.m.def.Attributes[i]
		steps := a.Value.Reads().Steps
		if start != (len(steps) == 0) || !start && !d.ripe(steps) {
			continue
		}
		if err := d.attribute(a); err != nil {
			return fmt.Errorf("attribute %s: %w", a.Name, err)
		}
	}
	return nil
}

// ripe reports whether all these steps are over, and one of them only now.
func (d *decision) ripe(steps []string) bool {
	fresh := false
	for _, name := range steps {
		i := d.m.index[name]
		if !d.s.Steps[i].Phase.over() {
			return false
		}
		fresh = fresh || i >= len(d.was) || !d.was[i].Phase.over()
	}
	return fresh
}

// attribute evaluates one attribute; null is none.
func (d *decision) attribute(a *Attribute) error {
	value, err := a.Value.Eval(d)
	if err != nil {
		return err
	}
	return d.found(a.Name, value)
}

// setAttribute sets an attribute as the function of a saga that is code asks for.
func (d *decision) setAttribute(name string, value json.RawMessage) error {
	if !IsName(name) {
		return fmt.Errorf("the code sets the attribute %.80q: write a name like customer: [a-z][A-Za-z0-9]*", name)
	}
	if err := d.found(name, value); err != nil {
		return fmt.Errorf("the code sets the attribute %s: %w", name, err)
	}
	if n := len(d.s.Extras().Attributes); n > MaxAttributes {
		return fmt.Errorf("the code sets the attribute %s: it would be the %dth, the most is %d", name, n, MaxAttributes)
	}
	return nil
}

// found lets the saga be found by a value; null is none.
func (d *decision) found(name string, value json.RawMessage) error {
	switch {
	case len(value) == 0 || value[0] == '{' || value[0] == '[':
		return fmt.Errorf("want a text, a number, true or false, found %.60s", value)
	case len(value) > MaxKey+2:
		return fmt.Errorf("%d bytes, the most is %d", len(value)-2, MaxKey)
	}
	named := func(v AttributeValue) bool { return v.Name == name }
	others := slices.DeleteFunc(slices.Clone(d.s.Extras().Attributes), named)
	if string(value) != "null" {
		others = append(others, AttributeValue{name, slices.Clone(value)})
	}
	if len(others) == 0 {
		others = nil // as it is read back from the store
	}
	d.s.Own().Attributes = others
	return nil
}

// FoundAs reports whether a store finds s by the same things as o.
func (s *State) FoundAs(o *State) bool {
	if s.Extra == nil && o.Extra == nil {
		return true
	}
	a, b := s.Extras(), o.Extras()
	same := func(v, w AttributeValue) bool { return v.Name == w.Name && bytes.Equal(v.Value, w.Value) }
	return a.Assigned == b.Assigned && (a.Chain == nil) == (b.Chain == nil) && s.Snoozed().Equal(o.Snoozed()) && slices.EqualFunc(a.Attributes, b.Attributes, same)
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
		case a.Value == nil:
			c.fault(at, "it has no value", "write ${input.…} or ${steps.NAME.output.…}")
		default:
			c.haveOutput(at, a.Value)
		}
	}
	if def.Output != nil {
		c.haveOutput("output", def.Output)
	}
}

// haveOutput refuses an expression that reads what never has an output.
func (c *checker) haveOutput(at string, expr Expr) {
	for _, name := range expr.Reads().Steps {
		if j, ok := c.m.index[name]; !ok || c.m.def.Steps[j].Sleep != nil {
			c.fault(at, fmt.Sprintf("there is no step %q that has an output", name), "name steps of this definition")
		}
	}
}
