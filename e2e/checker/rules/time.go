package rules

import "time"

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// begin: the first steps wait for the time that the start has asked for.
func (t *tale) begin(e *Event) {
	isTime := !e.At.Before(t.events[0].Begin)
	if t.locked {
		asks := isTime && (e.Kind == Started || e.Kind == Woke && t.paused.IsZero())
		if t.asked && e.Kind == Woke && t.paused.IsZero() && !t.begun && !t.turned {
			t.turn() // nothing else can end by a wake before it has its locks
		}
		t.asked = t.asked || asks
		t.begun = t.begun || e.Kind == Granted && e.Seq == lastGrant(t.events)
		return
	}
	t.begun = t.begun || isTime && (e.Kind == Started || e.Kind == Woke && t.paused.IsZero())
}

// woke tells a wake: what was due is over. What turns the saga back comes first.
func (t *tale) woke(e *Event) {
	if !t.late.IsZero() && !t.late.After(e.At) {
		t.turn()
	}
	if !t.paused.IsZero() || t.code {
		return
	}
	t.waitsOver(e)
	for _, last := range []bool{true, false} {
		for _, s := range t.stages {
			if (s.phase == doing && s.spent()) == last && s.phase.timed() && s.isDue(e) {
				t.timeUp(s)
			}
		}
	}
}

// isDue: its wait is over. A command that was out while no message got through has
// its whole time again; one that was heard until its whole attempt was over is to be
// heard once more, a heartbeat from now.
func (s *stage) isDue(e *Event) bool {
	if s.due.After(e.At) {
		return false
	}
	window, heard := s.policy().clock(), s.due.Equal(s.until)
	if heard {
		window = s.policy().Timeout
	}
	if (s.phase == doing || s.phase == undoing) && e.Healthy.After(s.due.Add(-window)) {
		s.wind(e.Healthy)
		if heard {
			s.due = s.atMost(e.At.Add(s.policy().clock()))
		}
	}
	return !s.due.After(e.At)
}

// clock is how long a command may be silent: a quarter longer than its heartbeat,
// because not every one is stored.
func (p Policy) clock() time.Duration {
	if p.Heartbeat > 0 {
		return p.Heartbeat + p.Heartbeat/4
	}
	return p.Timeout
}

// wind lets the clocks of a command begin at a time.
func (s *stage) wind(from time.Time) {
	p := s.policy()
	s.until = time.Time{}
	if p.Heartbeat > 0 && p.Timeout > 0 {
		s.until = from.Add(p.Timeout)
	}
	s.due = s.atMost(from.Add(p.clock()))
}

// atMost is the earlier of a time and the end of the whole attempt.
func (s *stage) atMost(at time.Time) time.Time {
	if !s.until.IsZero() && s.until.Before(at) {
		return s.until
	}
	return at
}

func (t *tale) timeUp(s *stage) {
	switch {
	case s.phase == doing && t.backward(s):
		s.phase = unknown
	case s.phase == doing && s.spent():
		s.phase = unknown
		t.turn()
	case s.phase == doing || s.phase == resting:
		s.phase = held
	case s.phase == undoing || s.phase == undoResting:
		s.phase = undoHeld
	}
}

// rest lets a step wait: at least four fifths of its back-off, which doubles.
func (s *stage) rest(e *Event, p phase) {
	policy := s.policy()
	wait := policy.Backoff
	for n := 1; n < s.attempt-s.from && wait < policy.Cap; n++ {
		wait *= 2
	}
	const spread = 0.8
	wait = time.Duration(float64(min(wait, policy.Cap)) * spread)
	s.phase, s.due = p, e.At.Add(wait).Truncate(time.Microsecond).Add(-time.Microsecond)
}
