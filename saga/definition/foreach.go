package definition

import (
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// Limit bounds a step with forEach.
type Limit struct {
	Items       int `json:"items,omitempty"`       // Items is the longest list; default and most are saga.MaxItems.
	Concurrency int `json:"concurrency,omitempty"` // Concurrency is how many items are under way at once; default saga.DefaultConcurrency, at most saga.MaxConcurrency.
}

var limitOptions = options{"limit", []string{"items", "concurrency"}, nil}

func (o object) limit() *Limit {
	n := o.fields["limit"]
	if n == nil {
		return nil
	}
	l := o.object(n, join(o.path, "limit"), limitOptions)
	return &Limit{Items: l.count("items"), Concurrency: l.count("concurrency")}
}

// forEach resolves a step that runs for each item of a list; nil for another.
func (r *resolver) forEach(s *Step, path string) *saga.ForEach {
	switch {
	case s.ForEach == "" && s.Limit == nil:
		return nil
	case s.ForEach == "":
		if !r.faulty(join(path, "forEach"), len(r.faults)) {
			r.add(join(path, "limit"), "a limit of no list", "write forEach: and an expression that yields a list, or remove limit")
		}
		return nil
	case s.Limit == nil:
		s.Limit = &Limit{}
	}
	if s.Limit.Items == 0 {
		s.Limit.Items = saga.MaxItems
	}
	if s.Limit.Concurrency == 0 {
		s.Limit.Concurrency = saga.DefaultConcurrency
	}
	return &saga.ForEach{Items: s.Limit.Items, Concurrency: s.Limit.Concurrency}
}

// What the input of a step with forEach can read beside the rest: documents, like a
// step's output. No step has such a name.
const (
	itemDocument  = "$item"
	indexDocument = "$index"
)

// forEach binds the list of step i.
func (b *binder) forEach(i int, text string) saga.Expr {
	path := at("steps", i) + ".forEach"
	inner, ok := b.one(path, text, "write ${…} around all of it, such as ${input.lines}")
	if !ok {
		return nil
	}
	t := b.template(i, "step "+b.steps[i].Step+", forEach", text)
	if h := t.hole(inner, path, ""); h != nil {
		t.e.parts = append(t.e.parts, h)
	}
	t.e.finish()
	return t.e
}

// itemShape is what is known of the items of step i's list: something if the list is a
// place in the input, or another step's outputs.
func (b *binder) itemShape(i int) *shape {
	segments, err := split(strings.TrimSpace(b.steps[i].ForEach))
	if err != nil || len(segments) != 1 {
		return nil
	}
	parsed, issues := b.env.Parse(segments[0].text)
	if issues.Err() != nil {
		return nil
	}
	c, ok := chainOf(parsed.NativeRep().Expr())
	switch {
	case !ok || !c.plain:
		return nil
	case c.root == "input":
		return b.shape.at(c.elems).elem()
	case c.root == "steps" && len(c.elems) == 2 && c.elems[1].name == outputs:
		return b.results[c.elems[0].name]
	}
	return nil
}

// at returns the shape of what lies at a path, nil when nothing is known.
func (s *shape) at(elems []elem) *shape {
	for _, e := range elems {
		if s == nil {
			return nil
		}
		if e.isIndex {
			s = s.items
		} else {
			s = s.fields[e.name]
		}
	}
	return s
}

// The names of what a step has yielded: once, or for each item.
const (
	output  = "output"
	outputs = "outputs"
)

// yields checks the name by which an expression reads what a step has yielded, and
// returns its shape.
func (f *references) yields(name string, e elem) (result *shape, ok bool) {
	result = f.bind.results[name]
	each := f.bind.steps[f.bind.index[name]].ForEach != ""
	switch {
	case each && e.name == output:
		f.fault("step "+name+" runs once for each item and has a list of outputs", "write steps."+name+"."+outputs)
		return nil, false
	case each:
		if result != nil {
			result = &shape{items: result}
		}
		return result, true
	case e.name == outputs:
		f.fault("step "+name+" runs once and has one output", "write steps."+name+"."+output)
		return nil, false
	}
	return result, true
}

// ofItem checks item… and index.
func (f *references) ofItem(c chain) {
	f.note(c.root)
	if c.root == "index" {
		return
	}
	f.fields(f.items, "item", "what is known of the list", c.elems)
}
