package sagatest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// mayRefuse reports whether a step may say no: one behind the pivot may not.
func (w *world) mayRefuse(key effectKey) bool {
	return w.stepOf(key).Kind != saga.Retriable
}

func (w *world) stepOf(key effectKey) saga.Step {
	if p := w.plans[key.id]; p != nil && p.byRef[key.step] != nil {
		return p.byRef[key.step].Step
	}
	steps := w.store.deciders[key.id].Definition().Steps
	name := key.step
	if i := strings.IndexAny(name, "[#"); i >= 0 {
		name = name[:i]
	}
	return steps[slices.IndexFunc(steps, func(s saga.Step) bool { return s.Name == name })]
}

// happened enters an effect into the ledger.
func (w *world) happened(p *participant, key effectKey) {
	w.trail.happened(p, key, saga.Do, w.now)
	e := p.effects[key]
	if e == nil {
		e = &effect{}
		p.effects[key] = e
	}
	e.done++
	e.alive = true
	if e.done > 1 {
		w.brokenf("I2: saga %s: %s was done %d times", key.id, key.step, e.done)
	}
}

// unhappened enters a compensation: what came after the step must be undone by
// now.
func (w *world) unhappened(p *participant, key effectKey) {
	w.trail.happened(p, key, saga.Undo, w.now)
	e := p.effects[key]
	e.undone++
	e.alive = false
	if e.undone > 1 {
		w.brokenf("I2: saga %s: %s was undone %d times", key.id, key.step, e.undone)
	}
	if plan := w.plans[key.id]; plan != nil {
		for _, later := range plan.later(key.step) {
			if w.aliveRun(key.id, later) && (later.Step.UndoesChild() || later.Step.Compensation != "" || later.Step.Kind != saga.Compensable) {
				w.brokenf("I3: saga %s: %s was undone before %s", key.id, key.step, later.Ref())
			}
		}
		return
	}
	steps := w.store.deciders[key.id].Definition().Steps
	for _, later := range laterSteps(steps, w.stepOf(key).Name) {
		if w.alive(key.id, later) && (later.UndoesChild() || later.Compensation != "" || later.Kind != saga.Compensable) {
			w.brokenf("I3: saga %s: %s was undone before %s", key.id, key.step, later.Name)
		}
	}
}

// laterSteps lists what comes, directly or not, after a step. Definitions are in
// the order of their graph.
func laterSteps(steps []saga.Step, name string) []saga.Step {
	reached := []string{name}
	var later []saga.Step
	for i, step := range steps {
		after := step.After
		if after == nil && i > 0 {
			after = []string{steps[i-1].Name}
		}
		if slices.ContainsFunc(after, func(a string) bool { return slices.Contains(reached, a) }) {
			reached = append(reached, step.Name)
			later = append(later, step)
		}
	}
	return later
}

// alive reports whether a step's effect exists, or that of one of its items, which no
// operator has ended.
func (w *world) alive(id saga.ID, step saga.Step) bool {
	switch {
	case step.Waits():
		return false
	case step.Child != nil:
		return w.childAlive(id, step)
	}
	if step.ForEach == nil {
		return w.runs(id, step, 0) > 0 && !w.byHand[effectKey{id, step.Name}]
	}
	for item := range max(maxList, w.most) {
		ref := saga.StepRef{Name: step.Name, Item: item + 1}
		if w.runs(id, step, ref.Item) > 0 && !w.byHand[effectKey{id, ref.String()}] {
			return true
		}
	}
	return false
}

// mostVisits is how often a saga comes to a step: each is reset at most once.
const mostVisits = 2

// runs counts the runs of a step or item whose effects are there.
func (w *world) runs(id saga.ID, step saga.Step, item int) (n int) {
	for visit := range mostVisits {
		if w.exists(step, effectKey{id, saga.StepRef{Name: step.Name, Item: item, Visit: visit}.String()}) {
			n++
		}
	}
	return n
}

// exists reports whether an effect is there.
func (w *world) exists(step saga.Step, key effectKey) bool {
	if step.Waits() || step.Child != nil {
		return false
	}
	e := w.participant(step.Participant).effects[key]
	return e != nil && e.alive
}

