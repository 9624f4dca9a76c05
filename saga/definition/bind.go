package definition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/unwindhq/unwind/saga"
)

// binder turns the expressions of a Spec into saga.Expr.
type binder struct {
	*report
	env       *cel.Env // of the saga's expressions
	events    *cel.Env // of those that read an event
	items     *cel.Env // of those that make the input of an item
	endings   *cel.Env // of those that read how a saga has ended
	tracking  *cel.Env // of conditions that are taken apart
	completes bool     // it is read only if the saga has completed
	steps     []Step
	shape     *shape // the input's
	index     map[string]int
	ancestors []map[int]bool
	skippable map[string]bool
	waits     map[string]*Step  // the steps that wait, by name
	results   map[string]*shape // by step, from the contracts
	holes     int
}

func newBinder(r *report, steps []Step, input *shape) (*binder, error) {
	env, err1 := newEnv(sagaVariables...)
	events, err2 := newEnv(eventVariables...)
	items, err3 := newEnv(append(slices.Clone(sagaVariables), itemVariables...)...)
	endings, err4 := newEnv(append(slices.Clone(endVariables), sagaVariables...)...)
	tracking, err5 := trackingEnv()
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("set up expressions: %w", err)
	}
	b := &binder{
		report: r, env: env, events: events, items: items, endings: endings, tracking: tracking, steps: steps, shape: input, index: map[string]int{},
		ancestors: make([]map[int]bool, len(steps)), skippable: map[string]bool{}, waits: map[string]*Step{}, results: map[string]*shape{},
	}
	for i, s := range steps {
		if _, twice := b.index[s.Step]; !twice && s.Step != "" {
			b.index[s.Step] = i
		}
		b.skippable[s.Step] = b.skippable[s.Step] || s.When != ""
		if s.waits() {
			b.waits[s.Step] = &steps[i]
		}
	}
	for i := range steps {
		b.ancestors[i] = map[int]bool{}
		b.climb(i, b.ancestors[i])
	}
	return b, nil
}

// climb collects the steps that are over before step i.
func (b *binder) climb(i int, seen map[int]bool) {
	for _, name := range b.steps[i].After {
		if j, ok := b.index[name]; ok && !seen[j] {
			seen[j] = true
			b.climb(j, seen)
		}
	}
}

// before reports whether a step is over before step i.
func (b *binder) before(i int, name string) bool {
	j := b.index[name]
	switch i {
	case atStart, atEvent:
		return false
	case len(b.steps), atEnd:
		return true
	}
	return j != i && b.ancestors[i][j]
}

// when binds a condition.
func (b *binder) when(i int) saga.Expr {
	return b.condition(i, at("steps", i)+".when", "step "+b.steps[i].Step+", when", b.steps[i].When)
}

// one returns what stands in the braces of a text that is one expression; of another
// text it says what is wrong, with the cure.
func (b *binder) one(path, text, cure string) (inner string, ok bool) {
	segments, err := split(strings.TrimSpace(text))
	switch {
	case err != nil:
		b.add(path, err.Error(), "close it with }")
		return "", false
	case len(segments) != 1 || !segments[0].expression:
		b.add(path, "want one expression", cure)
		return "", false
	}
	return segments[0].text, true
}

// condition binds an expression that yields true or false. It returns nil if the
// text is no expression.
func (b *binder) condition(step int, path, where, text string) saga.Expr {
	inner, ok := b.one(path, text, "write ${…} around all of it")
	if !ok {
		return nil
	}
	t := b.template(step, where, text)
	t.e.boolean = true
	if h := t.hole(inner, path, ""); h != nil {
		t.e.parts = append(t.e.parts, h)
	}
	t.e.finish()
	return t.e
}

// input binds a step's input, which is a tree.
func (b *binder) input(i int, tree *node) saga.Expr {
	t := b.template(i, "step "+b.steps[i].Step+", input", string(tree.appendJSON(nil)))
	if t.ofItem = b.steps[i].ForEach != ""; t.ofItem {
		t.e.items = b.itemShape(i)
	}
	t.tree(tree, at("steps", i)+".input", "")
	t.e.finish()
	return t.e
}

// template builds one expression.
type template struct {
	*binder
	step   int
	ofItem bool // it makes the input of an item
	e      *expression
}

// template begins an expression that stands at a place; where is for its errors.
func (b *binder) template(step int, where, source string) template {
	t := template{binder: b, step: step, e: &expression{where: where, source: source, shape: b.shape}}
	if step == atEvent {
		t.e.shape = eventShape
	}
	return t
}

func (t *template) static(text string) { t.e.parts = append(t.e.parts, static(text)) }

