package definition

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// Canonical returns the contract as JSON, which LoadContract reads back. Equal
// contracts have equal bytes.
func (c *Contract) Canonical() ([]byte, error) {
	type command struct {
		Input        json.RawMessage `json:"input,omitempty"`
		Result       json.RawMessage `json:"result,omitempty"`
		Compensation string          `json:"compensation,omitempty"`
	}
	commands := map[string]command{} // encoded by name
	for name, one := range c.Commands {
		commands[name] = command(one)
	}
	return encode(struct {
		Unwind      string             `json:"unwind"`
		Participant string             `json:"participant"`
		Owner       string             `json:"owner,omitempty"`
		Sticky      *bool              `json:"sticky,omitempty"`
		Limits      *Limits            `json:"limits,omitempty"`
		Commands    map[string]command `json:"commands"`
	}{Version1, c.Participant, c.Owner, c.Sticky, c.Limits, commands})
}

// Names lists the contract's commands, sorted.
func (c *Contract) Names() []string { return c.names() }

// Uses lists what a definition asks a participant for: commands and compensations,
// sorted, each once.
func (f *File) Uses(participant string) []string {
	var names []string
	for i := range f.Definition.Steps {
		if step := &f.Definition.Steps[i]; step.Participant == participant && !step.Waits() {
			names = append(names, step.Command)
			if step.Compensation != "" {
				names = append(names, step.Compensation)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Breaks says what of a definition would break if a participant's contract became
// another one: a command that is gone, a field that is newly required and not given,
// one whose type changes or that is refused, a field of a result that is read and no
// longer promised as it was. old is the contract so far; nil if there was none.
func Breaks(file *File, old, next *Contract) saga.Faults {
	var before saga.Faults
	if old != nil {
		before = faultsUnder(file, old)
	} else {
		old = &Contract{Participant: next.Participant}
	}
	changed, inputs, retyped := changesOf(old, next)
	after := faultsUnder(file, changed)
	after = slices.DeleteFunc(after, func(f saga.Fault) bool { return slices.Contains(before, f) })
	for i := range after {
		for _, name := range retyped {
			absent := "has no field " + strconv.Quote(name)
			if text, _, found := strings.Cut(after[i].Problem, absent); found {
				after[i].Problem, after[i].Cure = text+"has another type for field "+strconv.Quote(name), ""
			}
		}
	}
	for i := range file.Definition.Steps {
		after = append(after, wholeInput(file, i, next.Participant, inputs)...)
	}
	return after
}

// faultsUnder are the faults that a definition has under one participant's contract.
func faultsUnder(file *File, c *Contract) saga.Faults {
	var faults saga.Faults
	if errors.As(file.Fits(file.Definition.Name, *c), &faults) {
		for i := range faults {
			faults[i].File, faults[i].Line = "", 0 // of the stored form, which nobody has written
		}
	}
	return faults
}

// gone marks a property of a schema as one that is not what it was; see shaper.object.
const gone = "x-unwind-gone"

// inputChange is what has changed of a command's input, outermost field only.
type inputChange struct {
	command, field, what string
	required             bool // it is newly required
}

// changesOf returns the next contract with every field marked that is not what it was
// in the old one, the changes of inputs, and the names of fields with another type.
func changesOf(old, next *Contract) (marked *Contract, inputs []inputChange, retyped []string) {
	marked = &Contract{Participant: next.Participant, Owner: next.Owner, Sticky: next.Sticky, Commands: maps.Clone(next.Commands)}
	for _, name := range next.names() {
		before, known := old.Commands[name]
		if !known {
			continue
		}
		after := marked.Commands[name]
		in := comparison{narrower: true}
		after.Input = in.schemas(before.Input, after.Input)
		for _, c := range in.found {
			c.command = name
			inputs = append(inputs, c)
		}
		out := comparison{}
		after.Result = out.schemas(before.Result, after.Result)
		marked.Commands[name] = after
		retyped = append(append(retyped, in.retyped...), out.retyped...)
	}
	return marked, inputs, retyped
}

// comparison compares two schemas of one document. An input must not become narrower,
// a result not wider.
type comparison struct {
	narrower bool
	found    []inputChange
	retyped  []string // names of fields
}

// schemas returns the next schema with what has changed marked as gone.
func (c *comparison) schemas(old, next json.RawMessage) json.RawMessage {
	before, err1 := parseJSON(orTrue(old), "")
	after, err2 := parseJSON(orTrue(next), "")
	if err1 != nil || err2 != nil {
		return next // both were read before
	}
	c.objects(shaper{root: before}, shaper{root: after}, [2]*node{before, after}, "", 0)
	if len(next) == 0 && len(c.found) == 0 {
		return next
	}
	return after.appendJSON(nil)
}

// orTrue is the schema of a document of which nothing is said.
func orTrue(schema json.RawMessage) json.RawMessage {
	if len(schema) == 0 {
		return json.RawMessage("{}")
	}
	return schema
}

func (c *comparison) objects(old, next shaper, pair [2]*node, path string, depth int) {
	before, after := resolved(old, pair[0]), resolved(next, pair[1])
	if before == nil || after == nil || depth > MaxDepth {
		return
	}
	c.required(before, after, path)
	properties, now := before.get("properties"), after.get("properties")
	if properties == nil {
		return
	}
	for i, f := range properties.fields {
		there := fieldOf(now, f.name)
		switch {
		case there == nil && !c.narrower:
			mark(after, f.name)
			c.note(join(path, f.name), "is not promised any more")
		case there == nil:
			if isClosed(after) {
				c.note(join(path, f.name), "is not taken any more")
			}
		case c.typeChanged(resolved(old, properties.items[i]), resolved(next, there)):
			mark(after, f.name)
			c.retyped = append(c.retyped, f.name)
			c.note(join(path, f.name), "has another type")
		default:
			c.objects(old, next, [2]*node{properties.items[i], there}, join(path, f.name), depth+1)
		}
	}
}

func (c *comparison) note(path, what string) {
	name, _, _ := strings.Cut(path, ".")
	c.found = append(c.found, inputChange{field: name, what: path + " " + what})
}

// required finds what an input newly requires.
func (c *comparison) required(before, after *node, path string) {
	if !c.narrower {
		return
	}
	was := textsOf(before.get("required"))
	for _, name := range textsOf(after.get("required")) {
		if !slices.Contains(was, name) {
			whole, _, _ := strings.Cut(join(path, name), ".")
			c.found = append(c.found, inputChange{field: whole, what: join(path, name) + " is newly required", required: path == ""})
		}
	}
}

func resolved(s shaper, n *node) *node {
	for hops := 0; n != nil && n.get("$ref") != nil && hops < MaxDepth; hops++ {
		n = s.target(n.get("$ref").text)
	}
	return n
}

func fieldOf(object *node, name string) *node {
	if object == nil {
		return nil
	}
	return object.get(name)
}

// textsOf are the texts of a list, or the one text.
func textsOf(n *node) (texts []string) {
	if n == nil {
		return nil
	}
	for _, item := range append([]*node{n}, n.items...) {
		if item.kind == textNode {
			texts = append(texts, item.text)
		}
	}
	return texts
}

// typeChanged reports whether a value that was right is not any more.
func (c *comparison) typeChanged(before, after *node) bool {
	if before == nil || after == nil {
		return false
	}
	narrow, wide := textsOf(before.get("type")), textsOf(after.get("type"))
	if !c.narrower {
		narrow, wide = wide, narrow
	}
	if wide == nil {
		return false
	}
	return narrow == nil || slices.ContainsFunc(narrow, func(t string) bool {
		return !slices.Contains(wide, t) && (t != "integer" || !slices.Contains(wide, "number"))
	})
}

// mark puts a property into an object's schema that is gone.
func mark(object *node, name string) {
	sign := &node{kind: objectNode, fields: []field{{name: gone}}, items: []*node{{kind: boolNode, text: "true"}}}
	properties := object.get("properties")
	if properties == nil {
		properties = &node{kind: objectNode}
		object.fields, object.items = append(object.fields, field{name: "properties"}), append(object.items, properties)
	}
	for i, f := range properties.fields {
		if f.name == name {
			properties.items[i] = sign
			return
		}
	}
	properties.fields, properties.items = append(properties.fields, field{name: name}), append(properties.items, sign)
}

// wholeInput finds what breaks of a step that passes the saga's input on as it is.
func wholeInput(file *File, i int, participant string, changes []inputChange) (faults saga.Faults) {
	step := &file.Definition.Steps[i]
	if file.code || step.Waits() || step.Input != nil || step.ForEach != nil || step.Participant != participant {
		return nil
	}
	given := shapeOf(file.Definition.Schema)
	for _, c := range changes {
		switch {
		case c.command != step.Command:
		case c.required && given != nil && slices.Contains(given.required, c.field):
		case !c.required && given != nil && given.fields[c.field] == nil && given.closed:
		default:
			faults = append(faults, saga.Fault{Path: at("steps", i), Problem: "the saga's input is passed on as it is, and " + c.what})
		}
	}
	return faults
}
