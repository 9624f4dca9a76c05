package sagatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

const participantCount = 5

func participantName(i int) string { return fmt.Sprintf("participant%d", i) }

// drawDefinitions makes this seed's definitions: a sequence and a diamond that
// are always there, and some of any form.
func (w *world) drawDefinitions() {
	w.compile(saga.Definition{Name: "sequence", Version: "r1", Deadline: 2 * time.Minute, Steps: w.sequence(), OnEnd: &saga.OnEnd{Payload: field{"", "n"}}})
	w.compile(saga.Definition{
		Name: "diamond", Version: "r1", Steps: w.diamond(), Subject: field{"", "n"}, Retention: saga.Short,
		Attributes: []saga.Attribute{{Name: "input", Value: field{"", "n"}}, {Name: "left", Value: field{"step1", "n"}}, {Name: "last", Value: field{"step5", "n"}}},
	})
	w.compile(saga.Definition{Name: "patience", Version: "r1", Steps: w.patience()})
	w.compile(saga.Definition{Name: "parcels", Version: "r1", Steps: w.parcels()})
	for _, def := range append(w.family(), w.locked()...) {
		w.compile(def)
	}
	for i := range 3 {
		w.compile(w.drawDefinition(fmt.Sprintf("drawn%d", i)))
	}
}

func (w *world) compile(def saga.Definition) {
	machine, err := saga.Compile(def)
	if err != nil {
		panic(fmt.Sprintf("seed %d drew a faulty definition: %s", w.report.Seed, err))
	}
	w.deciders = append(w.deciders, machine)
}

func (w *world) sequence() []saga.Step {
	return []saga.Step{
		w.step(0, saga.Compensable), w.step(1, saga.Compensable), w.step(2, saga.Pivot), w.step(3, saga.Retriable),
	}
}

// diamond has two branches between its first step and its pivot, and two after.
func (w *world) diamond() []saga.Step {
	steps := []saga.Step{
		w.step(0, saga.Compensable), w.step(1, saga.Compensable), w.step(2, saga.Compensable),
		w.step(3, saga.Pivot), w.step(4, saga.Retriable), w.step(5, saga.Retriable),
	}
	steps[1].After, steps[2].After, steps[3].After = []string{"step0"}, []string{"step0"}, []string{"step1", "step2"}
	steps[4].After, steps[5].After = []string{"step3"}, []string{"step3"}
	return steps
}

// parcels has steps that run for each item of a list, before its pivot and after: of
// the input's, and of what another has answered.
func (w *world) parcels() []saga.Step {
	steps := []saga.Step{
		w.step(0, saga.Compensable), w.step(1, saga.Compensable), w.step(2, saga.Compensable), w.step(3, saga.Pivot),
		w.step(4, saga.Retriable), w.step(5, saga.Retriable),
	}
	w.forEach(&steps[1], field{"", "list"})
	w.forEach(&steps[2], field{"step1", "outputs"})
	w.forEach(&steps[4], field{"", "list"})
	steps[5].Input = field{"step4", "outputs"}
	return steps
}

// forEach lets a step run for each item of a list. Its deadline would have to be long.
func (w *world) forEach(step *saga.Step, list field) {
	step.ForEach = &saga.ForEach{List: list, Items: maxList, Concurrency: 1 + w.rng.IntN(3)}
	step.Input = [...]saga.Expr{nil, field{"item", ""}, field{"", "n"}}[w.rng.IntN(3)]
}

// patience has a step of each kind that waits, before its pivot and after.
func (w *world) patience() []saga.Step {
	steps := []saga.Step{
		w.step(0, saga.Compensable), w.wait(1, &saga.Sleep{For: w.seconds(40)}, nil, nil),
		w.wait(2, nil, &saga.Await{Signals: []string{"paid"}, Event: &saga.AwaitEvent{Topic: "payments", Key: always("p1")}}, nil),
		w.wait(3, nil, nil, &saga.Approval{
			By: []string{"group:desk"}, EscalateAfter: w.seconds(20), EscalateTo: []string{"group:leads"}, Due: 21*time.Second + w.seconds(60),
			ApproveWhenLate: w.rng.IntN(2) == 0,
		}),
		w.step(4, saga.Compensable), w.step(5, saga.Pivot),
		w.wait(6, nil, &saga.Await{Signals: []string{"paid", "waived"}, Timeout: w.seconds(90)}, nil), w.step(7, saga.Retriable),
	}
	for i := 1; i < 5; i++ {
		steps[i].After = []string{"step0"}
	}
	steps[5].After = []string{"step1", "step2", "step3", "step4"}
	return steps
}

func (w *world) wait(i int, s *saga.Sleep, a *saga.Await, p *saga.Approval) saga.Step {
	return saga.Step{Name: fmt.Sprintf("step%d", i), Sleep: s, Await: a, Approval: p}
}

// seconds is a random duration of at least a second.
func (w *world) seconds(most int) time.Duration {
	return time.Duration(1+w.rng.IntN(most)) * time.Second
}

// drawWait makes any step that waits; one behind the pivot asks nobody.
func (w *world) drawWait(i int, behind bool) saga.Step {
	switch n := w.rng.IntN(3); {
	case n == 0:
		return w.wait(i, &saga.Sleep{For: w.seconds(60)}, nil, nil)
	case n == 1 || behind:
		a := &saga.Await{Signals: []string{[]string{"paid", "waived"}[w.rng.IntN(2)]}}
		if w.rng.IntN(2) == 0 {
			a.Timeout = w.seconds(90)
		}
		return w.wait(i, nil, a, nil)
	}
	return w.wait(i, nil, nil, &saga.Approval{Due: w.seconds(90), ApproveWhenLate: w.rng.IntN(2) == 0})
}

