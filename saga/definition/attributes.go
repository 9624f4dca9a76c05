package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/unwindhq/unwind/saga"
)

// atStart is the place of expressions that are evaluated before the first step: only
// the input is there. Those behind the last step stand at its number plus one.
const atStart = -1

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
	b.label(spec, def)
	for _, name := range slices.Sorted(maps.Keys(spec.Attributes)) {
		def.Attributes = append(def.Attributes, saga.Attribute{Name: name, Value: b.textAt(len(b.steps), "attributes."+name, spec.Attributes[name])})
	}
	raw, ok := spec.Output.(json.RawMessage)
	if !ok {
		return nil
	}
	tree, err := parseJSON(raw, "")
	if err != nil {
		return fmt.Errorf("read back the output: %w", err)
	}
	t := template{binder: b, step: len(b.steps), e: &expression{where: "output", source: string(raw), shape: b.shape}}
	t.tree(tree, "output", "")
	t.e.finish()
	def.Output = t.e
	return nil
}

// textAt binds a text with ${…} at a path of the file.
func (b *binder) textAt(step int, path, text string) saga.Expr {
	t := template{binder: b, step: step, e: &expression{where: path, source: text, shape: b.shape}}
	t.text(text, path, "")
	t.e.finish()
	return t.e
}

// KeyOf returns the business key of a saga with the given input, which CheckInput
// has passed; empty if the definition has none. The error is an *InputError.
func (f *File) KeyOf(input []byte) (string, error) {
	if f.Definition.Key == nil {
		return "", nil
	}
	value, err := f.Definition.Key.Eval(inputScope(input))
	if err != nil {
		return "", badInput("input", err.Error())
	}
	key := string(value)
	if strings.HasPrefix(key, `"`) {
		if err := json.Unmarshal(value, &key); err != nil {
			return "", badInput("input", "the business key: "+err.Error())
		}
	}
	odd := func(c rune) bool { return c < 0x20 || c == 0x7f || c == utf8.RuneError }
	switch {
	case key == "" || key == "null" || strings.HasPrefix(key, "{") || strings.HasPrefix(key, "["):
		return "", badInput("input", fmt.Sprintf("%s yields %.60s as the business key: want a text or a number", f.Definition.Key, value))
	case len(key) > saga.MaxKey || strings.ContainsFunc(key, odd):
		return "", badInput("input", fmt.Sprintf("the business key must be plain text of at most %d bytes", saga.MaxKey))
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

var errNoSteps = errors.New("the saga has not begun")