// checkTransition checks one transition, before it is stored.
func (w *world) checkTransition(before, next saga.State, e saga.Event) {
	if next.Last.Before(before.Last) {
		w.brokenf("I13: saga %s: time went back at event %d", next.ID, next.Seq)
	}
	if !next.Status.Ended() && next.Paused.IsZero() && next.WakeAt().IsZero() && !forPeople(next) {
		w.brokenf("I1: saga %s: nothing will ever wake it after event %d (%s)", next.ID, next.Seq, e.Kind)
	}
	turned := e.Kind == saga.Reversed && before.Status == saga.Completed
	if before.Status.Ended() && next.Status != before.Status && !turned {
		w.brokenf("I12: saga %s: was %s and is %s", next.ID, before.Status, next.Status)
	}
	for i := range before.Steps {
		if k, ok := again(&before, i, &next); ok && next.Visit(k) == before.Visit(i) {
			w.checkStep(before.Steps[i], next.Steps[k], k, e, next)
		}
	}
	if e.Kind == saga.Reset {
		w.wasReset[next.ID] = true
	}
	if before.Extras().Reset > 0 && next.Extras().Reset == 0 && next.Status == saga.Running {
		w.hit("began-anew")
	}
	if e.Kind == saga.StepEdited {
		w.hit("edited")
	}
	if e.Kind == saga.StepSkipped || e.Kind == saga.StepResolved {
		w.byHand[w.handKey(next.ID, e.Step)] = true
	}
	w.checkItems(next)

	for _, a := range next.Attention {
		if a.Reason == saga.ChildAbandoned && !slices.ContainsFunc(before.Attention, func(b saga.Attention) bool { return b.Reason == a.Reason && b.Step == a.Step }) {
			w.rescue(next.ID, a.Step)
		}
	}
	w.checkHolder(next, e)
	w.countStates(before, next)
}

// handKey names a step for byHand: a verb on a declared one does not say which visit it
// means.
func (w *world) handKey(id saga.ID, ref saga.StepRef) effectKey {
	if _, is := w.store.deciders[id].(*saga.Code); !is {
		ref = unvisited(ref)
	}
	return effectKey{id, ref.String()}
}

// forPeople reports whether a saga waits for what may never come.
func forPeople(s saga.State) bool {
	return slices.ContainsFunc(s.WaitingFor(), func(word string) bool {
		return word == "signal" || word == "approval" || word == "child" || word == "lock"
	})
}

// checkSend checks what a transition sends.
func (w *world) checkSend(before, next saga.State, e saga.Event, c saga.Command) {
	switch {
	case e.Hold:
		w.brokenf("I7: saga %s: a node that may not send has sent %s", next.ID, c.ID)
	case !next.Paused.IsZero():
		w.brokenf("I12: saga %s is paused and sends %s", next.ID, c.ID)
	case c.ID.Direction == saga.Do && next.Status != saga.Running:
		w.brokenf("I3: saga %s is %s and sends %s", next.ID, next.Status, c.ID)
	}
	if inVain(&before, c.ID.Step) {
		return
	}
	for i, st := range next.Steps {
		if c.ID.Direction == saga.Undo && st.Phase == saga.Doing && w.goesBack(next, c.ID.Step.Name, i) {
			w.brokenf("I3: saga %s sends %s while a step is still being done", next.ID, c.ID)
		}
	}
}

// goesBack reports whether the state of step i is on its way back with the step that is
// undone: with all of the saga, or by a reset; after a reset that was cut short, if it
// comes after that step.
func (w *world) goesBack(s saga.State, undone string, i int) bool {
	steps := w.store.deciders[s.ID].Definition().Steps
	i, _ = s.Place(i)
	if to := s.Extras().Reset - 1; to >= 0 {
		undone = steps[to].Name
	} else if !w.wasReset[s.ID] {
		return true
	}
	named := func(later saga.Step) bool { return later.Name == steps[i].Name }
	return steps[i].Name == undone || slices.ContainsFunc(laterSteps(steps, undone), named)
}