// tree appends n: its static parts encoded, its expressions bound. path is for
// faults, where for errors of Eval.
func (t *template) tree(n *node, path, where string) {
	switch n.kind {
	case textNode:
		t.text(n.text, path, where)
	case listNode:
		t.static("[")
		for i, item := range n.items {
			t.static(string(comma(nil, i)))
			t.tree(item, at(path, i), at(where, i))
		}
		t.static("]")
	case objectNode:
		t.static("{")
		for i, f := range n.fields {
			if strings.Contains(f.name, "${") {
				t.add(join(path, f.name), "an expression in a field's name", "write the name itself")
			}
			t.static(string(append(appendText(comma(nil, i), f.name), ':')))
			t.tree(n.items[i], join(path, f.name), where+"."+f.name)
		}
		t.static("}")
	default:
		t.static(string(n.appendJSON(nil)))
	}
}

// text appends a text: literal, one expression, or both mixed.
func (t *template) text(text, path, where string) {
	segments, err := split(text)
	if err != nil {
		t.add(path, err.Error(), "close it with }, or write $${ for the characters themselves")
		return
	}
	var pieces mixed
	for _, s := range segments {
		if !s.expression {
			pieces = append(pieces, s.text)
			continue
		}
		h := t.hole(s.text, path, where)
		if h == nil {
			return
		}
		pieces = append(pieces, h)
	}
	switch {
	case len(pieces) == 0:
		t.static(`""`)
	case len(pieces) > 1:
		t.e.parts = append(t.e.parts, pieces)
	default:
		if h, ok := pieces[0].(*hole); ok {
			t.e.parts = append(t.e.parts, h)
			return
		}
		t.static(string(appendText(nil, pieces[0].(string))))
	}
}

// hole compiles the expression inside ${…}; nil if it is faulty.
func (t *template) hole(source, path, where string) *hole {
	if t.holes++; t.holes > MaxExpressions {
		if t.holes == MaxExpressions+1 {
			t.add(path, "the definition has more than "+strconv.Itoa(MaxExpressions)+" expressions", "pass whole objects instead of field by field")
		}
		return nil
	}
	found := &references{bind: t.binder, step: t.step, ofItems: t.ofItem, items: t.e.items}
	v, errs := t.compile(source, found)
	for _, e := range errs {
		t.add(path, "${"+clip(source)+"}: "+e.problem, e.cure)
	}
	if len(errs) > 0 {
		return nil
	}
	t.e.reads.Input = t.e.reads.Input || found.input
	for _, name := range found.steps {
		if !slices.Contains(t.e.reads.Steps, name) {
			t.e.reads.Steps = append(t.e.reads.Steps, name)
		}
	}
	return &hole{where: where, source: clip(source), value: v}
}

// clip shortens an expression for messages.
func clip(source string) string {
	if len(source) <= 120 {
		return source
	}
	return strings.ToValidUTF8(source[:120], "") + " …"
}

// compile parses, checks and plans an expression: a path copies, CEL computes.
func (t *template) compile(source string, found *references) (value, []celError) {
	if strings.TrimSpace(source) == "" {
		return nil, []celError{{"the expression is empty", "write one, or $${ for the characters themselves"}}
	}
	env := t.env
	switch {
	case t.step == atEvent:
		env = t.events
	case t.step == atEnd:
		env = t.endings
	case t.ofItem:
		env = t.items
	}
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, celProblems(issues)
	}
	root := parsed.NativeRep().Expr()
	if found.walk(root); len(found.errors) > 0 {
		return nil, found.errors
	}
	if c, ok := chainOf(root); ok && c.isPath(t.step, t.ofItem) {
		return pathOf(c), nil
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, celProblems(issues)
	}
	if e := t.resultType(checked); e != nil {
		return nil, []celError{*e}
	}
	p, err := compile(env, checked, found)
	if err != nil {
		return nil, []celError{{err.Error(), ""}}
	}
	return p, nil
}

// isPath reports whether the chain is a place in a document, whose bytes can be
// copied.
func (c chain) isPath(step int, item bool) bool {
	if isFact(step, c.root) {
		return c.plain
	}
	if item && (c.root == "item" || c.root == "index") {
		return c.plain
	}
	return c.plain && (c.root == "input" || c.root == "steps" && (c.elems[1].name == output || c.elems[1].name == outputs))
}

// pathOf returns the chain as a path; references checked that it is one.
func pathOf(c chain) *lookup {
	switch c.root {
	case "input":
		return &lookup{elems: c.elems}
	case "steps":
	default:
		return &lookup{step: factPrefix + c.root, elems: c.elems}
	}
	return &lookup{step: c.elems[0].name, elems: c.elems[2:]}
}

// resultType refuses what the result can be known not to fit.
func (t *template) resultType(checked *cel.Ast) *celError {
	out := checked.OutputType()
	switch name := out.TypeName(); {
	case name == "optional_type":
		return &celError{"the value may be absent", "add .orValue(…)"}
	case t.e.boolean && out.Kind() != cel.BoolKind && out.Kind() != cel.DynKind:
		return &celError{"yields " + out.String() + ", not true or false", "write a comparison"}
	case name == "bytes" || name == "type":
		return &celError{"yields " + name + ", which JSON can't hold", ""}
	}
	return nil
}
