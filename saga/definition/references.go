package definition

import (
	"slices"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// references are what an expression refers to, and what is wrong with that.
type references struct {
	input  bool
	facts  []string // what is read beside the input and steps; see isFact
	steps  []string
	errors []celError
	bind   *binder
	step   int // the step that holds the expression

	ofItems bool   // there is an item to be read
	items   *shape // what is known of it
}

// chain is a path in an expression: its root's name and its elements.
type chain struct {
	root  string
	elems []elem
	plain bool // without .?, [?i] and has()
}

// chainOf reads e as a path that is known without evaluating anything.
func chainOf(e ast.Expr) (chain, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return chain{root: e.AsIdent(), plain: true}, true
	case ast.SelectKind:
		s := e.AsSelect()
		c, ok := chainOf(s.Operand())
		return c.with(elem{name: s.FieldName(), optional: s.IsTestOnly()}), ok
	case ast.CallKind:
		call := e.AsCall()
		if len(call.Args()) != 2 || call.IsMemberFunction() {
			return chain{}, false
		}
		next, ok := elemOf(call)
		if !ok {
			return chain{}, false
		}
		c, ok := chainOf(call.Args()[0])
		return c.with(next), ok
	}
	return chain{}, false
}

func (c chain) with(next elem) chain {
	c.elems = append(c.elems, next)
	c.plain = c.plain && !next.optional
	return c
}

// elemOf reads x[1], x["a"], x[?1] and x.?a.
func elemOf(call ast.CallExpr) (elem, bool) {
	name := call.FunctionName()
	optional := name == operators.OptSelect || name == operators.OptIndex
	if !optional && name != operators.Index || call.Args()[1].Kind() != ast.LiteralKind {
		return elem{}, false
	}
	switch literal := call.Args()[1].AsLiteral().(type) {
	case types.String:
		return elem{name: string(literal), optional: optional}, true
	case types.Int:
		return elem{index: int(literal), isIndex: true, optional: optional}, literal >= 0
	}
	return elem{}, false
}

// walk collects the references of e and of everything in it.
func (f *references) walk(e ast.Expr) {
	if c, ok := chainOf(e); ok {
		f.chain(c)
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		f.walk(e.AsSelect().Operand())
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			f.walk(call.Target())
		}
		f.all(call.Args())
	case ast.ListKind:
		f.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			f.walk(entry.AsMapEntry().Key())
			f.walk(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		f.fault("messages such as "+e.AsStruct().TypeName()+"{…} are not available", "write a map: {'field': value}")
	case ast.ComprehensionKind:
		f.comprehension(e.AsComprehension())
	}
}

func (f *references) all(list []ast.Expr) {
	for _, e := range list {
		f.walk(e)
	}
}

func (f *references) comprehension(c ast.ComprehensionExpr) {
	for _, name := range []string{c.IterVar(), c.IterVar2(), c.AccuVar()} {
		if name == "input" || name == "steps" || isFact(f.step, name) || f.ofItems && (name == "item" || name == "index") {
			f.fault(name+" is taken", "call the variable something else")
			return
		}
	}
	f.all([]ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()})
}

func (f *references) fault(problem, cure string) {
	f.errors = append(f.errors, celError{problem, cure})
}

// chain checks a path from input or steps.
func (f *references) chain(c chain) {
	switch {
	case isFact(f.step, c.root):
		f.fact(c)
	case f.step == atEvent && (c.root == "input" || c.root == "steps"):
		f.fault("there is no saga yet when an event is read", "read event.value, event.key, event.headers or event.topic")
	case c.root == "input":
		f.input = true
		f.fields(f.bind.shape, "input", "the input's schema", c.elems)
	case c.root == "steps":
		f.output(c)
	case f.ofItems && (c.root == "item" || c.root == "index"):
		f.ofItem(c)
	}
}

// fact checks a path from something that is neither the input nor of a step.
func (f *references) fact(c chain) {
	f.note(c.root)
	if c.root == "event" {
		f.fields(eventShape, "event", "an event", c.elems)
	}
}

// note notes that something is read beside the input and steps.
func (f *references) note(name string) {
	if !slices.Contains(f.facts, name) {
		f.facts = append(f.facts, name)
	}
}

// output checks steps.NAME.output….
func (f *references) output(c chain) {
	if len(c.elems) == 0 || c.elems[0].isIndex {
		f.fault("steps stands for no value", "name the step and its output: steps.reserve.output")
		return
	}
	name := c.elems[0].name
	if !f.known(name) {
		return
	}
	if len(c.elems) > 1 && f.waited(name, c.elems[1]) {
		return
	}
	if len(c.elems) == 1 || c.elems[1].isIndex || c.elems[1].name != output && c.elems[1].name != outputs {
		f.fault("of a step only the output can be read", "write steps."+name+".output")
		return
	}
	result, ok := f.yields(name, c.elems[1])
	if !ok {
		return
	}
	f.addStep(name)
	if w := f.bind.waits[name]; w != nil && w.mayExpire() && !c.elems[0].optional && !c.elems[1].optional {
		f.fault("step "+name+" may time out and then has no output", "write steps."+name+".?output… and .orValue(…) behind it, or ask steps."+name+".timedOut")
	}
	if f.step == atEnd && !f.bind.completes && !c.elems[0].optional && !c.elems[1].optional {
		f.fault("step "+name+" may not be done when the saga ends, and then has no output", "write steps."+name+".?output… and .orValue(…) behind it, or when: completed")
		return
	}
	if f.bind.skippable[name] && !c.elems[0].optional && !c.elems[1].optional {
		f.fault("step "+name+" may be skipped and then has no output", "write steps."+name+".?"+c.elems[1].name+"… and .orValue(…) behind it")
	}
	f.fields(result, "steps."+name+"."+c.elems[1].name, "the contract of step "+name+"'s command", c.elems[2:])
}

// waited reads steps.NAME.timedOut and .signal, and reports whether it is one of
// them.
func (f *references) waited(name string, e elem) bool {
	if e.isIndex || e.name != "timedOut" && e.name != "signal" {
		return false
	}
	f.addStep(name)
	switch w := f.bind.waits[name]; {
	case w == nil:
		f.fault("step "+name+" does not wait, so it has no "+e.name, "write steps."+name+".output")
	case e.name == "signal" && w.Await == nil:
		f.fault("step "+name+" awaits no signal", "write steps."+name+".output or .timedOut")
	case e.name == "timedOut" && !w.mayExpire():
		f.fault("step "+name+" has no time that could be over and let the saga go on", "give its await a timeout, or its approval onTimeout: approve")
	}
	return true
}

// known reports whether a step is there and over before this one.
func (f *references) known(name string) bool {
	if _, ok := f.bind.index[name]; !ok {
		f.fault("there is no step "+strconv.Quote(name), didYouMean(name, stepNames(f.bind.steps)))
		return false
	}
	if f.step == atStart {
		f.fault("no step is over before the saga begins", "read the input alone")
		return false
	}
	if !f.bind.before(f.step, name) {
		f.fault("step "+name+" is not over before this one", "add it to after, or read another step")
		return false
	}
	return true
}

func (f *references) addStep(name string) {
	if slices.Contains(f.steps, name) {
		return
	}
	f.steps = append(f.steps, name)
}

func (f *references) fields(s *shape, root, who string, elems []elem) {
	if i, known, missing := s.missing(elems); missing {
		f.fault(spell(root, elems[:i])+" has no field "+strconv.Quote(elems[i].name)+" in "+who, didYouMean(elems[i].name, known))
	}
}
