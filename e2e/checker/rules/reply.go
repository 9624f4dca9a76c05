package rules

// replied tells a reply.
func (t *tale) replied(e *Event) {
	s := t.find(e.Step)
	if s == nil || e.Step != s.ref() || !t.counts(s, e) {
		if len(e.Sent) > 0 {
			t.c.findf("I12", t.id, "event %d, a reply to %s/%s of epoch %d that does not count, sends %s/%s", e.Seq, e.Step, e.Direction, e.Epoch, e.Sent[0].Step, e.Sent[0].Direction)
		}
		return
	}
	r := Reply{t.id, e.Step, e.Direction, e.Attempt, e.Epoch, e.Outcome}
	if t.c.run.Topics && s.Participant != Local && !t.c.run.Replies[r] {
		t.c.findf("I12", t.id, "event %d is a reply that nobody gave: %s to %s/%s, attempt %d, epoch %d", e.Seq, e.Outcome, e.Step, e.Direction, e.Attempt, e.Epoch)
	}
	if e.Direction == Undo {
		t.undoAnswered(s, e)
	} else {
		t.doAnswered(s, e)
	}
}

// counts: the reply answers what the step waits for: its direction and epoch. What is
// final counts from any attempt that was sent, the rest from the one under way.
func (t *tale) counts(s *stage, e *Event) bool {
	if e.Epoch != s.epoch || e.Attempt > s.attempt || !s.phase.timed() || e.Direction != s.direction() {
		return false
	}
	if e.From != "" && e.From != s.Participant {
		return false
	}
	final := e.Outcome == Succeeded || e.Outcome == Rejected && e.Direction == Do && s.Kind != Retriable
	return final || (s.phase == doing || s.phase == undoing) && e.Attempt == s.attempt
}

func (t *tale) doAnswered(s *stage, e *Event) {
	switch {
	case t.code:
		t.answeredCode(s, e)
	case e.Outcome == Succeeded:
		s.phase, s.succeeded = done, true
	case e.Outcome == Ongoing:
		s.extend(e)
	case e.Outcome == Rejected && s.Kind != Retriable:
		s.phase = refused
		if !s.back {
			t.turn()
		}
	case t.backward(s):
		s.phase = unknown
	case s.spent():
		s.phase = unknown
		t.turn()
	default:
		s.rest(e, resting)
	}
}

func (t *tale) undoAnswered(s *stage, e *Event) {
	switch e.Outcome {
	case Succeeded:
		s.phase = undone
	case Ongoing:
		s.extend(e)
	default:
		if t.code {
			return
		}
		s.rest(e, undoResting)
	}
}

// extend gives a command more time: what is too little to count is not stored.
func (s *stage) extend(e *Event) {
	s.due = later(s.due, s.atMost(e.At.Add(s.policy().clock())))
}
