package metrics

import (
	"sync"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// grown holds the series of the steps of sagas that are code: they are met, not
// known beforehand. Those above saga.MaxSteps are looked up each time.
type grown struct {
	mu    sync.Mutex
	steps map[use]*step
}

// use is what tells steps of code apart that have a name in common.
type use struct{ name, participant, command, compensation string }

// planned returns the series of a step that code has asked for.
func (m *Metrics) planned(d *definition, name string, def *saga.Step) *step {
	key := use{def.Name, def.Participant, def.Command, def.Compensation}
	d.grown.mu.Lock()
	defer d.grown.mu.Unlock()
	if s := d.grown.steps[key]; s != nil {
		return s
	}
	s := &step{}
	m.openStep(s, name, def)
	if d.grown.steps == nil {
		d.grown.steps = map[use]*step{}
	}
	if len(d.grown.steps) < saga.MaxSteps {
		d.grown.steps[key] = s
	}
	return s
}

// changeOfCode counts what has become of the steps of a saga that is code: the same
// as of a declared one, with the steps found in the states by their names.
func (m *Metrics) changeOfCode(d *definition, c *coordinator.Change) {
	t := ofCode{m: m, d: d, c: c}
	for i := range c.Events {
		t.event(&c.Events[i].Event)
	}
	t.moved()
}

// ofCode counts one change of a saga that is code.
type ofCode struct {
	m *Metrics
	d *definition
	c *coordinator.Change
}

// find returns a step's definition, from wherever it is listed, and its state before;
// nil if it was over and forgotten before the change was.
func (t *ofCode) find(ref saga.StepRef) (def *saga.Step, was *saga.StepState) {
	was = &saga.StepState{}
	if i, step, ok := t.c.Before.Find(nil, ref); ok && t.c.Before.Extras().Plan != nil {
		def, was = step, &t.c.Before.Steps[i]
	}
	if _, step, ok := t.c.After.Find(nil, ref); ok {
		def = step
	}
	return def, was
}

// way returns one direction of a step; nil if there is none.
func (t *ofCode) way(ref saga.StepRef, direction saga.Direction) (*way, *saga.Step, *saga.StepState) {
	def, was := t.find(ref)
	if def == nil || def.Waits() || direction != saga.Do && direction != saga.Undo {
		return nil, nil, nil
	}
	return &t.m.planned(t.d, t.c.After.Definition, def).ways[direction], def, was
}

func (t *ofCode) event(e *saga.Event) {
	for i := range e.Sent {
		if w, _, _ := t.way(e.Sent[i].Step, e.Sent[i].Direction); w != nil {
			w.count(e.Sent[i].Attempt)
		}
	}
	switch e.Kind {
	case saga.Replied:
		t.replied(e)
	case saga.Woke:
		t.timedOut(e)
	}
}

// replied counts a reply that was applied, as definition.replied does.
func (t *ofCode) replied(e *saga.Event) {
	w, def, was := t.way(e.Step, e.Direction)
	if w == nil || e.Outcome < saga.Succeeded || e.Outcome > saga.Ongoing {
		return
	}
	i, _, there := t.c.After.Find(nil, e.Step)
	if there && t.c.After.Steps[i].Ignored > was.Ignored && len(t.c.Events) == 1 {
		return
	}
	timeout := def.Do.Timeout
	if e.Direction == saga.Undo {
		timeout = def.Undo.Timeout
	}
	w.answered(e, was, timeout)
}

// timedOut counts the attempts whose time was up at a wake.
func (t *ofCode) timedOut(woke *saga.Event) {
	plan := t.c.Before.Extras().Plan
	if plan == nil {
		return
	}
	for i, planned := range plan.Steps {
		was, is := &t.c.Before.Steps[i], t.after(planned, i)
		over := is == nil || was.Phase != is.Phase || was.Attempt != is.Attempt
		if !over || was.Due.After(woke.At) || replyTo(t.c, planned.Ref()) != nil {
			continue
		}
		direction := saga.Do
		if was.Phase == saga.Undoing {
			direction = saga.Undo
		}
		if w, _, _ := t.way(planned.Ref(), direction); w != nil && (was.Phase == saga.Doing || was.Phase == saga.Undoing) {
			w.late.get().Inc()
		}
	}
}

// after returns the state after the change of the step with number i before it; nil
// if it is over and forgotten.
func (t *ofCode) after(planned *saga.Planned, i int) *saga.StepState {
	plan := t.c.After.Extras().Plan
	if plan == nil {
		return &t.c.Before.Steps[i]
	}
	if k, ok := plan.ByAsk(planned.Ask); ok {
		return &t.c.After.Steps[k]
	}
	return nil
}

// moved counts the steps that have come to an outcome.
func (t *ofCode) moved() {
	before, after := t.c.Before.Extras().Plan, t.c.After.Extras().Plan
	if after == nil {
		return
	}
	for i, planned := range after.Steps {
		was := &saga.StepState{}
		if before != nil {
			if k, ok := before.ByAsk(planned.Ask); ok {
				was = &t.c.Before.Steps[k]
			}
		}
		series := t.m.planned(t.d, t.c.After.Definition, &planned.Step)
		if reply := replyTo(t.c, planned.Ref()); reply != nil && reply.Outcome == saga.Succeeded && reply.Direction == saga.Do && t.c.After.Steps[i].Phase.Back() {
			series.moved(was, &saga.StepState{Phase: saga.Done}) // the function has heard of it and failed
		}
		series.moved(was, &t.c.After.Steps[i])
	}
	if before == nil || after.Folded == before.Folded {
		return
	}
	for i, planned := range before.Steps {
		if is := t.after(planned, i); is == nil {
			end := saga.StepState{Phase: t.endOf(planned, t.c.Before.Steps[i].Phase)}
			t.m.planned(t.d, t.c.After.Definition, &planned.Step).moved(&t.c.Before.Steps[i], &end)
		}
	}
}

// endOf says how a step has ended that was let go of with the change.
func (t *ofCode) endOf(planned *saga.Planned, was saga.Phase) saga.Phase {
	reply := replyTo(t.c, planned.Ref())
	switch last := t.c.Events[len(t.c.Events)-1].Event.Kind; {
	case was == saga.Done || was == saga.Unknown: // closed since the pivot was done
		return was
	case reply != nil && reply.Direction == saga.Undo:
		return saga.Undone
	case reply != nil && reply.Outcome == saga.Succeeded, planned.Step.Sleep != nil, planned.Step.Waits() && last != saga.Woke:
		return saga.Done
	case reply != nil && reply.Outcome == saga.Rejected:
		return saga.Refused
	case planned.Step.Waits():
		return saga.Expired
	}
	return saga.Unknown
}

// replyTo returns the last reply of a step in a change.
func replyTo(c *coordinator.Change, ref saga.StepRef) (reply *saga.Event) {
	for i := range c.Events {
		if e := &c.Events[i].Event; e.Kind == saga.Replied && e.Step == ref {
			reply = e
		}
	}
	return reply
}
