package rules

import (
	"math"
	"slices"
	"time"
)

// deeds are a step's effects: when it was done and undone; zero is never.
type deeds struct{ do, undo time.Time }

// effects: I2, each came about once, and as the saga ended; I3, in order.
func (c *checker) effects(t *tale) {
	all := map[string]deeds{}
	for _, e := range t.effects {
		d := all[e.Step]
		at := &d.do
		if e.Direction == Undo {
			at = &d.undo
		}
		if !at.IsZero() {
			c.findf("I2", t.id, "%s/%s was done twice by %s", e.Step, e.Direction, e.Participant)
		}
		if _, ok := t.sent[attempt{e.Step, e.Direction, 1}]; !ok && !t.moving() {
			c.findf("I4", t.id, "%s/%s was done by %s, and no event has sent it", e.Step, e.Direction, e.Participant)
		}
		*at = e.At
		all[e.Step] = d
	}
	for _, s := range t.stages {
		if !c.run.Ledgers[s.Participant] {
			continue
		}
		for _, v := range s.visits() {
			c.judge(t, s, v, all)
		}
		for _, item := range s.gone {
			for _, v := range item.past {
				c.judge(t, item, v, all)
			}
		}
	}
}

// judge looks at the effects of one run of a step.
func (c *checker) judge(t *tale, s *stage, v visit, all map[string]deeds) {
	c.balance(t, s, v, all[v.ref])
	c.sequence(t, s, v, all)
}

// visits are a step's runs: those that a reset has ended, and the present one.
func (s *stage) visits() []visit {
	return append(slices.Clone(s.past), visit{s.ref(), s.phase, s.succeeded, s.round, math.MaxInt, s.byHand})
}

// balance: I2, the effects of a step's run are those that its end calls for.
func (c *checker) balance(t *tale, s *stage, v visit, d deeds) {
	did, undid := !d.do.IsZero(), !d.undo.IsZero()
	stays := s.Uncompensated && s.Kind == Compensable || v.phase == kept
	switch {
	case v.succeeded && !did:
		c.findf("I2", t.id, "%s succeeded, and its effect is not there", v.ref)
	case v.phase == refused && did:
		c.findf("I2", t.id, "%s was refused, and its effect is there", v.ref)
	case undid && !did:
		c.findf("I2", t.id, "%s was undone, and never done", v.ref)
	case v.last < math.MaxInt: // I3: a reset has ended it
		if did && !undid && !s.Uncompensated {
			c.findf("I3", t.id, "%s has begun anew, and the effect of %s is left", s.Name, v.ref)
		}
	case t.saga.Status == Completed && undid && (v.succeeded || !t.code):
		c.findf("I2", t.id, "it is completed, and %s was undone", v.ref)
	case t.saga.Status == Compensated && did && !undid && !stays:
		c.findf("I2", t.id, "it is compensated, and the effect of %s is left", v.ref)
	}
}

// sequence: I3, what came after a run of a step was done after it and undone before it.
func (c *checker) sequence(t *tale, s *stage, v visit, all map[string]deeds) {
	d := all[v.ref]
	if !d.undo.IsZero() && d.undo.Before(d.do) {
		c.findf("I3", t.id, "%s was undone before it was done", v.ref)
	}
	if v.byHand {
		return
	}
	for _, j := range s.later {
		for _, next := range slices.Concat(t.stages[j].items, t.stages[j].gone, t.stages[j:j+1]) {
			for _, w := range next.visits() {
				if !w.byHand && w.round >= v.round && w.round <= v.last { // else it came after another run
					c.inTurn(t, v, w, all)
				}
			}
		}
	}
}

// inTurn: a run was done before a later one, and undone after it.
func (c *checker) inTurn(t *tale, v, later visit, all map[string]deeds) {
	d, after := all[v.ref], all[later.ref]
	switch {
	case !after.do.IsZero() && after.do.Before(d.do):
		c.findf("I3", t.id, "%s was done before %s", later.ref, v.ref)
	case !d.undo.IsZero() && d.undo.Before(after.undo):
		c.findf("I3", t.id, "%s was undone before %s, which came after it", v.ref, later.ref)
	}
}
