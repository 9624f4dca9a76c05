package inject

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// brokenf notes that an invariant is broken.
func (w *world) brokenf(format string, args ...any) {
	const most = 10
	if len(w.broken) < most {
		w.broken = append(w.broken, fmt.Sprintf(format, args...))
	}
}

// check looks at a run that is over; err is that of the stage.
func (w *world) check(err error) {
	state := w.stage.State()
	switch {
	case errors.Is(err, stage.ErrEndless) && len(state.Attention) > 0: // it is tried for ever, and somebody was told
	case err != nil:
		w.brokenf("every event can be decided: %s", err)
	case w.struck < len(w.faults):
		w.brokenf("the same each time: %s did not strike; the saga is not what it was in the run before", w.faults[w.struck])
	}
	for _, a := range state.Attention {
		if a.Reason == saga.TransitionFailed { // a panic, an expression that cannot read what came: it would stand here for good
			w.brokenf("every event can be decided: %s", a.Text)
		}
	}
	if w.end() == "" {
		w.brokenf("it ends or asks for attention: it is %s, and nothing more will happen", state.Status)
	}
	w.checkEffects(&state)
	w.checkSent()
	w.checkReplay()
	if w.of.cfg.Invariant != nil {
		if err := w.of.cfg.Invariant(w.stage); err != nil {
			w.brokenf("your invariant: %s", err)
		}
	}
}

// end is how a run has ended; empty: it has not, and it should.
func (w *world) end() string {
	state := w.stage.State()
	people := func(word string) bool { return word == "signal" || word == "approval" || word == "child" }
	until := w.of.cfg.Scene.Until
	switch {
	case state.Status.Ended():
		return state.Status.String()
	case len(state.Attention) > 0:
		return "with attention"
	case slices.ContainsFunc(state.WaitingFor(), people), !state.Paused.IsZero():
		return "waiting for others"
	case until > 0 && w.stage.Elapsed() >= until:
		return "under way"
	}
	return ""
}

// byHand reports whether a cue has taken a step, or the saga, into somebody's hand: then
// its effect is what they say.
func (w *world) byHand(step string) bool {
	for _, cue := range w.of.cfg.Scene.Cues {
		switch cue.Kind {
		case saga.Terminated, saga.Reset:
			return true
		case saga.StepSkipped, saga.StepResolved, saga.StepEdited:
			if cue.Target == step {
				return true
			}
		}
	}
	return false
}

// checkEffects: a compensated saga has left no effect that can be undone, a completed
// one has every effect of a step that is done, and no other.
func (w *world) checkEffects(state *saga.State) {
	if state.Status != saga.Completed && state.Status != saga.Compensated {
		return
	}
	w.note(state)
	for _, s := range w.commands(state) {
		alive, done := w.ledger.alive(s.ref), s.phase == saga.Done
		switch {
		case w.byHand(s.ref.Name), s.step.Child != nil, s.step.ForEach != nil && s.ref.Item == 0, s.step.Waits():
		case state.Status == saga.Compensated && alive && s.step.Compensation != "":
			w.brokenf("no effect is left over: the saga is compensated and %s (%s) is left done", s.ref, s.phase)
		case state.Status == saga.Compensated && alive && s.step.Kind == saga.Pivot:
			w.brokenf("no effect is left over: the saga is compensated and its pivot %s is done", s.ref)
		case state.Status == saga.Completed && done && !alive:
			w.brokenf("no effect is lost: the saga is completed and %s, which is done, was not", s.ref)
		case state.Status == saga.Completed && alive && !done && s.phase != saga.Kept:
			w.brokenf("no effect is left over: the saga is completed and %s (%s) is left done", s.ref, s.phase)
		}
	}
}

// run is a step's run as it stands.
type run struct {
	ref   saga.StepRef
	step  saga.Step
	phase saga.Phase
}

// commands lists the runs of a saga's steps and items that are listed in its state.
func (w *world) commands(state *saga.State) (list []run) {
	if p := state.Extras().Plan; p != nil {
		for i, s := range p.Steps {
			list = append(list, run{s.Ref(), s.Step, state.Steps[i].Phase})
		}
		return list
	}
	steps := w.of.cfg.Saga.Definition().Steps
	for i := range state.Steps {
		number, item := state.Place(i)
		ref := saga.StepRef{Name: steps[number].Name, Item: item, Visit: state.Visit(i)}
		list = append(list, run{ref, steps[number], state.Steps[i].Phase})
	}
	return list
}