// checkItems: no more of a step's items are under way than it allows, and none is left
// out of a step that is over.
func (w *world) checkItems(s saga.State) {
	for _, sp := range s.Extras().Spreads {
		w.most = max(w.most, sp.Count)
		step, underWay := w.store.deciders[s.ID].Definition().Steps[sp.Step], 0
		returns := s.Extras().Reset > 0 && w.goesBack(s, "", sp.Step)
		for _, st := range s.Items(sp.Step) {
			switch st.Phase {
			case saga.Doing, saga.Resting, saga.Held, saga.Undoing, saga.UndoResting, saga.UndoHeld:
				underWay++
			}
			over := st.Phase == saga.Done || st.Phase == saga.Skipped
			if s.Status == saga.Running && !returns && s.Steps[sp.Step].Phase == saga.Done && !over {
				w.brokenf("I3: saga %s: %s is done, and one of its items is %s", s.ID, step.Name, st.Phase)
			}
		}
		if underWay > step.ForEach.Concurrency {
			w.brokenf("I3: saga %s: %d items of %s are under way, at most %d may be", s.ID, underWay, step.Name, step.ForEach.Concurrency)
		}
	}
}

func (w *world) checkStep(was, is saga.StepState, i int, e saga.Event, s saga.State) {
	_, ref := w.place(&s, i)
	if s.Extras().Plan == nil {
		ref = unvisited(ref)
	}
	name := ref.String()
	if e.Kind == saga.Replied && e.Step == ref && is.Ignored > was.Ignored {
		w.hit("ignored")
		if is.Phase != was.Phase || is.Attempt != was.Attempt {
			w.brokenf("I12: saga %s: an ignored reply moved %s from %s to %s", s.ID, name, was.Phase, is.Phase)
		}
	}
	waited := e.Kind == saga.Woke && (was.Phase == saga.Doing || was.Phase == saga.Undoing)
	moved := is.Phase != was.Phase || is.Attempt != was.Attempt
	if waited && !moved && !is.Due.Equal(was.Due) {
		w.hit("deferred")
	}
	held := (is.Phase == saga.Held || is.Phase == saga.UndoHeld) && is.Extras().Again == was.Extras().Again
	if held && is.Phase == was.Phase && is.Attempt != was.Attempt || held && is.Attempt > was.Attempt {
		w.brokenf("I14: saga %s: %s lost attempt %d to a closed gate", s.ID, name, is.Attempt)
	}
	if waited && moved && was.Phase == saga.Doing {
		w.checkHeard(was, i, s)
	}
	if waited && moved && (w.bus.down || w.store.unsent(s.ID)) {
		w.brokenf("DESIGN 6.2: saga %s: %s lost attempt %d to our own outage", s.ID, name, was.Attempt)
	}
}

// hear notes that the attempt under way of a step has said that it is at work.
func (ch *change) hear(e saga.Event) {
	i, _, ok := ch.state.Find(ch.decider.Definition().Steps, e.Step)
	if e.Kind != saga.Replied || e.Outcome != saga.Ongoing || e.Direction != saga.Do || !ok {
		return
	}
	if st := ch.state.Steps[i]; st.Phase == saga.Doing && st.Epoch == e.Epoch && st.Attempt == e.Attempt {
		ch.heard[effectKey{ch.id, e.Step.String()}] = e.At
	}
}

// checkHeard: who is heard as often as the heartbeat says loses no attempt.
func (w *world) checkHeard(was saga.StepState, i int, s saga.State) {
	step, ref := w.place(&s, i)
	name := ref.String()
	heard, until := w.heard[effectKey{s.ID, name}], was.Extras().Until
	if step.Do.Heartbeat == 0 || heard.IsZero() || !until.IsZero() && !s.Last.Before(until) {
		return
	}
	w.hit("heartbeat-lost")
	if s.Last.Sub(heard) < step.Do.Heartbeat {
		w.brokenf("DESIGN 6.3: saga %s: %s lost attempt %d and was heard %s before", s.ID, name, was.Attempt, s.Last.Sub(heard))
	}
}

