package rules

import (
	"slices"
	"strings"
)

// A saga that is code has no steps written down. Its events say what its function has
// asked for (Event.Asked), and each thing asked for is a stage. How long a step may
// take and how often it is tried is not in the history, so nothing is said about when
// an attempt is repeated. Where never two steps were under way at once, what was done
// is undone strictly in reverse; where some were, only the function knows what
// followed from what, and nothing is said about the order.

const (
	askedReturn = "return" // the function has returned
	askedFail   = "fail"   // it has returned an error
)

// ask tells what the function has asked for with an event.
func (t *tale) ask(e *Event) {
	for _, what := range e.Asked {
		word, rest, _ := strings.Cut(what, ":")
		switch {
		case t.returned:
			t.c.findf("I8", t.id, "event %d asks for %s, and the function had returned", e.Seq, what)
		case t.turned:
			t.c.findf("I3", t.id, "event %d asks for %s, and the saga goes in reverse", e.Seq, what)
		case what == askedReturn:
			t.returned = true
		case what == askedFail:
			t.turn()
		case word == "do" || word == "pivot":
			t.grow(word, rest)
		}
	}
}

// grow adds the stage of a command: hotel#2 hotels/book undo cancel.
func (t *tale) grow(word, rest string) {
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		t.c.findf("I8", t.id, "it has asked for %s, which is no command", rest)
		return
	}
	participant, _, _ := strings.Cut(fields[1], "/")
	step := Step{Name: fields[0], Participant: participant, Kind: Compensable, Uncompensated: true}
	if word == Pivot {
		step.Kind = Pivot
	}
	if len(fields) == 4 { // … undo cancel
		step.Compensation, step.Uncompensated = fields[3], false
	}
	t.beside = t.beside || slices.ContainsFunc(t.stages, func(s *stage) bool { return s.phase.timed() || s.phase == waiting })
	t.stages = append(t.stages, &stage{Step: &step})
}

// answeredCode tells an answer to a do of code. What failed may be tried again, or be
// given up: only the engine knows how often a step is tried.
func (t *tale) answeredCode(s *stage, e *Event) {
	switch e.Outcome {
	case Succeeded:
		s.phase, s.succeeded = done, true
	case Rejected:
		s.phase = refused
	}
}

// mayDoCode: the saga goes forward, and the step is not over.
func (t *tale) mayDoCode(e *Event, s *stage) {
	switch {
	case !t.begun:
		t.c.findf("I13", t.id, "event %d does %s, and the saga begins at %s", e.Seq, s.Name, stamp(t.events[0].Begin))
	case t.turned:
		t.c.findf("I3", t.id, "event %d does %s, and the saga goes in reverse", e.Seq, s.Name)
	case s.phase != waiting && s.phase != held && s.phase != doing:
		t.c.findf("I3", t.id, "event %d does %s, which is %s", e.Seq, s.Name, s.phase)
	}
}

// mayUndoCode: the step may have been done, and what came after it is undone. One that
// did not succeed is undone at once, although the saga goes forward.
func (t *tale) mayUndoCode(e *Event, s *stage) {
	i := slices.Index(t.stages, s)
	later := slices.ContainsFunc(t.stages[i+1:], func(s *stage) bool {
		return s.Compensation != "" && (s.phase.undo() || s.phase == done)
	})
	switch {
	case s.phase.undo():
		return
	case s.phase != done && s.phase != doing && s.phase != unknown || s.Compensation == "":
		t.c.findf("I3", t.id, "event %d undoes %s, which is %s", e.Seq, s.Name, s.phase)
	case s.phase == done && !t.turned:
		t.c.findf("I3", t.id, "event %d undoes %s, which is done, and the saga goes forward", e.Seq, s.Name)
	case t.turned && later && !t.beside:
		t.c.findf("I3", t.id, "event %d undoes %s before its turn: what came after it is not undone yet", e.Seq, s.Name)
	}
	s.phase, s.attempt = undoHeld, 0
	s.epoch++
}

// statusesOfCode are statuses' of a saga that is code: two when a step may have been
// given up.
func (t *tale) statusesOfCode() (int, int) {
	out := slices.ContainsFunc(t.stages, func(s *stage) bool { return s.phase == doing && s.Compensation == "" })
	open := slices.ContainsFunc(t.stages, func(s *stage) bool {
		return s.phase.undo() || s.Compensation != "" && (s.phase == doing || t.turned && (s.phase == done || s.phase == unknown))
	})
	one := Running
	switch {
	case t.turned && open:
		one = Compensating
	case t.turned:
		one = Compensated
	case t.returned && !open:
		one = Completed
	}
	switch {
	case out && one == Compensated:
		return one, Compensating
	case out && one == Completed:
		return one, Running
	}
	return one, one
}
