package rules

import (
	"slices"
	"time"
)

// send tells a command that an event has sent: whether it may be, I3, and not too
// early, I13, and is the next attempt, I14.
func (t *tale) send(e *Event, x Sent) {
	s := t.find(x.Step)
	switch {
	case s == nil:
		t.c.findf("I8", t.id, "event %d sends %s/%s, and there is no such step", e.Seq, x.Step, x.Direction)
		return
	case s.ref() != x.Step:
		t.c.findf("I2", t.id, "event %d sends %s/%s, and the step is at its run %s", e.Seq, x.Step, x.Direction, s.ref())
		return
	case s.Participant != x.Participant:
		t.c.findf("I8", t.id, "event %d sends %s/%s to %s instead of %s", e.Seq, x.Step, x.Direction, x.Participant, s.Participant)
	}
	if s.Wait != nil || s.Child != nil || s.Each > 0 {
		t.c.findf("I8", t.id, "event %d sends %s/%s, and the step has no command of its own", e.Seq, x.Step, x.Direction)
		return
	}
	if s.Kind == Pivot {
		t.late = time.Time{}
	}
	switch {
	case t.code && x.Direction == Do:
		t.mayDoCode(e, s)
	case t.code:
		t.mayUndoCode(e, s)
	case x.Direction == Do:
		t.mayDo(e, s)
	default:
		t.mayUndo(e, s)
	}
	next := doing
	if x.Direction == Undo {
		next = undoing
	}
	if s.epoch == 0 {
		s.epoch = 1
	}
	if x.Direction == Do && s.attempt == 0 {
		s.round = t.resets
	}
	if x.Attempt != s.attempt+1 {
		t.c.findf("I14", t.id, "event %d sends attempt %d of %s/%s after attempt %d", e.Seq, x.Attempt, x.Step, x.Direction, s.attempt)
	}
	if s.hash != 0 && s.hash != x.Hash {
		t.c.findf("I2", t.id, "event %d sends %s/%s with another input than before, and nobody has written one", e.Seq, x.Step, x.Direction)
	}
	s.phase, s.attempt, s.hash = next, x.Attempt, x.Hash
	s.wind(e.At)
	t.c.crowd(t, e, s)
	t.sent[x.attempt()] = sending{Sent: x, place: len(t.sent), epoch: s.epoch}
}

// mayDo: the saga goes forward, what comes before is over, and no attempt is out.
func (t *tale) mayDo(e *Event, s *stage) {
	early := slices.ContainsFunc(s.before, func(j int) bool { return !t.passed(j) })
	switch {
	case !t.begun:
		t.c.findf("I13", t.id, "event %d does %s, and the saga begins at %s", e.Seq, s.Name, stamp(t.events[0].Begin))
	case t.backward(s):
		t.c.findf("I3", t.id, "event %d does %s, and the saga goes in reverse", e.Seq, s.Name)
	case s.phase == waiting && early:
		t.c.findf("I3", t.id, "event %d does %s before the steps that it comes after are over", e.Seq, s.Name)
	case s.phase == doing || s.phase == resting:
		t.c.findf("I13", t.id, "event %d (%s) does %s again at %s, which was not due before %s", e.Seq, e.Kind, s.Name, stamp(e.At), stamp(s.due))
	case s.phase != waiting && s.phase != held:
		t.c.findf("I3", t.id, "event %d does %s, which is %s", e.Seq, s.Name, s.phase)
	}
}

// passed: step i is over, and its turn has come. What an event has named had its turn;
// of the rest everything that comes before must be over.
func (t *tale) passed(i int) bool {
	s := t.stages[i]
	if s.phase != waiting || len(s.items) > 0 {
		return s.over()
	}
	return s.over() && !slices.ContainsFunc(t.stages, func(before *stage) bool { return slices.Contains(before.later, i) && !before.over() })
}

// mayUndo: it may have been done, and what came after it is undone.
func (t *tale) mayUndo(e *Event, s *stage) {
	switch s.phase {
	case undoHeld:
	case undoing, undoResting:
		t.c.findf("I13", t.id, "event %d (%s) undoes %s again at %s, which was not due before %s", e.Seq, e.Kind, s.Name, stamp(e.At), stamp(s.due))
	case done, unknown:
		t.c.findf("I3", t.id, "event %d undoes %s before its turn: what came after it is not undone yet, or the saga goes forward", e.Seq, s.Name)
	default:
		t.c.findf("I3", t.id, "event %d undoes %s, which is %s", e.Seq, s.Name, s.phase)
	}
}
