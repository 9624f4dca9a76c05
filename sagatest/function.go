package sagatest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// versionOf is how a saga's version is called; a definition that was not applied has none.
func versionOf(of Saga) string { return cmp.Or(of.Definition().Version, "r1") }

// planned are the steps that a function has asked for, in all of its transactions.
type planned struct {
	byRef map[string]*saga.Planned
	list  []*saga.Planned // by their numbers
}

// note keeps what a committed state says of steps.
func (p *planned) note(plan *saga.Plan) {
	for _, step := range plan.Steps {
		ref := step.Ref().String()
		if p.byRef[ref] == nil {
			p.list = append(p.list, step)
		}
		p.byRef[ref] = step
	}
}

// grown keeps the steps of a saga that is a function, once they are committed.
func (w *world) grown(ch *change) {
	plan := ch.state.Extras().Plan
	if plan == nil {
		return
	}
	p := w.plans[ch.id]
	if p == nil {
		p = &planned{byRef: map[string]*saga.Planned{}}
		w.plans[ch.id] = p
	}
	p.note(plan)
}

// later lists the steps of a function that came after the one of that name: it is undone
// after them.
func (p *planned) later(ref string) (later []*saga.Planned) {
	first := p.byRef[ref]
	reached := []int64{first.Ask}
	for _, step := range p.list {
		if slices.ContainsFunc(step.After, func(ask int64) bool { return slices.Contains(reached, ask) }) {
			reached = append(reached, step.Ask)
			later = append(later, step)
		}
	}
	return later
}

// place returns what s.Steps[i] does, and the name of its run.
func (w *world) place(s *saga.State, i int) (saga.Step, saga.StepRef) {
	if plan := s.Extras().Plan; plan != nil {
		return plan.Steps[i].Step, plan.Steps[i].Ref()
	}
	number, item := s.Place(i)
	step := w.store.deciders[s.ID].Definition().Steps[number]
	return step, saga.StepRef{Name: step.Name, Item: item, Visit: s.Visit(i)}
}

// decide decides an event with the saga's function where it is kept, as a coordinator
// does: after an error it is thrown away.
func (ch *change) decide(h saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	code, is := ch.decider.(*saga.Code)
	if !is {
		return ch.decider.Decide(ch.state, h, e)
	}
	return code.DecideIn(ch.run, ch.state, h, e)
}

// take gives a change its saga's function, an empty one where there is none.
func (c *coordinator) take(ch *change, own bool) {
	ch.run = &saga.Run{}
	if kept := c.runs[ch.id]; kept != nil && own {
		delete(c.runs, ch.id)
		ch.run = kept
		if c.w.rng.IntN(10) == 0 { // there was no room for it
			c.w.hit("evicted")
			ch.run.Stop()
		}
	}
}

// rest keeps the functions of a committed batch that wait for their next events, and
// stops the others.
func (c *coordinator) rest(changes []*change, keep bool) {
	for _, ch := range changes {
		if ch.run == nil {
			continue
		}
		if keep && c.up && ch.state.Status == saga.Running && ch.run.Ready(&ch.state) {
			ch.run.Committed()
			c.runs[ch.id] = ch.run
			continue
		}
		ch.run.Stop()
	}
}

// stop ends all functions that are kept: the process has died, or the world has ended.
func (c *coordinator) stop() {
	for id, run := range c.runs {
		run.Stop()
		delete(c.runs, id)
	}
}

// follow begins the next run of a saga that continues as new, in its own transaction, and
// reports whether the effect was that.
func (c *coordinator) follow(ch *change, effect saga.Effect) bool {
	next, is := effect.(saga.Continue)
	if !is {
		return false
	}
	c.w.hit("continued")
	follower := c.w.store.load(next.To)
	follower.decider = ch.decider
	c.w.store.deciders[next.To] = ch.decider
	c.take(follower, false)
	e := next.Event
	e.At, e.Hold = c.clock(), ch.foreign
	ch.next = append(ch.next, follower)
	c.decideOne(follower, e)
	return true
}

// ended lets nothing of the world go on.
func (w *world) ended() { w.coordinator.stop() }

// attend lets people give a saga what it waits for.
func (c *client) attend() {
	if c.w.own != nil {
		c.attendToOwn(90 * time.Second)
		return
	}
	for _, step := range c.decider.Definition().Steps {
		c.attendTo(step)
	}
	c.attendToCode()
}

// attendToCode gives a function's saga what it waits for, again and again until it has
// ended; now and then a signal before it awaits one.
func (c *client) attendToCode() {
	w := c.w
	if _, is := c.decider.(*saga.Code); !is || w.own != nil {
		return
	}
	w.after(w.upTo(90*time.Second), func() {
		state := w.store.state(c.id)
		if state.Status.Ended() || state.Status == 0 && w.calm() {
			return
		}
		c.tell(w.wanted(&state))
		c.update()
		c.attendToCode()
	})
}

