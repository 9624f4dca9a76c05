package rules

import "time"

// verb tells what an operator has asked for.
func (t *tale) verb(e *Event) {
	switch e.Kind {
	case Paused:
		t.paused = e.At
	case Resumed:
		t.resume(e.At)
	case Retried:
		t.retry(e.Step)
	case StepSkipped, StepResolved:
		t.byHand(e)
	case StepEdited:
		t.edited(e)
	case Reset:
		t.reset(e)
	case Signalled:
		t.signalled(e)
	case Decided:
		t.decided(e)
	case Terminated:
		t.ended = true
	}
}

// resume gives what was out the time that it had left.
func (t *tale) resume(at time.Time) {
	for _, s := range t.stages {
		if s.phase == doing || s.phase == undoing {
			s.due = s.due.Add(at.Sub(t.paused))
			if !s.until.IsZero() {
				s.until = s.until.Add(at.Sub(t.paused))
			}
		}
		if s.phase == idle && !s.due.IsZero() {
			s.due = s.due.Add(at.Sub(t.paused))
		}
	}
	t.paused = time.Time{}
}

// byHand ends a step as somebody says.
func (t *tale) byHand(e *Event) {
	s := t.find(e.Step)
	switch {
	case s == nil || s.Each > 0:
		return
	case e.Kind == StepResolved:
		s.phase = done
		if s.Child != nil && !t.hasChild(s) {
			s.phase = skipped // there is no child that would be turned back
		}
		if s.Kind == Pivot {
			t.late = time.Time{}
		}
		s.epoch = max(s.epoch, 1) + 1 // one that was held from the first was begun, and never sent
	case s.phase.undo(), t.code && t.turned: // of code nothing tells when its undo is due
		s.phase = kept
	default:
		s.phase = skipped
	}
	s.byHand = true
}

// edited gives a step another input: it may be sent at once, of a higher epoch.
func (t *tale) edited(e *Event) {
	s := t.find(e.Step)
	if s == nil {
		return
	}
	s.epoch, s.from, s.hash = max(s.epoch, 1)+1, s.attempt, 0
	switch s.phase {
	case doing, resting:
		if t.code && t.turned {
			return // its undo is edited
		}
		s.phase = held
	case undoing, undoResting:
		s.phase = undoHeld
	}
}

// retry ends the rest of one step, or of all.
func (t *tale) retry(step string) {
	for _, s := range t.stages {
		if step == "" || s.is(step) {
			switch s.phase {
			case resting:
				s.phase = held
			case undoResting:
				s.phase = undoHeld
			}
		}
	}
}
