package rules

import (
	"fmt"
	"slices"
)

// visit is a run of a step that a reset has ended.
type visit struct {
	ref         string // ref is the step's text in messages and ledgers
	phase       phase
	succeeded   bool
	round, last int // round and last are the resets before it began, and before the one that ended it
	byHand      bool
}

// ref is the text of a step's present run: hotel, then hotel#2.
func (s *stage) ref() string {
	if s.visit == 0 {
		return s.Name
	}
	return fmt.Sprintf("%s#%d", s.Name, s.visit+1)
}

// step is the stage itself, or that of the step whose item it is.
func (s *stage) step() *stage {
	if s.of != nil {
		return s.of
	}
	return s
}

// reset sends a step back, and all that comes after it.
func (t *tale) reset(e *Event) {
	to := t.find(e.Step)
	if to == nil || t.turned || slices.ContainsFunc(t.stages, func(s *stage) bool { return s.back }) {
		t.c.findf("I12", t.id, "event %d resets to %s, and the saga is on its way back already", e.Seq, e.Step)
		return
	}
	for _, s := range t.stages {
		if step := s.step(); step == to || slices.ContainsFunc(to.later, func(j int) bool { return t.stages[j] == step }) {
			s.back = true
			s.halt()
		}
		if s.Kind == Pivot && s.attempt > 0 {
			t.c.findf("I3", t.id, "event %d resets to %s, and %s was sent", e.Seq, e.Step, s.Name)
		}
	}
	t.resets++
}

// rewind lets steps begin anew whose effects are undone.
func (t *tale) rewind(steps []*stage) {
	for _, s := range steps {
		if s.of != nil {
			continue // it goes with its step
		}
		if s.Each > 0 {
			s.back = false
			t.furl(s)
			continue
		}
		if s.phase != waiting {
			s.past = append(s.past, visit{s.ref(), s.phase, s.succeeded, s.round, t.resets - 1, s.byHand})
			s.visit++
		}
		*s = stage{Step: s.Step, before: s.before, later: s.later, loose: s.loose, visit: s.visit, past: s.past}
	}
}