// countStates counts the rare states that a run has reached.
func (w *world) countStates(before, next saga.State) {
	for kind, is := range map[string]bool{"owned": next.Extras().Assigned != "", "put-off": !next.Snoozed().IsZero()} {
		if is {
			w.hit(kind)
		}
	}
	if len(next.Extras().Signals) > len(before.Extras().Signals) {
		w.hit("signal-kept")
	}
	for i := range next.Steps {
		if next.Steps[i].Phase == saga.Asking && next.Steps[i].Attempt == 2 {
			w.hit("escalated")
		}
		phase := next.Steps[i].Phase
		if i < len(before.Steps) && before.Steps[i].Phase == phase {
			continue
		}
		switch phase {
		case saga.Held, saga.UndoHeld, saga.Unknown, saga.Skipped, saga.Refused, saga.UndoResting, saga.Sleeping, saga.Awaiting, saga.Asking, saga.Expired, saga.Spreading, saga.Raising, saga.Reversing:
			w.hit("phase-" + phase.String())
		}
	}
	for _, a := range next.Attention[min(len(before.Attention), len(next.Attention)):] {
		w.hit("attention-" + string(a.Reason))
	}
}

// checkEnd checks the world after everything has come to rest.
func (w *world) checkEnd() {
	w.report.Sagas = len(w.acked)
	for _, id := range w.acked {
		w.checkSaga(id)
	}
	for _, id := range w.store.order {
		w.checkOwn(id)
		w.checkReplay(id)
		w.checkUpdates(id)
		w.checkInputs(id)
		w.checkEffects(id)
		w.checkAnnounced(id)
		w.checkFamily(id)
	}
	w.checkQueues()
	for _, p := range w.participants {
		for key, e := range p.effects {
			if w.store.rows[key.id] == nil && e.alive {
				w.brokenf("I4: %s was done for saga %s, which does not exist", key.step, key.id)
			}
		}
	}
}

// checkSaga: I1, every saga whose start was acknowledged ends.
func (w *world) checkSaga(id saga.ID) {
	if w.store.rows[id] == nil {
		w.brokenf("I1: saga %s was acknowledged and does not exist", id)
		return
	}
	switch state := w.store.state(id); state.Status {
	case saga.Completed:
		w.report.Completed++
	case saga.Compensated:
		w.report.Compensated++
	case saga.Abandoned:
		w.hit("abandoned")
	default:
		var phases []saga.Phase
		for _, step := range state.Steps {
			phases = append(phases, step.Phase)
		}
		w.brokenf("I1: saga %s is still %s: %v, to be woken at %s", id, state.Status, phases, state.WakeAt().Sub(w.origin))
	}
}

// checkWatched: an event is for the steps that await one, and for those that may yet,
// unless one was kept for them; and for no others.
func (w *world) checkWatched(ch *change) {
	for i, step := range ch.decider.Definition().Steps {
		if step.Await == nil || step.Await.Event == nil || i >= len(ch.state.Steps) {
			continue
		}
		phase, kept := ch.state.Steps[i].Phase, func(k saga.KeptSignal) bool { return k.Name == saga.EventSignal(step.Name) }
		want := ch.state.Status == saga.Running && (phase == saga.Awaiting || phase == saga.Waiting && !slices.ContainsFunc(ch.state.Extras().Signals, kept))
		if got := slices.Contains(ch.watched, step.Name); got != want {
			w.brokenf("I1: saga %s: events are for step %s: %t, want %t: the saga is %s, the step %s", ch.id, step.Name, got, want, ch.state.Status, phase)
		}
	}
}

// checkAnnounced: the end of a saga whose definition asks for it is told once, with
// the status that it ended with.
func (w *world) checkAnnounced(id saga.ID) {
	state, told := w.store.state(id), w.store.rows[id].ends
	want := 0
	if w.store.deciders[id].Definition().OnEnd != nil && state.Status.Ended() {
		want = 1
	}
	if len(told) != want || want == 1 && told[0].Ended.Status != state.Status.String() {
		w.brokenf("I4: the end of saga %s, which is %s, was told %d times, want %d: %v", id, state.Status, len(told), want, told)
	}
}

// checkReplay: I8, the history alone yields the stored state.
func (w *world) checkReplay(id saga.ID) {
	r := w.store.rows[id]
	replayed, err := w.store.deciders[id].Replay(id, r.history)
	switch {
	case err != nil:
		w.brokenf("I8: %s", err)
	case !bytes.Equal(r.state, saga.AppendState(nil, &replayed)):
		w.brokenf("I8: saga %s: the history yields another state than the stored one", id)
	}
}

