package saga

import (
	"fmt"
	"time"
)

// expire turns a saga back whose deadline has passed. The deadline counts until
// the pivot is sent and ends with the way forward: it never cuts a compensation
// (FEATURES.md pitfall 16). It runs on while the saga is paused.
func (d *decision) expire() error {
	if d.s.Deadline.IsZero() || d.s.Deadline.After(d.e.At) {
		return nil
	}
	d.s.unblock() // it takes messages again: they are about a way back now
	return d.turnBack(fmt.Sprintf("not done by its deadline, %s after its start", d.m.def.Deadline))
}

// passPivot notes that there is no way back any more.
func (d *decision) passPivot() { d.s.PivotSent, d.s.Deadline = true, time.Time{} }

// deadline refuses one that a saga could miss although nothing is wrong with it
// that its own time-outs allow for.
func (c *checker) deadline() {
	def := &c.m.def
	switch {
	case def.Deadline == 0:
		return
	case def.Deadline < time.Millisecond || def.Deadline > maxWait:
		c.fault("deadline", def.Deadline.String()+" is out of range", "write 1ms to 365 days")
		return
	}
	longest, memo := time.Duration(0), make([]time.Duration, len(def.Steps))
	for i := range def.Steps {
		if !c.comesAfterPivot(i) {
			longest = max(longest, c.patience(i, memo))
		}
	}
	if longest > def.Deadline {
		c.fault("deadline", fmt.Sprintf("the steps up to the pivot may take %s, timeouts times attempts and waits, and the deadline is %s", longest, def.Deadline),
			"write a longer deadline, or shorter timeouts or fewer attempts")
	}
}

// comesAfterPivot reports whether step i begins only when the deadline is over.
func (c *checker) comesAfterPivot(i int) bool {
	return c.m.pivot >= 0 && c.reaches(i, c.m.pivot, map[int]bool{})
}

// patience is how long it may take until step i gives up, with what comes before.
func (c *checker) patience(i int, memo []time.Duration) time.Duration {
	if memo[i] > 0 {
		return memo[i]
	}
	var before time.Duration
	for _, j := range c.m.after[i] {
		before = max(before, c.patience(j, memo))
	}
	step := c.m.def.Steps[i].withDefaults()
	if step.Waits() {
		memo[i] = before + step.patience()
		return memo[i]
	}
	attempt := step.Do.Timeout
	if attempt == 0 {
		attempt = step.Do.clock() // it may take for ever while it is heard
	}
	memo[i] = before + time.Duration(step.Do.Attempts*step.rounds())*attempt
	return memo[i]
}
