package sagatest

import (
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// operate lets an operator press verbs on some sagas: some are paused, and every
// one of those is resumed; some are told to try again; a few are terminated.
func (c *client) operate() {
	w := c.w
	if w.rng.IntN(6) == 0 {
		at := w.upTo(20 * time.Second)
		w.after(at, func() { c.press(saga.Paused) })
		w.after(at+w.upTo(2*time.Minute), func() { c.press(saga.Resumed) })
	}
	if w.rng.IntN(6) == 0 {
		w.after(w.upTo(30*time.Second), func() { c.press(saga.Retried) })
	}
	for _, kind := range []saga.EventKind{saga.StepSkipped, saga.StepResolved, saga.StepEdited, saga.Reset} {
		if w.rng.IntN(12) == 0 && (w.own == nil || kind != saga.StepEdited) { // what input they would write is not known
			w.after(w.upTo(30*time.Second), func() { c.press(kind) })
		}
	}
	for _, kind := range []saga.EventKind{saga.Annotated, saga.Assigned, saga.Acknowledged, saga.Snoozed, saga.Described} {
		if w.rng.IntN(10) == 0 {
			w.after(w.upTo(2*time.Minute), func() { c.press(kind) })
		}
	}
	if w.rng.IntN(30) == 0 {
		w.after(w.upTo(30*time.Second), func() { c.press(saga.Terminated) })
	}
}

// attendTo gives a step what it waits for, again and again until the saga has
// ended: most signals come in time, some too early or too late.
func (c *client) attendTo(step saga.Step) {
	w := c.w
	if step.Await == nil && step.Approval == nil {
		return
	}
	w.after(w.upTo(90*time.Second), func() {
		status := w.store.state(c.id).Status
		if status.Ended() || status == 0 && w.calm() { // nobody else will start it then
			return
		}
		c.tell(step, saga.StepRef{Name: step.Name})
		c.attendTo(step)
	})
}

// tell sends a signal, or decides, or tries to decide what is not theirs.
func (c *client) tell(step saga.Step, run saga.StepRef) {
	w := c.w
	c.told++
	e := saga.Event{
		Kind: saga.Decided, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, Reason: "an opinion",
		RequestID: fmt.Sprintf("told %d", c.told), Hold: w.rng.IntN(3) == 0,
	}
	if step.Await != nil {
		names := signalsOf(step)
		e.Kind, e.Own().Signal, e.Payload = saga.Signalled, names[w.rng.IntN(len(names))], saga.JSON(w.document())
	} else {
		e.Step, e.Outcome = run, saga.Succeeded
		if w.rng.IntN(4) == 0 {
			e.Outcome = saga.Rejected
		}
		e.Own().Groups = []string{[]string{"desk", "leads", "guests"}[w.rng.IntN(3)]}
	}
	w.hit(string(e.Kind))
	w.coordinator.submit(c.id, e)
}

// press asks until it is told that it was done; a pause is asked for once, because
// one that came after its resume would last for ever.
func (c *client) press(kind saga.EventKind) {
	w := c.w
	w.hit(string(kind))
	e := saga.Event{Kind: kind, Actor: saga.Actor{Kind: saga.Operator}, Reason: "an operator's wish", RequestID: string(kind), Hold: w.rng.IntN(3) == 0}
	switch kind {
	case saga.StepSkipped, saga.StepResolved, saga.StepEdited, saga.Reset:
		step, isList := c.anyStep()
		e.Step, e.Payload = step, saga.JSON(w.someOutput(step.Name))
		if isList {
			e.Step.Item = w.rng.IntN(maxList)
		}
		if kind == saga.Reset {
			e.Step.Item = 0 // it begins anew as a whole
		}
	case saga.Assigned:
		e.Payload = saga.JSON([]byte(`{"to":"group:desk"}`))
	case saga.Snoozed:
		e.Payload = saga.JSON(fmt.Appendf(nil, `{"until":%q}`, w.now.Add(w.seconds(600)).Format(time.RFC3339)))
	case saga.Described:
		e.Payload = saga.JSON(fmt.Appendf(nil, `{"n":%d,"lost":null}`, w.rng.IntN(9)))
	}
	if !w.coordinator.submit(c.id, e) && kind != saga.Paused {
		w.after(time.Second, func() { c.press(kind) })
	}
}

// anyStep chooses a step of the saga, and says whether it has items.
func (c *client) anyStep() (ref saga.StepRef, isList bool) {
	w := c.w
	if _, code := c.decider.(*saga.Code); code {
		state := w.store.state(c.id)
		if len(state.Steps) > 0 {
			_, ref = w.place(&state, w.rng.IntN(len(state.Steps)))
		}
		return ref, false
	}
	steps := c.decider.Definition().Steps
	step := steps[w.rng.IntN(len(steps))]
	return saga.StepRef{Name: step.Name}, step.ForEach != nil
}
