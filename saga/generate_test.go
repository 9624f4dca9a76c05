package saga_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// drawDefinition makes a valid definition: any graph, with or without a pivot,
// conditions and mapped inputs.
func drawDefinition(t *rapid.T) saga.Definition {
	n := rapid.IntRange(1, 6).Draw(t, "steps")
	pivot := rapid.IntRange(-1, n-1).Draw(t, "pivot")
	def := saga.Definition{Name: "drawn", Version: "r1"}
	for i := range n {
		def.Steps = append(def.Steps, drawStep(t, def, i, pivot))
	}
	if rapid.Bool().Draw(t, "attributes") {
		def.Attributes = []saga.Attribute{{Name: "x", Value: path("input.x")}}
		def.Subject, def.Retention = path("input.x"), saga.Short
	}
	var names []string
	for _, step := range def.Steps {
		names = append(names, step.Name)
	}
	if of := drawPath(t, readable(def, names), "input.x", "attribute"); of != nil && len(def.Attributes) > 0 {
		def.Attributes = append(def.Attributes, saga.Attribute{Name: "y", Value: of})
	}
	def.Output = drawPath(t, readable(def, names), "input.x", "output")
	return def
}

func drawStep(t *rapid.T, def saga.Definition, i, pivot int) saga.Step {
	step := saga.Step{
		Name: fmt.Sprintf("s%d", i), Participant: fmt.Sprintf("p%d", i%3), Command: "run", After: []string{},
		Do: saga.Policy{Timeout: 10 * time.Second, Attempts: rapid.IntRange(1, 3).Draw(t, "attempts")},
	}
	for j := range i {
		if i == pivot || j == pivot || rapid.Bool().Draw(t, "after") {
			step.After = append(step.After, def.Steps[j].Name)
		}
	}
	switch {
	case i == pivot:
		step.Kind = saga.Pivot
	case pivot >= 0 && i > pivot:
		step.Kind, step.Do.Attempts = saga.Retriable, 0
	case rapid.IntRange(0, 4).Draw(t, "compensation") == 0:
		step.Reason = "reads only"
	default:
		step.Compensation, step.Undo.Attempts = "unrun", 2
	}
	if i != pivot && rapid.IntRange(0, 3).Draw(t, "waits") == 0 {
		return drawWait(t, def, step, pivot >= 0 && i > pivot)
	}
	if i != pivot {
		step.When = drawPath(t, readable(def, step.After), "input.yes", "when")
	}
	step.Input = drawPath(t, readable(def, step.After), "input.x", "input")
	if i != pivot && rapid.IntRange(0, 3).Draw(t, "each") == 0 {
		drawEach(t, def, &step)
	}
	return step
}

// drawEach lets the step run for each item of the input's list, or of what another has
// answered.
func drawEach(t *rapid.T, def saga.Definition, step *saga.Step) {
	step.ForEach = &saga.ForEach{List: path("input.list"), Concurrency: rapid.IntRange(1, 3).Draw(t, "concurrency")}
	for _, other := range def.Steps {
		if other.ForEach != nil && other.When == nil && slices.Contains(step.After, other.Name) {
			step.ForEach.List = path(other.Name)
		}
	}
	step.Input = rapid.SampledFrom([]saga.Expr{nil, path("index"), path("input.x")}).Draw(t, "itemInput")
}

// drawWait makes the step one that waits; one behind the pivot asks nobody.
func drawWait(t *rapid.T, def saga.Definition, step saga.Step, behind bool) saga.Step {
	wait := saga.Step{Name: step.Name, After: step.After, When: drawPath(t, readable(def, step.After), "input.yes", "when")}
	seconds := func(least int) time.Duration {
		return time.Duration(rapid.IntRange(least, 60).Draw(t, "wait")) * time.Second
	}
	switch n := rapid.IntRange(0, 2).Draw(t, "kind"); {
	case n == 0:
		wait.Sleep = &saga.Sleep{For: seconds(1)}
	case n == 1 || behind:
		names := rapid.SampledFrom([][]string{{"a"}, {"b"}, {"a", "b"}})
		wait.Await = &saga.Await{Signals: names.Draw(t, "signals"), Timeout: seconds(0)}
	default:
		wait.Approval = &saga.Approval{Due: seconds(2), ApproveWhenLate: rapid.Bool().Draw(t, "late")}
		if rapid.Bool().Draw(t, "escalate") {
			wait.Approval.By = []string{"user:p0", "group:desk"}
			wait.Approval.EscalateAfter, wait.Approval.EscalateTo = time.Second, []string{"group:leads"}
		}
	}
	return wait
}

// readable leaves out the steps that sleep, which have no output, and those that run
// for each item, whose output has no fields.
func readable(def saga.Definition, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		i := slices.IndexFunc(def.Steps, func(s saga.Step) bool { return s.Name == name })
		return def.Steps[i].Sleep != nil || def.Steps[i].ForEach != nil
	})
}

// drawPath reads the input or an earlier output, or is nil.
func drawPath(t *rapid.T, after []string, input path, label string) saga.Expr {
	switch n := rapid.IntRange(0, 4).Draw(t, label); {
	case n == 0:
		return input
	case n == 1 && len(after) > 0:
		return path(rapid.SampledFrom(after).Draw(t, label) + ".yes")
	}
	return nil
}

