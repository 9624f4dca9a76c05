package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// The places of expressions that belong to no step. Those behind the last step stand
// at its number plus one.
const (
	atStart = -1 // evaluated before the first step: only the input is there
	atEvent = -2 // evaluated when an event is read: only that is there
	atEnd   = -3 // evaluated when the saga has ended, whatever its end is
)

// attributes reads the option attributes: texts by name.
func (o object) attributes() map[string]string {
	n := o.fields["attributes"]
	if n == nil {
		return nil
	}
	if n.kind != objectNode {
		o.add("attributes", "want names and values, found "+n.what(), "write customer: ${input.customerId}")
		return nil
	}
	texts := map[string]string{}
	for i, f := range n.fields {
		path := join("attributes", f.name)
		o.checkName(path, f.name)
		if n.items[i].kind != textNode {
			o.add(path, "want a text, found "+n.items[i].what(), "write ${input.…}")
			continue
		}
		texts[f.name] = n.items[i].text
	}
	return texts
}

// output reads the option output, which is any tree.
func (o object) output() any {
	n := o.fields["output"]
	switch {
	case n == nil:
		return nil
	case n.kind == nullNode:
		o.add("output", "the output is empty", "leave it out, or write {}")
		return nil
	}
	return json.RawMessage(n.appendJSON(nil))
}

// whole binds the expressions that belong to the whole saga.
func (b *binder) whole(spec *Spec, def *saga.Definition) error {
	if spec.Key != "" {
		def.Key = b.textAt(atStart, "key", spec.Key)
	}
	for i, text := range spec.Lock {
		def.Locks = append(def.Locks, b.textAt(atStart, at("lock", i), text))
	}
	b.label(spec, def)
	for _, name := range slices.Sorted(maps.Keys(spec.Attributes)) {
		def.Attributes = append(def.Attributes, saga.Attribute{Name: name, Value: b.textAt(len(b.steps), "attributes."+name, spec.Attributes[name])})
	}
	if spec.OnEnd != nil {
		end, err := b.onEnd(spec.OnEnd)
		if err != nil {
			return err
		}
		def.OnEnd = end
	}
	raw, ok := spec.Output.(json.RawMessage)
	if !ok {
		return nil
	}
	tree, err := parseJSON(raw, "")
	if err != nil {
		return fmt.Errorf("read back the output: %w", err)
	}
	def.Output = b.treeAt(len(b.steps), "output", tree)
	return nil
}

// textAt binds a text with ${…} at a path of the file.
func (b *binder) textAt(step int, path, text string) saga.Expr {
	t := b.template(step, path, text)
	t.text(text, path, "")
	t.e.finish()
	return t.e
}

// treeAt binds a tree that belongs to no step.
func (b *binder) treeAt(step int, path string, tree *node) saga.Expr {
	t := b.template(step, path, string(tree.appendJSON(nil)))
	t.tree(tree, path, "")
	t.e.finish()
	return t.e
}

// KeyOf returns the business key of a saga with the given input, which CheckInput
// has passed; empty if the definition has none. The error is an *InputError.
func (f *File) KeyOf(input []byte) (string, error) {
	if f.Definition.Key == nil {
		return "", nil
	}
	key, err := keyText(f.Definition.Key, inputScope(input), "the business key", saga.MaxKey)
	if err != nil {
		return "", badInput("input", err.Error())
	}
	return key, nil
}

// inputScope is the scope of a saga that has not begun.
type inputScope []byte

// Input implements saga.Scope.
func (s inputScope) Input() (json.RawMessage, error) { return json.RawMessage(s), nil }

// Output implements saga.Scope.
func (s inputScope) Output(string) (json.RawMessage, bool, error) { return nil, false, errNoSteps }

// Waited implements saga.Scope.
func (s inputScope) Waited(string) saga.Waited { return saga.Waited{} }

// Item implements saga.Scope.
func (s inputScope) Item() (json.RawMessage, int, error) {
	return nil, 0, errors.New("there is no item before the saga begins")
}

var errNoSteps = errors.New("the saga has not begun")
