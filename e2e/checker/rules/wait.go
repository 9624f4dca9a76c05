package rules

import (
	"slices"
	"time"
)

// Wait is what a step waits for that has no command.
type Wait struct {
	For         time.Duration // For is how long it sleeps, or waits at most; 0: for ever.
	Until       bool          // Until: it sleeps until a time that only the engine knows.
	Signals     []string      // Signals are those of which one ends it.
	Topic       string        // Topic is that of the events of which one ends it; empty: none does.
	Approval    bool          // Approval: somebody's decision ends it.
	ApproveLate bool          // ApproveLate: an approval that is late is over; else the saga turns back.
}

// loosen marks the steps that wait if it cannot be told from the events which of
// them have begun: a condition stands before or on one of them, or a list before it.
func (t *tale) loosen() {
	loose := slices.ContainsFunc(t.stages, func(s *stage) bool {
		return s.Wait != nil && (s.Conditional || slices.ContainsFunc(s.before, func(j int) bool { return t.stages[j].Conditional || t.stages[j].Each > 0 }))
	})
	for _, s := range t.stages {
		s.loose = s.Wait != nil && (loose || s.Wait.Until)
	}
}

// idle lets the steps wait whose turn has come.
func (t *tale) idle(e *Event) {
	if t.turned || t.ended || !t.begun {
		return
	}
	for again := true; again; {
		again = false
		for _, s := range t.stages {
			early := slices.ContainsFunc(s.before, func(j int) bool { return !t.passed(j) || t.unnamed(t.stages[j]) })
			if s.Wait == nil && (s.Child == nil || !t.hasChild(s)) || s.phase != waiting || early || s.back {
				continue
			}
			if s.Child != nil {
				if t.paused.IsZero() { // else nobody is told to begin it yet
					t.raise(s)
				}
				continue
			}
			s.phase, s.due, again = idle, t.endOf(s.Wait.For, e.At), true
			if i := slices.IndexFunc(t.kept, func(name string) bool { return slices.Contains(s.Wait.Signals, name) }); i >= 0 {
				s.phase, t.kept = done, slices.Delete(t.kept, i, i+1)
			}
		}
	}
}

// endOf is when a wait ends that begins at a time; zero: never by itself.
func (t *tale) endOf(wait time.Duration, at time.Time) time.Time {
	switch {
	case wait == 0:
		return time.Time{}
	case !t.paused.IsZero():
		return t.paused.Add(wait)
	}
	return at.Add(wait)
}

// waitsOver ends the waits whose time has come. What turns the saga back is told
// by what follows, as only the engine knows which steps have begun.
func (t *tale) waitsOver(e *Event) {
	isDue := func(s *stage) bool { return s.phase == idle && s.Wait != nil && !s.due.IsZero() && !s.due.After(e.At) }
	late := func(s *stage) bool { return isDue(s) && s.Wait.Approval && !s.Wait.ApproveLate }
	if slices.ContainsFunc(t.stages, late) && (t.turnsFrom(e) || !slices.ContainsFunc(t.stages, func(s *stage) bool { return late(s) && s.loose })) {
		t.turn()
		return
	}
	for _, s := range t.stages {
		if isDue(s) && !late(s) {
			s.phase = done
		}
	}
}

// turnsFrom reports whether the saga has turned back by an event at the latest that
// says nothing of it: the next commands are those of one that goes in reverse, or
// none follow and its status says so. If an event up to there turns it back by
// itself, that one is taken for it: the outcome is the same.
func (t *tale) turnsFrom(e *Event) bool {
	for i := range t.events {
		next := &t.events[i]
		switch {
		case next.Seq < e.Seq:
		case next.Kind == Replied && len(next.Sent) == 0 && t.returns(next.Step): // a reset has waited for it, and no more
		case next.refuses():
			return false
		case len(next.Sent) > 0 && next.Sent[0].Direction == Undo && t.returns(next.Sent[0].Step): // by a reset that is under way
		case len(next.Sent) > 0:
			return next.Sent[0].Direction == Undo
		}
	}
	return t.saga.Status == Compensating || t.saga.Status == Compensated
}

// refuses: the event turns a saga back that goes forward.
func (e *Event) refuses() bool {
	switch e.Kind {
	case Replied:
		return e.Direction == Do && e.Outcome == Rejected
	case Decided:
		return e.Outcome != Succeeded
	}
	return e.Kind == Cancelled || e.Kind == Reset
}

// returns: the step's present run is one that a reset has sent back.
func (t *tale) returns(step string) bool {
	return slices.ContainsFunc(t.stages, func(s *stage) bool { return s.back && s.ref() == step })
}

// signalled ends the first step that awaits the signal, or keeps it for one.
func (t *tale) signalled(e *Event) {
	for _, s := range t.stages {
		if s.phase == idle && s.Wait != nil && slices.Contains(s.Wait.Signals, e.Signal) {
			s.phase = done
			return
		}
	}
	t.kept = append(t.kept, e.Signal)
}

// decided ends an approval.
func (t *tale) decided(e *Event) {
	s := t.find(e.Step)
	switch {
	case s == nil || s.Wait == nil || !s.Wait.Approval:
		t.c.findf("I8", t.id, "event %d decides %s, which is no approval", e.Seq, e.Step)
	case s.phase != idle && !s.loose:
		t.c.findf("I12", t.id, "event %d decides %s, which is %s", e.Seq, e.Step, s.phase)
	case e.Outcome == Succeeded:
		s.phase = done
	default:
		s.phase = refused
		if !t.code { // which hears of it
			t.turn()
		}
	}
}
