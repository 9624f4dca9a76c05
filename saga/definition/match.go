package definition

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// An await.match is one condition over an event and the saga. Nobody could ask it of
// every saga that waits, so it is taken apart: what it asks of the event alone, and
// equalities of something of the event with something of the saga. Those make two
// keys, one of the event and one of the saga, which are the same if the event is for
// the saga; and equal keys can be looked up.

// Awaited is what a step awaits on a topic. It is immutable and safe for concurrent
// use.
type Awaited struct {
	Step  string // Step is the step's name.
	Topic string // Topic is the topic's name.

	key, when saga.Expr // of the event
	schema    *jsonschema.Schema
}

// Key returns what the sagas have that an event is for. ok is false for one that is
// for none: the condition is false, or cannot be asked of this event. A topic holds
// events of many kinds, so that is no fault.
func (a *Awaited) Key(rec record.Record) (key string, ok bool) {
	scope := inputScope(eventOf(rec))
	if ok, err := wanted(a.when, scope); err != nil || !ok {
		return "", false
	}
	value, err := a.key.Eval(scope)
	if err != nil || json.Unmarshal(value, &key) != nil {
		return "", false
	}
	return key, true
}

// Check checks the value of an event by the step's schema. The error is an
// *InputError.
func (a *Awaited) Check(rec record.Record) error {
	if len(rec.Value) == 0 && a.schema == nil {
		return nil // as a signal without a payload
	}
	return checkDocument("event.value", rec.Value, a.schema)
}

// Awaits lists what steps await on a topic, in the order of the steps.
func (f *File) Awaits(topic string) []*Awaited {
	var list []*Awaited
	for _, a := range f.awaits {
		if a.Topic == topic {
			list = append(list, a)
		}
	}
	return list
}

// sides are the parts of a condition.
type sides struct {
	event, saga []string // what has to be equal, pair by pair
	when        []string // what is asked of the event alone
}

// match binds what step i awaits on a topic.
func (f *File) match(b *binder, i int) *saga.AwaitEvent {
	step, path := &b.steps[i], at("steps", i)+".await.match"
	event := &saga.AwaitEvent{Topic: cmp.Or(step.Await.Topic, "faulty"), Key: key{b.template(atEvent, path, "").e}}
	if step.Await.Topic == "" || step.Await.Match == "" { // which was said before
		return event
	}
	segments, err := split(strings.TrimSpace(step.Await.Match))
	if err != nil || len(segments) != 1 || !segments[0].expression {
		b.add(path, "want one expression", "write ${…} around all of it")
		return event
	}
	parts, errs := b.divide(segments[0].text)
	for _, e := range errs {
		b.add(path, "${"+clip(segments[0].text)+"}: "+e.problem, e.cure)
	}
	if len(errs) > 0 {
		return event
	}
	awaited := &Awaited{Step: step.Step, Topic: step.Await.Topic, key: b.keyAt(atEvent, path, parts.event), schema: f.waited[i]}
	if len(parts.when) > 0 {
		awaited.when = b.condition(atEvent, path, "await.match", "${("+strings.Join(parts.when, ") && (")+")}")
	}
	f.awaits = append(f.awaits, awaited)
	event.Key = b.keyAt(i, path, parts.saga)
	return event
}

// divide takes a condition apart.
func (b *binder) divide(source string) (parts sides, errs []celError) {
	parsed, issues := b.tracking.Parse(source)
	if issues.Err() != nil {
		return parts, celProblems(issues)
	}
	info := parsed.NativeRep().SourceInfo()
	text := func(e ast.Expr) string {
		written, err := parser.Unparse(e, info)
		if err != nil {
			errs = append(errs, celError{"it cannot be taken apart: " + err.Error(), "write it more simply"})
		}
		return written
	}
	for _, e := range conjuncts(parsed.NativeRep().Expr()) {
		event, ofSaga := readsOf(e)
		if event && !ofSaga {
			parts.when = append(parts.when, text(e))
			continue
		}
		if !event {
			errs = append(errs, celError{text(e) + " asks nothing of the event", "ask it in the step's when"})
			continue
		}
		left, right, ok := equality(e)
		if !ok {
			errs = append(errs, celError{text(e) + " cannot be looked up", "compare something of the event with something of the saga by == alone, such as event.value.id == input.id, and join the rest with &&"})
			continue
		}
		parts.event, parts.saga = append(parts.event, text(left)), append(parts.saga, text(right))
	}
	if len(errs) == 0 && len(parts.event) == 0 {
		errs = append(errs, celError{"no saga can be told from another by it", "add an equality such as event.value.id == input.id"})
	}
	return parts, errs
}

// conjuncts lists what is joined by &&.
func conjuncts(e ast.Expr) []ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.LogicalAnd {
		return []ast.Expr{e}
	}
	var list []ast.Expr
	for _, arg := range e.AsCall().Args() {
		list = append(list, conjuncts(arg)...)
	}
	return list
}

// equality returns the side of the event and that of the saga.
func equality(e ast.Expr) (event, ofSaga ast.Expr, ok bool) {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Equals {
		return nil, nil, false
	}
	args := e.AsCall().Args()
	for n := range args {
		event, ofSaga = args[n], args[1-n]
		e1, s1 := readsOf(event)
		e2, s2 := readsOf(ofSaga)
		if e1 && !s1 && s2 && !e2 {
			return event, ofSaga, true
		}
	}
	return nil, nil, false
}

// readsOf reports whether an expression reads the event, and whether it reads the
// saga.
func readsOf(e ast.Expr) (event, ofSaga bool) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.IdentKind {
			return
		}
		switch e.AsIdent() {
		case "event":
			event = true
		case "input", "steps":
			ofSaga = true
		}
	}))
	return event, ofSaga
}

// keyAt binds the key that several expressions make.
func (b *binder) keyAt(step int, path string, sources []string) saga.Expr {
	t := b.template(step, "await.match", strings.Join(sources, ", "))
	t.static("[")
	for i, source := range sources {
		t.static(string(comma(nil, i)))
		if h := t.hole(source, path, ""); h != nil {
			t.e.parts = append(t.e.parts, h)
		}
	}
	t.static("]")
	t.e.finish()
	return key{t.e}
}

// key yields a text that is the same for values that CEL takes for equal: 1 and 1.0,
// texts with other escapes, objects with another order.
type key struct{ saga.Expr }

// Eval implements saga.Expr.
func (k key) Eval(scope saga.Scope) (json.RawMessage, error) {
	values, err := k.Expr.Eval(scope)
	if err != nil {
		return nil, err
	}
	v, err := decodeValue(values, nil)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	same, err := appendValue(nil, v, 0)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	if len(same) > saga.MaxKey {
		sum := sha256.Sum256(same)
		same = []byte("sha256:" + hex.EncodeToString(sum[:]))
	}
	return appendText(nil, string(same)), nil
}

// trackingEnv parses a condition so that its parts can be written down again.
func trackingEnv() (*cel.Env, error) {
	return newEnv(append(slices.Concat(sagaVariables, eventVariables), cel.EnableMacroCallTracking())...)
}
