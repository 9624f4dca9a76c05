package sagatest

import (
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// letter is a message of one saga to another, as it lies in the store.
type letter struct {
	n     int
	to    saga.ID
	event saga.Event
}

// family makes definitions whose steps are other sagas: a root with two children side
// by side, one that is its pivot and one behind it; one with a child for each item of a
// list; a child with a child; and sagas that can be turned back, or not.
func (w *world) family() []saga.Definition {
	child := func(i int, definition string, kind saga.Kind, after ...string) saga.Step {
		s := saga.Step{Name: w.step(i, kind).Name, Kind: kind, After: after, Child: &saga.Child{Definition: definition, Version: "r1"}}
		if kind == saga.Retriable {
			s.Do.Backoff = time.Second
		}
		return s
	}
	leaf := []saga.Step{w.step(0, saga.Compensable), w.step(1, saga.Compensable)}
	middle := []saga.Step{w.step(0, saga.Compensable), child(1, "leaf", saga.Compensable), w.step(2, saga.Compensable)}
	middle[1].After = nil
	closing := []saga.Step{w.step(0, saga.Compensable), w.step(1, saga.Pivot)}
	root := []saga.Step{
		w.step(0, saga.Compensable), child(1, "middle", saga.Compensable, "step0"), child(2, "leaf", saga.Compensable, "step0"),
		child(3, "closing", saga.Compensable, "step0"), w.step(4, saga.Compensable),
		child(5, "closing", saga.Pivot, "step4"), child(6, "closing", saga.Retriable, "step5"),
	}
	fleet := []saga.Step{
		w.step(0, saga.Compensable), child(1, "leaf", saga.Compensable, "step0"), child(2, "middle", saga.Compensable, "step1"),
		child(3, "closing", saga.Compensable, "step0"), w.step(4, saga.Pivot), child(5, "closing", saga.Retriable, "step4"),
	}
	for _, i := range []int{1, 2, 3, 5} {
		w.forEach(&fleet[i], field{"", "list"})
	}
	fleet[2].ForEach.List = field{"step1", "outputs"}
	fleet[3].Reason = "what was closed may stay closed"
	fleet[4].After = []string{"step2", "step3"}
	root[2].When = field{"", "yes"}
	root[3].Reason = "what was closed may stay closed"
	root[4].After = []string{"step1", "step2", "step3"}
	return []saga.Definition{
		{Name: "leaf", Version: "r1", Steps: leaf},
		{Name: "middle", Version: "r1", Steps: middle},
		{Name: "closing", Version: "r1", Steps: closing},
		{Name: "root", Version: "r1", Steps: root},
		{Name: "fleet", Version: "r1", Steps: fleet},
	}
}

// deciderOf finds the saga of a name; nil without one.
func (w *world) deciderOf(name string) Saga {
	i := slices.IndexFunc(w.deciders, func(d Saga) bool { return d.Definition().Name == name })
	if i < 0 {
		w.brokenf("there is no saga %s, which is begun as a child: put it among Own.With", name)
		return nil
	}
	return w.deciders[i]
}

// deliver hands a saga the messages that lie beside it, in order. Now and then they
// are handed over twice.
func (c *coordinator) deliver(to saga.ID) {
	var inputs []input
	for _, l := range c.w.store.mail {
		if l.to == to {
			inputs = append(inputs, input{id: to, event: l.event, mail: l.n})
		}
	}
	if len(inputs) == 0 {
		return
	}
	for i := range inputs {
		inputs[i].event.At = c.clock()
	}
	c.transact(inputs, true)
	if c.up && c.w.strikes(mailAgain, 0.1) {
		c.transact(inputs, true)
	}
}

// deliverAll hands over what lies in the store, whoever was to do it before.
func (c *coordinator) deliverAll() {
	for _, to := range c.w.store.addressees() {
		c.deliver(to)
	}
}

// addressees lists the sagas that have messages, the oldest first.
func (s *store) addressees() (list []saga.ID) {
	for _, l := range s.mail {
		if !slices.Contains(list, l.to) {
			list = append(list, l.to)
		}
	}
	return list
}

// tell keeps a message in a transaction.
func (ch *change) tell(effect saga.Effect) bool {
	tell, ok := effect.(saga.Tell)
	if ok {
		ch.tells = append(ch.tells, tell)
	}
	return ok
}

// post writes a change's messages, and removes those that it has folded.
func (s *store) post(ch *change) {
	s.mail = slices.DeleteFunc(s.mail, func(l letter) bool { return slices.Contains(ch.folded, l.n) })
	for _, tell := range ch.tells {
		s.nextRow++
		s.mail = append(s.mail, letter{s.nextRow, tell.To, tell.Event})
	}
}

// refused tells a parent that its child was not started.
func (ch *change) refused(e saga.Event, err error) {
	f := e.Extras().Family
	ch.tells = append(ch.tells, saga.Tell{To: f.Parent, Event: saga.Event{
		Kind: saga.ChildEnded, Actor: saga.Actor{Kind: saga.ByChild}, Step: f.Step, Outcome: saga.Rejected, Reason: err.Error(),
	}})
}

// nurse lets an operator look after a child, or the next run of a chain, that has just
// begun, as after any saga.
func (w *world) nurse(ch *change) {
	c := &client{w: w, decider: ch.decider, id: ch.id}
	if f := ch.state.Extras().Family; f != nil {
		w.hit("child")
		if f.Step.Item > 0 {
			w.hit("child-of-an-item")
		}
	}
	c.operate()
	if w.own != nil {
		c.attend()
	}
	c.attendToCode()
	if chain := ch.state.Extras().Chain; w.own != nil && chain != nil && chain.Run > ownRuns {
		w.after(w.upTo(time.Minute), func() { c.press(saga.Terminated) })
	}
	if w.rng.IntN(8) == 0 {
		w.after(w.upTo(20*time.Second), c.cancel)
	}
}

// rescue lets an operator decide about a step whose child was terminated.
func (w *world) rescue(id saga.ID, step string) {
	w.after(w.upTo(30*time.Second), func() {
		state := w.store.state(id)
		left := slices.ContainsFunc(state.Attention, func(a saga.Attention) bool { return a.Reason == saga.ChildAbandoned && a.Step == step })
		if !left || state.Status.Ended() {
			return
		}
		ref, err := saga.ParseStepRef(step)
		if err != nil {
			w.brokenf("attention for %q, which is no step: %s", step, err)
			return
		}
		if state.Extras().Reset > 0 { // it cannot begin anew with that effect alive
			w.coordinator.submit(id, saga.Event{Kind: saga.Cancelled, Actor: saga.Actor{Kind: saga.Operator}, Reason: "its child cannot be turned back"})
		}
		for _, kind := range []saga.EventKind{saga.StepResolved, saga.StepSkipped} {
			w.coordinator.submit(id, saga.Event{
				Kind: kind, Actor: saga.Actor{Kind: saga.Operator}, Reason: "it was seen to", Step: ref, Payload: saga.JSON(w.someOutput(ref.Name)),
			})
		}
		w.rescue(id, step)
	})
}

// checkFamily: I7, no child without its parent's step; I3, it has fared as its parent
// has.
func (w *world) checkFamily(id saga.ID) {
	state := w.store.state(id)
	f := state.Extras().Family
	if chain := state.Extras().Chain; chain != nil && chain.Run > 1 {
		w.checkSaga(id)
	}
	if f == nil {
		return
	}
	w.checkSaga(id)
	if w.store.rows[f.Parent] == nil {
		w.brokenf("I7: saga %s has the parent %s, which does not exist", id, f.Parent)
		return
	}
	if plan := w.plans[f.Parent]; plan != nil {
		w.checkChildOfCode(&state, f, plan)
		return
	}
	parent, key := w.store.state(f.Parent), effectKey{f.Parent, unvisited(f.Step).String()}
	step := w.stepOf(key)
	number := slices.IndexFunc(w.store.deciders[f.Parent].Definition().Steps, func(s saga.Step) bool { return s.Name == f.Step.Name })
	i, ok := parent.At(number, f.Step.Item)
	earlier := step.Kind == saga.Compensable && f.Step.Visit < parent.Visit(number) // a reset came after it
	undone := state.Status == saga.Compensated || state.Status == saga.Abandoned
	switch {
	case step.Child == nil || step.Child.Definition != state.Definition:
		w.brokenf("I7: saga %s has a parent whose step %s does not begin it", id, f.Step)
	case w.byHand[key]:
	case earlier && step.UndoesChild() && !undone:
		w.brokenf("I3: saga %s: %s has begun anew, and its earlier child %s is %s", f.Parent, f.Step.Name, id, state.Status)
	case earlier || !ok:
	case parent.Status == saga.Completed && parent.Child(i, &step) == id && parent.Steps[i].Phase == saga.Done && state.Status != saga.Completed:
		w.brokenf("I3: saga %s is completed, and its child %s is %s", f.Parent, id, state.Status)
	case parent.Status == saga.Compensated && step.UndoesChild() && state.Status == saga.Completed:
		w.brokenf("I3: saga %s is compensated, and its child %s is completed", f.Parent, id)
	}
}

// childAlive reports whether the child of a saga's step, or of an item of it, has effects.
func (w *world) childAlive(id saga.ID, step saga.Step) bool {
	if w.store.rows[id] == nil || !step.UndoesChild() {
		return false
	}
	state := w.store.state(id)
	for i := range state.Steps {
		of, item := state.Place(i)
		if w.store.deciders[id].Definition().Steps[of].Name != step.Name || w.byHand[effectKey{id, saga.StepRef{Name: step.Name, Item: item}.String()}] {
			continue
		}
		child := state.Child(i, &step)
		if child.IsZero() || state.Steps[i].Extras().Lost || w.store.rows[child] == nil {
			continue
		}
		if status := w.store.state(child).Status; status != saga.Compensated && status != saga.Abandoned {
			return true
		}
	}
	return false
}
