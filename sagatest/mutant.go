package sagatest

import (
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// event lets a mutant change what is decided.
func (m Mutant) event(ch *change, e saga.Event, w *world) saga.Event {
	switch m {
	case NoEpoch:
		return withoutEpoch(ch, e)
	case PivotUnknownIsNo:
		return pivotRefused(ch, e, w.now)
	}
	return e
}

// stepIndex finds a step of the saga's definition; -1 when there is none.
func (ch *change) stepIndex(name string) int {
	return slices.IndexFunc(ch.decider.Definition().Steps, func(s saga.Step) bool { return s.Name == name })
}

// withoutEpoch makes any reply an answer to what the step waits for.
func withoutEpoch(ch *change, e saga.Event) saga.Event {
	i := ch.stepIndex(e.Step.Name)
	if e.Kind != saga.Replied || i < 0 || i >= len(ch.state.Steps) {
		return e
	}
	i, ok := ch.state.At(i, e.Step.Item)
	if !ok {
		return e
	}
	st := ch.state.Steps[i]
	e.Epoch, e.Attempt, e.Direction = st.Epoch, st.Attempt, saga.Do
	if st.Phase == saga.Undoing || st.Phase == saga.UndoResting {
		e.Direction = saga.Undo
	}
	return e
}

// pivotRefused takes a pivot's silence for a no.
func pivotRefused(ch *change, e saga.Event, now time.Time) saga.Event {
	for i, step := range ch.decider.Definition().Steps {
		if step.Kind != saga.Pivot || e.Kind != saga.Woke || i >= len(ch.state.Steps) {
			continue
		}
		if st := ch.state.Steps[i]; st.Phase == saga.Doing && !st.Due.After(now) {
			e.Kind, e.Step.Name, e.Direction, e.Outcome = saga.Replied, step.Name, saga.Do, saga.Rejected
			e.Epoch, e.Attempt = st.Epoch, st.Attempt
		}
	}
	return e
}

// send lets a mutant keep a command from being sent, or send others with it.
func (m Mutant) send(ch *change, e saga.Event, cmd saga.Command, w *world) bool {
	if cmd.ID.Direction != saga.Undo {
		return true
	}
	switch m {
	case UnknownNotDone:
		return knownDone(ch, e, cmd) || !answerUndo(cmd, w)
	case UndoAllAtOnce:
		undoOthers(ch, cmd, w)
	}
	return true
}

// knownDone reports whether the step to be undone is known to be done.
func knownDone(ch *change, e saga.Event, cmd saga.Command) bool {
	name := cmd.ID.Step.Name
	if e.Kind == saga.Replied && e.Step == cmd.ID.Step && e.Direction == saga.Do && e.Outcome == saga.Succeeded {
		return true
	}
	i, _ := ch.state.At(ch.stepIndex(name), cmd.ID.Step.Item)
	phase := ch.state.Steps[i].Phase
	return phase == saga.Done || phase >= saga.Undoing
}

// answerUndo pretends that a step was undone.
func answerUndo(cmd saga.Command, w *world) bool {
	r := saga.Reply{ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch, Outcome: saga.Succeeded}
	cmd.Route = saga.Route{Namespace: "sim", Incarnation: 1, ReplyTopic: "replies"}
	cmd.Route.Token = keys.Token("sim", cmd.ID, cmd.Epoch, cmd.Participant)
	w.bus.reply(cmd.Participant, cmd.ID.Saga, record{headers: saga.ReplyHeaders(saga.CommandHeaders(cmd, w.now), r, w.now)})
	return true
}

// undoOthers undoes every step that is done, out of turn.
func undoOthers(ch *change, cmd saga.Command, w *world) {
	for i, step := range ch.decider.Definition().Steps {
		if step.Compensation == "" || step.ForEach != nil || ch.state.Steps[i].Phase != saga.Done || step.Name == cmd.ID.Step.Name {
			continue
		}
		other := cmd
		other.ID.Step.Name, other.Participant, other.Epoch = step.Name, step.Participant, 2
		w.bus.command(other)
	}
}

// held lets a mutant count what the gate keeps back as an attempt.
func (m Mutant) held(before, next saga.State) saga.State {
	if m != HeldIsAttempt {
		return next
	}
	next.Steps = slices.Clone(next.Steps)
	for i := range next.Steps {
		if st := &next.Steps[i]; st.Phase == saga.Held && (i >= len(before.Steps) || before.Steps[i].Phase != saga.Held) {
			st.Attempt++
		}
	}
	return next
}