// checkSent: what is done behind the pivot, and the pivot, are never undone; each command
// has one input.
func (w *world) checkSent() {
	pivot, begun, inputs := int64(0), map[saga.StepRef]int64{}, map[saga.StepRef]uint64{}
	for _, e := range w.stage.History() {
		for _, s := range e.Sent {
			if _, again := begun[s.Step]; !again {
				begun[s.Step] = e.Seq
			}
			kind := w.kindOf(s.Step)
			if kind == saga.Pivot && s.Direction == saga.Do && pivot == 0 {
				pivot = e.Seq
			}
			if s.Direction == saga.Undo && !w.byHand(s.Step.Name) && (kind != saga.Compensable || pivot > 0 && begun[s.Step] > pivot) {
				w.brokenf("nothing behind the pivot is undone: event %d sends undo %s, which is %s", e.Seq, s.Step, kind)
			}
			if was, known := inputs[s.Step]; known && was != s.Hash && !w.byHand(s.Step.Name) {
				w.brokenf("a command has one input: event %d sends %s %s with another", e.Seq, s.Direction, s.Step)
			}
			inputs[s.Step] = s.Hash
		}
	}
}

func (w *world) kindOf(ref saga.StepRef) saga.Kind {
	for _, step := range w.of.cfg.Saga.Definition().Steps {
		if step.Name == ref.Name {
			return step.Kind
		}
	}
	for _, k := range w.steps {
		if k.ref.Name == ref.Name && k.ref.Visit == ref.Visit {
			return k.step.Kind
		}
	}
	return saga.Compensable
}

// checkReplay: the history alone leads to the state, and from each moment on a process
// that has just begun goes on as this one did.
func (w *world) checkReplay() {
	h, s := w.stage.History(), saga.State{ID: w.stage.State().ID}
	every := 1 + len(h)/maxPrefixes
	var run saga.Run
	defer run.Stop()
	for i, e := range h {
		if i%every == 0 {
			w.checkPrefix(s, h[:i], e)
		}
		next, _, err := w.fold(&run, s, h[:i+1], e)
		if err != nil || next.Seq != e.Seq {
			w.brokenf("the history is replayed: event %d (%s): %v", e.Seq, e.Kind, err)
			return
		}
		s = next
	}
	if end := w.stage.State(); !bytes.Equal(saga.AppendState(nil, &s), saga.AppendState(nil, &end)) {
		w.brokenf("the history is replayed: it leads to another state")
	}
}

// fold decides one event of a history after the other; run keeps a coroutine between them.
func (w *world) fold(run *saga.Run, s saga.State, h saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	if code, ok := w.of.cfg.Saga.(*saga.Code); ok {
		return code.DecideIn(run, s, h, e)
	}
	return w.of.cfg.Saga.Decide(s, h, e)
}

// checkPrefix decides an event anew, with what is stored of the moment before it.
func (w *world) checkPrefix(s saga.State, before saga.History, e saga.Event) {
	if s.Seq > 0 {
		stored, err := saga.DecodeState(s.ID, saga.AppendState(nil, &s))
		if err != nil {
			w.brokenf("a state is stored: after event %d: %v", s.Seq, err)
			return
		}
		s = stored
	}
	next, effects, err := w.of.cfg.Saga.Decide(s, before, e)
	if err != nil {
		w.brokenf("the history is replayed: event %d (%s) after a restart: %v", e.Seq, e.Kind, err)
		return
	}
	if again := e.Stored(&next, effects); !reflect.DeepEqual(again, e) {
		w.brokenf("the history is replayed: event %d (%s) after a restart is another: %s, was %s", e.Seq, e.Kind, said(&again), said(&e))
	}
}

// said is what an event has sent and asked for.
func said(e *saga.Event) string {
	var text strings.Builder
	fmt.Fprint(&text, e.Sent)
	for _, a := range e.Extras().Asked {
		text.WriteString(" " + a.What)
	}
	return text.String()
}
