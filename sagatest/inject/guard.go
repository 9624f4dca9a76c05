package inject

import (
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// phase is how far a guard row is.
type phase int

const (
	guardDone phase = iota + 1
	guardRejected
	guardUndone // undone, or never done: then it is a tombstone
)

// guard is the row that a participant has of a step, as docs/wire-contract.md says.
type guard struct {
	phase  phase
	epoch  int
	answer stage.Answer // what is said to a repeat
}

// handle runs a command in one transaction of its participant, guard and effect, and
// returns what is answered.
func (w *world) handle(c saga.Command, kind Kind) []stage.Answer {
	if c.ID.Direction == saga.Undo {
		return w.undo(c, kind)
	}
	g := w.guards[c.ID.Step]
	switch {
	case g == nil, g.phase == guardRejected && c.Epoch > g.epoch:
		return w.do(c, kind)
	case g.phase == guardUndone, c.Epoch < g.epoch:
		return []stage.Answer{{Outcome: saga.Rejected, Reason: "undone before"}}
	}
	return []stage.Answer{g.answer}
}

// do runs a do that was not run before.
func (w *world) do(c saga.Command, kind Kind) []stage.Answer {
	switch kind {
	case Rejected:
		answer := stage.Answer{Outcome: saga.Rejected, Reason: "injected"}
		if !w.behindPivot(c) {
			w.guards[c.ID.Step] = &guard{guardRejected, c.Epoch, answer}
		}
		return []stage.Answer{answer}
	case Failed:
		return []stage.Answer{{Outcome: saga.Failed, Reason: "injected"}}
	}
	answers := w.cast.Answer(c)
	last := final(answers)
	switch {
	case last == nil:
		return answers
	case last.Outcome == saga.Succeeded:
		w.guards[c.ID.Step] = &guard{guardDone, c.Epoch, stage.Answer{Outcome: last.Outcome, Output: last.Output}}
		w.ledger.done(c.ID.Step)
	case last.Outcome == saga.Rejected:
		w.guards[c.ID.Step] = &guard{guardRejected, c.Epoch, stage.Answer{Outcome: last.Outcome, Reason: last.Reason}}
	}
	if kind == FailedButDone {
		return []stage.Answer{{After: last.After, Outcome: saga.Failed, Reason: "injected, and done"}}
	}
	return answers
}

func (w *world) undo(c saga.Command, kind Kind) []stage.Answer {
	g := w.guards[c.ID.Step]
	yes := []stage.Answer{{Outcome: saga.Succeeded}}
	switch {
	case g == nil:
		w.guards[c.ID.Step] = &guard{phase: guardUndone, epoch: c.Epoch}
		return yes
	case c.Epoch < g.epoch:
		return []stage.Answer{{Outcome: saga.Rejected, Reason: "an older epoch"}}
	case g.phase != guardDone:
		g.phase, g.epoch = guardUndone, c.Epoch
		return yes
	case kind == Rejected:
		return []stage.Answer{{Outcome: saga.Rejected, Reason: "injected"}}
	case kind == Failed:
		return []stage.Answer{{Outcome: saga.Failed, Reason: "injected"}}
	}
	answers := w.cast.Answer(c)
	if last := final(answers); last == nil || last.Outcome != saga.Succeeded {
		return answers
	}
	g.phase, g.epoch = guardUndone, c.Epoch
	w.ledger.undone(c.ID.Step)
	if kind == FailedButDone {
		return []stage.Answer{{Outcome: saga.Failed, Reason: "injected, and done"}}
	}
	return answers
}

// final is the answer that ends a command; nil: there is none.
func final(answers []stage.Answer) *stage.Answer {
	for i := range answers {
		if answers[i].Outcome != saga.Ongoing {
			return &answers[i]
		}
	}
	return nil
}
