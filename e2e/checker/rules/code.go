package rules

import (
	"slices"
	"strings"
)

// A saga that is code has no steps written down. Its events say what its function has
// asked for (Event.Asked), and each thing asked for is a stage: a command, a wait, a
// child. How long a step may take and how often it is tried is not in the history, so
// nothing is said about when an attempt is repeated, nor about when a wait is over. Where
// never two things were under way at once, what was done is undone strictly in reverse;
// where some were, only the function knows what followed from what, and nothing is said
// about the order.

const (
	askedReturn   = "return"   // the function has returned
	askedFail     = "fail"     // it has returned an error
	askedContinue = "continue" // it has ended, for another run to begin
	askedCancel   = "cancel"   // it was told that its saga turns back
	askedTogether = "together" // its steps are undone side by side from here on
)

// noted are what a function may record that was told so.
var noted = []string{askedCancel, "attribute", "side", "version"}

// ask tells what the function has asked for with an event.
func (t *tale) ask(e *Event) {
	t.oneWaitOver(e)
	t.blind = t.blind || e.Hold || slices.ContainsFunc(e.Held, func(way string) bool { return strings.HasSuffix(way, "/"+Undo) })
	for _, what := range e.Asked {
		word, rest, _ := strings.Cut(what, ":")
		switch {
		case t.returned:
			t.c.findf("I8", t.id, "event %d asks for %s, and the function had returned", e.Seq, what)
		case e.Asked[0] == askedCancel && slices.Contains(noted, word):
		case t.turned:
			t.c.findf("I3", t.id, "event %d asks for %s, and the saga goes in reverse", e.Seq, what)
		case what == askedTogether:
			t.beside = true
		case what == askedReturn || what == askedContinue:
			t.returned = true
		case what == askedFail:
			t.turn()
		case word == "do" || word == "pivot":
			t.grow(word, rest)
		case word == "sleep" || word == "await" || word == "approval":
			t.growWait(word, rest)
		case word == "child":
			t.growChild(rest)
		}
	}
}

// oneWaitOver: a function that goes on with a wake has waited for a time. Where it has
// waited for one thing alone, that is over.
func (t *tale) oneWaitOver(e *Event) {
	var waits []*stage
	for _, s := range t.stages {
		if s.phase.timed() || s.phase == idle {
			waits = append(waits, s)
		}
	}
	if e.Kind == Woke && len(e.Asked) > 0 && len(waits) == 1 && waits[0].Wait != nil {
		waits[0].phase = done
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
	switch {
	case word == Pivot:
		step.Kind = Pivot
	case len(fields) == 4: // … undo cancel
		step.Compensation, step.Uncompensated = fields[3], false
	case slices.ContainsFunc(t.stages, (*stage).passedPivot):
		step.Kind = Retriable
	}
	t.add(&stage{Step: &step})
}

// passedPivot: it is the pivot, and there is no way back any more.
func (s *stage) passedPivot() bool {
	return s.Kind == Pivot && s.phase != refused && (s.attempt > 0 || s.Child != nil || s.byHand)
}

// add adds a stage, beside those that are not over.
func (t *tale) add(s *stage) {
	t.beside = t.beside || slices.ContainsFunc(t.stages, func(s *stage) bool { return s.phase.timed() || s.phase == waiting || s.phase == idle })
	t.stages = append(t.stages, s)
}

// growWait adds the stage of a wait, which begins at once: sign#2. A signal that came
// before it is taken.
func (t *tale) growWait(word, ref string) {
	s := &stage{Step: &Step{Name: ref, Kind: Compensable, Wait: &Wait{Approval: word == "approval"}}}
	t.add(s)
	s.phase = idle
	if word != "await" {
		return
	}
	s.Wait.Signals = []string{stepName(ref)}
	if i := slices.Index(t.kept, stepName(ref)); i >= 0 {
		s.phase, t.kept = done, slices.Delete(t.kept, i, i+1)
	}
}

// growChild adds the stage of another saga: ship#2 shipOrder r3 pivot. The last word says
// that it is no compensable one, or one that stays.
func (t *tale) growChild(rest string) {
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		t.c.findf("I8", t.id, "it has asked for %s, which is no child", rest)
		return
	}
	kind := fields[len(fields)-1]
	if kind != Pivot && kind != Retriable {
		kind = Compensable
	}
	undoable := kind == Compensable && fields[len(fields)-1] != "stays"
	s := &stage{Step: &Step{Name: fields[0], Kind: kind, Child: &ChildStep{Definition: fields[1], Undoable: undoable}}}
	t.add(s)
	if slices.Contains(t.children, s.Name) { // else nobody was told to begin it
		s.phase = idle
	}
}

// childOfCodeEnded tells how a child of a function has ended. What becomes of its step
// then is the function's.
func (t *tale) childOfCodeEnded(s *stage, e *Event) {
	switch {
	case s == nil || s.Child == nil:
		t.c.findf("I8", t.id, "event %d is the end of a child of %s, which has none", e.Seq, e.Step)
	case e.Outcome == Failed: // a person decides
	case s.phase.undo() && e.Outcome == Rejected:
		s.phase = undone
	case e.Outcome == Succeeded:
		s.phase = done
	case s.Kind != Retriable: // which is begun again
		s.phase = refused
	}
}

// answeredCode tells an answer to a do of code. What failed may be tried again, or be
// given up: only the engine knows how often a step is tried.
func (t *tale) answeredCode(s *stage, e *Event) {
	s.loose = s.loose || t.blind && s.Compensation != ""
	switch e.Outcome {
	case Succeeded:
		s.phase, s.succeeded = done, !s.loose
	case Rejected:
		if s.Kind != Retriable { // which is tried again
			s.phase = refused
		}
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
	case s.loose: // it may have been given up before it was answered
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
	out := slices.ContainsFunc(t.stages, func(s *stage) bool {
		return s.phase == doing && s.Compensation == "" || s.phase == refused && s.loose
	})
	open := slices.ContainsFunc(t.stages, func(s *stage) bool {
		switch {
		case s.Child != nil && s.phase == idle, s.phase.undo():
			return true
		}
		undoable := s.Compensation != "" || s.Child != nil && s.Child.Undoable
		return s.Compensation != "" && s.phase == doing || undoable && t.turned && (s.phase == done || s.phase == unknown)
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