// drawEvent makes any event, sensible or not, for a saga in state s.
func drawEvent(t *rapid.T, def saga.Definition, s saga.State) saga.Event {
	kinds := []saga.EventKind{
		saga.Replied, saga.Replied, saga.Replied, saga.Replied, saga.Replied, saga.Woke, saga.Woke,
		saga.Cancelled, saga.Undeliverable, saga.Poisoned, saga.Started, saga.Signalled, saga.Signalled, saga.Decided, saga.Decided,
		saga.Paused, saga.Resumed, saga.Retried, saga.StepSkipped, saga.StepResolved, saga.StepEdited, saga.Reset, saga.Annotated,
		saga.Assigned, saga.Acknowledged, saga.Snoozed, saga.Described,
	}
	late := time.Duration(rapid.IntRange(-5, 40).Draw(t, "seconds")) * time.Second
	last := s.Last
	if s.Status == 0 {
		last = storyStart
	}
	e := saga.Event{
		Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), At: last.Add(late), Hold: rapid.IntRange(0, 5).Draw(t, "hold") == 0,
		Extra: &saga.EventExtra{Definition: "drawn", Version: "r1", Level: saga.Level},
	}
	for _, step := range def.Steps {
		if rapid.IntRange(0, 9).Draw(t, "shut") == 0 {
			direction := rapid.SampledFrom([]saga.Direction{saga.Do, saga.Undo}).Draw(t, "way")
			e.Extra.Held = append(e.Extra.Held, saga.Way{Participant: step.Participant, Direction: direction})
		}
	}
	if s.Status == 0 && rapid.Bool().Draw(t, "start") {
		e.Kind = saga.Started
	}
	switch e.Kind {
	case saga.Started:
		e.Payload.Data, e.Own().Key = drawDocument(t), rapid.SampledFrom([]string{"", "k"}).Draw(t, "key")
		e.Own().Begin = e.At.Add(time.Duration(rapid.IntRange(-60, 20).Draw(t, "begin")) * time.Second)
	case saga.Woke:
		e.Own().Healthy = e.At.Add(-time.Duration(rapid.IntRange(0, 60).Draw(t, "healthy")) * time.Second)
	case saga.Cancelled:
		e.RequestID = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "request")
	case saga.Signalled:
		e.Own().Signal, e.Payload.Data = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "signal"), drawDocument(t)
	case saga.Assigned:
		e.Payload.Data = []byte(rapid.SampledFrom([]string{`{}`, `{"to":"user:ann"}`, `{"to":"ann"}`}).Draw(t, "to"))
	case saga.Acknowledged, saga.Snoozed:
		e.Payload.Data = fmt.Appendf(nil, `{"until":%q}`, last.Add(time.Hour).Format(time.RFC3339))
	default:
		drawReply(t, &e, def, s)
	}
	return e
}

// drawReply answers some step, most often the command under way.
func drawReply(t *rapid.T, e *saga.Event, def saga.Definition, s saga.State) {
	i := rapid.IntRange(0, len(def.Steps)-1).Draw(t, "step")
	e.Step.Name = def.Steps[i].Name
	e.Step.Item = rapid.IntRange(0, len(s.Items(i))).Draw(t, "item")
	e.Actor = saga.Actor{Kind: saga.Participant, Name: def.Steps[i].Participant}
	e.Direction = rapid.SampledFrom([]saga.Direction{saga.Do, saga.Undo}).Draw(t, "direction")
	e.Outcome = rapid.SampledFrom([]saga.Outcome{saga.Succeeded, saga.Succeeded, saga.Rejected, saga.Failed, saga.Ongoing}).Draw(t, "outcome")
	e.Attempt, e.Epoch = rapid.IntRange(0, 3).Draw(t, "attempt"), rapid.IntRange(0, 3).Draw(t, "epoch")
	if i < len(s.Steps) && rapid.Bool().Draw(t, "fits") {
		k, _ := s.At(i, e.Step.Item)
		st := s.Steps[k]
		e.Attempt, e.Epoch, e.Direction, e.Step.Visit = st.Attempt, st.Epoch, saga.Do, st.Extras().Again
		if st.Phase == saga.Undoing || st.Phase == saga.UndoResting || st.Phase == saga.UndoHeld {
			e.Direction = saga.Undo
		}
	}
	e.Payload.Data = drawDocument(t)
}

// drawDocument is small or too large to be kept in the state.
func drawDocument(t *rapid.T) []byte {
	size := rapid.SampledFrom([]int{0, 0, 0, saga.InlineMax + 1}).Draw(t, "size")
	list := rapid.SampledFrom([]string{"", "1", "1,2", `1,{"x":2},3,4`}).Draw(t, "list")
	return fmt.Appendf(nil, `{"list":[%s],"yes":%t,"x":%d,"pad":%q}`, list, rapid.Bool().Draw(t, "yes"), rapid.IntRange(0, 99).Draw(t, "x"), strings.Repeat("x", size))
}