// updateMore is the update that functions of the simulator offer.
const updateMore = "more"

// update asks a function's saga to take more, often with an id that it has had already;
// not every function takes it, and nothing is no more.
func (c *client) update() {
	w := c.w
	n := w.rng.IntN(6)
	e := saga.Event{
		Kind: saga.Updated, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, RequestID: fmt.Sprintf("more %d", n),
		Payload: saga.JSON(strconv.AppendInt(nil, int64(n), 10)), Hold: w.rng.IntN(3) == 0,
	}
	e.Own().Update = updateMore
	w.hit(string(saga.Updated))
	w.coordinator.submit(c.id, e)
}

// checkUpdates: I11, an update is taken once for its id, in the order of the history.
func (w *world) checkUpdates(id saga.ID) {
	sum, taken := 0, map[string]bool{}
	for _, e := range w.store.rows[id].history {
		if e.Kind != saga.Updated {
			continue
		}
		n, _ := strconv.Atoi(string(e.Payload.Data)) // the client wrote it
		sum += n
		if answer, ok := e.UpdateAnswer(); !ok || string(answer.Output) != strconv.Itoa(sum) || taken[e.RequestID] || n == 0 {
			w.brokenf("I11: saga %s: event %d takes update %q, and answers %q after %d", id, e.Seq, e.RequestID, answer.Output, sum)
		}
		taken[e.RequestID] = true
	}
}

// wanted is what a function's saga waits for from people, else a signal that it may await.
func (w *world) wanted(s *saga.State) (saga.Step, saga.StepRef) {
	for i := range s.Steps {
		if step, ref := w.place(s, i); s.Steps[i].Phase == saga.Asking {
			return step, ref
		}
	}
	return saga.Step{Await: &saga.Await{Signals: []string{"paid", "waived"}}}, saga.StepRef{}
}

// noted counts what functions ask for.
func (w *world) noted(n saga.Noted) {
	for _, asked := range n.Asked {
		word, _, _ := strings.Cut(asked.What, ":")
		w.hit("asked-" + word)
	}
}

// aliveRun reports whether the effect of one run of a function's step exists, or that of
// its child, which no operator has ended.
func (w *world) aliveRun(id saga.ID, p *saga.Planned) bool {
	key := effectKey{id, p.Ref().String()}
	if p.Step.Child == nil {
		return w.exists(p.Step, key) && !w.byHand[key]
	}
	state := w.store.state(id)
	i, ok := state.Extras().Plan.Find(p.Ref())
	if !ok || w.byHand[key] || state.Steps[i].Extras().Lost {
		return false
	}
	child := state.Child(i, &p.Step)
	if child.IsZero() || w.store.rows[child] == nil {
		return false
	}
	status := w.store.state(child).Status
	return status != saga.Compensated && status != saga.Abandoned
}

// checkChildOfCode is checkFamily's of a child that a function has begun.
func (w *world) checkChildOfCode(child *saga.State, f *saga.Family, plan *planned) {
	step, key := plan.byRef[f.Step.String()], effectKey{f.Parent, f.Step.String()}
	if step == nil || step.Step.Child == nil || step.Step.Child.Definition != child.Definition {
		w.brokenf("I7: saga %s has a parent whose step %s does not begin it", child.ID, f.Step)
		return
	}
	parent := w.store.state(f.Parent)
	i, ok := parent.Extras().Plan.Find(f.Step)
	switch {
	case w.byHand[key] || !ok:
	case parent.Status == saga.Completed && parent.Child(i, &step.Step) == child.ID && parent.Steps[i].Phase == saga.Done && child.Status != saga.Completed:
		w.brokenf("I3: saga %s is completed, and its child %s is %s", f.Parent, child.ID, child.Status)
	case parent.Status == saga.Compensated && step.Step.UndoesChild() && child.Status == saga.Completed:
		w.brokenf("I3: saga %s is compensated, and its child %s is completed", f.Parent, child.ID)
	}
}

// inVain reports whether a function has tried the step and not succeeded, or the step is
// on its way back already: what may have been done is undone at once, whatever else is
// under way.
func inVain(before *saga.State, ref saga.StepRef) bool {
	plan := before.Extras().Plan
	i, ok := plan.Find(ref)
	return ok && before.Steps[i].Phase != saga.Done
}

// again returns where the state of before.Steps[i] is in the next one: a function's steps
// that are over are let go of once there are many.
func again(before *saga.State, i int, next *saga.State) (int, bool) {
	if plan := before.Extras().Plan; plan != nil {
		return next.Extras().Plan.Find(plan.Steps[i].Ref())
	}
	return next.At(before.Place(i))
}