// drawDefinition makes any graph, with or without a pivot.
func (w *world) drawDefinition(name string) saga.Definition {
	n := 2 + w.rng.IntN(5)
	pivot := w.rng.IntN(n+1) - 1
	def := saga.Definition{Name: name, Version: "r1"}
	for i := range n {
		kind := saga.Compensable
		switch {
		case i == pivot:
			kind = saga.Pivot
		case pivot >= 0 && i > pivot:
			kind = saga.Retriable
		}
		step := w.step(i, kind)
		if i != pivot && w.rng.IntN(5) == 0 {
			step = w.drawWait(i, pivot >= 0 && i > pivot)
		}
		step.After = []string{}
		for j := range i {
			if i == pivot || j == pivot || w.rng.IntN(2) == 0 {
				step.After = append(step.After, def.Steps[j].Name)
			}
		}
		w.drawExpressions(def.Steps, &step)
		if i != pivot && !step.Waits() && w.rng.IntN(5) == 0 {
			w.forEach(&step, field{"", "list"})
		}
		def.Steps = append(def.Steps, step)
	}
	return def
}

func (w *world) step(i int, kind saga.Kind) saga.Step {
	step := saga.Step{
		Name: fmt.Sprintf("step%d", i), Kind: kind, Participant: participantName(w.rng.IntN(participantCount)), Command: "run",
		Do: saga.Policy{Timeout: time.Duration(3+w.rng.IntN(8)) * time.Second, Backoff: time.Second},
	}
	if w.rng.IntN(4) == 0 {
		step.Do.Heartbeat = time.Duration(3+w.rng.IntN(4)) * time.Second
		step.Do.Timeout = []time.Duration{0, 2 * step.Do.Heartbeat}[w.rng.IntN(2)]
	}
	if kind != saga.Retriable {
		step.Do.Attempts = 1 + w.rng.IntN(3)
	}
	if kind == saga.Compensable {
		step.Compensation, step.Undo = "undo", saga.Policy{Timeout: 5 * time.Second, Attempts: 3}
	}
	return step
}

// drawExpressions maps inputs, makes steps conditional, and lets some need no
// compensation.
func (w *world) drawExpressions(before []saga.Step, step *saga.Step) {
	readable := slices.DeleteFunc(slices.Clone(step.After), func(name string) bool {
		return slices.ContainsFunc(before, func(s saga.Step) bool { return s.Name == name && (s.Sleep != nil || s.ForEach != nil) })
	})
	if step.Kind != saga.Pivot && w.rng.IntN(4) == 0 {
		step.When = field{"", "yes"}
		if len(readable) > 0 {
			step.When = field{readable[0], "yes"}
		}
	}
	if step.Waits() {
		return
	}
	if len(readable) > 0 && w.rng.IntN(3) == 0 {
		step.Input = field{readable[w.rng.IntN(len(readable))], "n"}
	} else if w.rng.IntN(3) == 0 {
		step.Input = field{"", "n"}
	}
	if step.Kind == saga.Compensable && w.rng.IntN(6) == 0 {
		step.Compensation, step.Undo, step.Reason = "", saga.Policy{}, "reads only"
	}
}

// always is an expression that reads nothing.
type always string

// String returns the text.
func (a always) String() string { return string(a) }

// Reads implements saga.Expr.
func (always) Reads() saga.Reads { return saga.Reads{} }

// Eval implements saga.Expr.
func (a always) Eval(saga.Scope) (json.RawMessage, error) { return json.Marshal(string(a)) }

// signalsOf lists the signals that end a step that awaits some, an event among them.
func signalsOf(s saga.Step) []string {
	if s.Await.Event == nil {
		return s.Await.Signals
	}
	return append(slices.Clone(s.Await.Signals), saga.EventSignal(s.Name))
}

// field is an expression: a field of a step's output, or of the saga's input.
type field struct{ step, name string }

// String returns step.name.
func (f field) String() string { return f.step + "." + f.name }

// Reads implements saga.Expr.
func (f field) Reads() saga.Reads {
	switch f.step {
	case "":
		return saga.Reads{Input: true}
	case "item":
		return saga.Reads{}
	}
	return saga.Reads{Steps: []string{f.step}}
}

// Eval implements saga.Expr; what is not there is null. The documents are flat
// and written by the simulator, so that a search is enough.
func (f field) Eval(scope saga.Scope) (json.RawMessage, error) {
	var doc json.RawMessage
	var err error
	switch f.step {
	case "":
		doc, err = scope.Input()
	case "item":
		doc, _, err = scope.Item()
	default:
		doc, _, err = scope.Output(f.step)
	}
	if err != nil || f.name == "" || f.name == "outputs" {
		return doc, err
	}
	_, rest, ok := bytes.Cut(doc, []byte(`"`+f.name+`":`))
	end := bytes.IndexAny(rest, ",}")
	if f.name == "list" {
		end = bytes.IndexByte(rest, ']') + 1
	}
	if !ok || end < 0 {
		return json.RawMessage("null"), nil
	}
	return bytes.Clone(rest[:end]), nil
}

// listLength is how many items the list of a document has.
func listLength(doc []byte) int {
	_, rest, _ := bytes.Cut(doc, []byte(`"list":[`))
	list, _, _ := bytes.Cut(rest, []byte("]"))
	if len(list) == 0 {
		return 0
	}
	return bytes.Count(list, []byte(",")) + 1
}
