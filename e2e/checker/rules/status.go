package rules

import (
	"slices"
	"time"
)

// statuses returns what the status may be by what was told: one, or two when only
// the engine knows whether a condition was false.
func (t *tale) statuses() (int, int) {
	if t.ended {
		return Abandoned, Abandoned
	}
	if t.code {
		return t.statusesOfCode()
	}
	if t.turned {
		for _, s := range t.stages {
			if s.phase == doing || s.open() {
				return Compensating, Compensating
			}
		}
		return Compensated, Compensated
	}
	for _, s := range t.stages {
		if !s.over() || s.back {
			return Running, Running
		}
	}
	if t.definite() {
		return Completed, Completed
	}
	return Completed, Running
}

// moving: it has not ended, and its history may have gone on since it was read, before
// topics and ledgers were.
func (t *tale) moving() bool { return t.saga.Status < Completed }

// definite: no step is left of which it is not known whether it was skipped.
func (t *tale) definite() bool {
	if t.code {
		one, other := t.statusesOfCode()
		return one == other
	}
	return t.turned || !slices.ContainsFunc(t.stages, func(s *stage) bool { return s.phase == waiting || s.loose })
}

// status: I8, the stored status is what the history says; I14, nothing is left held.
func (c *checker) status(t *tale) {
	one, other := t.statuses()
	if got := t.saga.Status; got != one && got != other {
		c.findf("I8", t.id, "it is stored as %s, and its history says %s", statusName(got), statusName(one))
	}
	if t.saga.Status >= Completed {
		return
	}
	for way, seq := range t.shut {
		c.findf("I14", t.id, "it is left held: event %d found %s closed, and nothing was sent since", seq, way)
	}
}

// stamp writes a time as people compare it.
func stamp(at time.Time) string { return at.UTC().Format("15:04:05.000000") }