// checkInputs: I2, every command of a step carries the same input, do and undo, until
// an operator has written another.
func (w *world) checkInputs(id saga.ID) {
	inputs, runs := map[saga.StepRef]uint64{}, map[saga.StepRef]saga.StepRef{}
	for _, e := range w.store.rows[id].history {
		if e.Kind == saga.Reset { // what was written for a command that was never sent is forgotten
			maps.DeleteFunc(inputs, func(r saga.StepRef, _ uint64) bool { return runs[unvisited(r)] != r })
		}
		if e.Kind == saga.StepEdited {
			run := cmp.Or(runs[e.Step], e.Step)
			if w.plans[id] != nil {
				run = e.Step
			}
			inputs[run] = saga.PayloadHash(e.Payload)
		}
		for _, s := range e.Sent {
			if was, known := inputs[s.Step]; known && was != s.Hash {
				w.brokenf("I2: saga %s: event %d sends %s/%s with another input than is its own", id, e.Seq, s.Step, s.Direction)
			}
			inputs[s.Step], runs[unvisited(s.Step)] = s.Hash, s.Step
		}
	}
}

func unvisited(r saga.StepRef) saga.StepRef {
	r.Visit = 0
	return r
}

// checkEffects: I3, no effect of a compensated saga is left, every one of a
// completed saga is there.
func (w *world) checkEffects(id saga.ID) {
	state := w.store.state(id)
	for i := range state.Steps {
		number, item := state.Place(i)
		step, ref := w.place(&state, i)
		key, phase := effectKey{id, ref.String()}, state.Steps[i].Phase
		alive := w.exists(step, key)
		switch {
		case step.Waits(), step.Child != nil, step.ForEach != nil && item == 0: // it has no effect of its own
			w.checkList(&state, number, step)
			w.checkEarlier(&state, number, step)
		case w.byHand[w.handKey(id, ref)]: // an operator's word, not the saga's
		case phase == saga.Unknown && step.Compensation == "" && state.Extras().Plan != nil: // it may stay, and the function knew
		case state.Extras().Plan == nil && step.Reason == "" && w.runs(id, step, item) > 1:
			w.brokenf("I3: saga %s: %s has begun anew, and its earlier run is left done", id, step.Name)
		case state.Status == saga.Compensated && alive && step.Reason == "":
			w.brokenf("I3: saga %s is compensated and %s (%s) is left done", id, key.step, phase)
		case state.Status == saga.Completed && alive != (phase == saga.Done):
			w.brokenf("I3: saga %s is completed and %s (%s) is done: %t", id, key.step, phase, alive)
		}
	}
}

// checkEarlier: of the items that a reset has undone no effect is left, also where the
// list has become shorter.
func (w *world) checkEarlier(state *saga.State, number int, step saga.Step) {
	if step.ForEach == nil || step.Child != nil || step.Reason != "" {
		return
	}
	for item := range max(maxList, w.most) {
		for visit := range state.Visit(number) {
			ref := saga.StepRef{Name: step.Name, Item: item + 1, Visit: visit}
			if w.exists(step, effectKey{state.ID, ref.String()}) && !w.byHand[effectKey{state.ID, unvisited(ref).String()}] {
				w.brokenf("I3: saga %s: %s has begun anew, and %s is left done", state.ID, step.Name, ref)
			}
		}
	}
}

// checkList: a completed saga has run a step for every item of the list.
func (w *world) checkList(state *saga.State, number int, step saga.Step) {
	if step.ForEach == nil || state.Status != saga.Completed || state.Steps[number].Phase == saga.Skipped {
		return
	}
	list, ok := step.ForEach.List.(field)
	input := w.store.rows[state.ID].history[0].Payload.Data
	if want := listLength(input); ok && list.step == "" && want != len(state.Items(number)) {
		w.brokenf("I3: saga %s is completed, and %s has run for %d items of %d", state.ID, step.Name, len(state.Items(number)), want)
	}
}
