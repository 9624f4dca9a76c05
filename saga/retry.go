package saga

import (
	"fmt"
	"time"
)

// woke lets every wait end whose time has come: first those that turn the saga
// back, so that no other step is tried again in the same moment.
func (d *decision) woke() error {
	if d.s.Status.Ended() {
		return nil
	}
	if err := d.expire(); err != nil || !d.s.Paused.IsZero() {
		return err
	}
	if waits, err := d.begun(); waits || err != nil {
		return err
	}
	if err := d.unlocked(); err != nil {
		return err
	}
	if err := d.allDue(true); err != nil {
		return err
	}
	return d.allDue(false)
}

// allDue ends the waits that are over, of the steps that turn the saga back with that, or
// of the others. With the last answer that a reset has waited for, its steps may begin
// anew: then items stand elsewhere, or are gone, and all are looked at again.
func (d *decision) allDue(exhausted bool) error {
	for i := 0; i < len(d.s.Steps); i++ {
		if d.exhausted(i) != exhausted || !d.isDue(i) {
			continue
		}
		reset := d.s.Extras().Reset
		if err := d.due(i); err != nil {
			return err
		}
		if d.s.Extras().Reset != reset {
			i = -1
		}
	}
	return nil
}

// isDue reports whether step i's wait is over.
func (d *decision) isDue(i int) bool {
	st := &d.s.Steps[i]
	return !st.Due.IsZero() && !st.Due.After(d.e.At) && (st.Phase.timed() || st.Phase.waits()) && !d.deferred(i)
}

// exhausted reports whether step i turns the saga back when its time is over.
func (d *decision) exhausted(i int) bool {
	st, step := &d.s.Steps[i], d.step(i)
	if st.Phase == Asking {
		return !d.escalates(i) && !step.Approval.ApproveWhenLate
	}
	return st.Phase == Doing && step.Kind == Compensable && d.tried(i) >= step.Do.Attempts
}

// deferred gives a sent command its whole timeout again when our own way to the
// participant and back was not whole in the meantime: no attempt is burned for
// our outage (DESIGN.md 6.2).
func (d *decision) deferred(i int) bool {
	st, step := &d.s.Steps[i], d.step(i)
	policy := step.Do
	switch st.Phase {
	case Doing:
	case Undoing:
		policy = step.Undo
	default:
		return false
	}
	healthy := d.e.Extras().Healthy.Truncate(time.Microsecond)
	if !healthy.After(st.Due.Add(-d.window(i, policy))) {
		return false
	}
	d.rewind(i, policy, healthy)
	d.changed = true
	return st.Due.After(d.e.At)
}

// due handles the end of step i's wait. A step that this very event has sent
// anew is not due any more.
func (d *decision) due(i int) error {
	switch d.s.Steps[i].Phase {
	case Doing:
		return d.doTimedOut(i)
	case Undoing:
		d.giveUpMaybe(i, "no answer in time")
	case Sleeping, Awaiting, Asking:
		return d.waitOver(i)
	}
	return d.attempt(i)
}

// doTimedOut: a timeout means unknown. The same command is sent again; when the
// attempts are spent the step may have run.
func (d *decision) doTimedOut(i int) error {
	if d.backward(i) {
		d.settle(i, Unknown)
		return d.reverse()
	}
	if d.spent(i, "no answer in time") {
		d.settle(i, Unknown)
		return d.setBack(i, d.called(i)+" did not answer in time")
	}
	return d.attempt(i)
}

// doFailed: a technical error may have run. It is tried again after a pause.
func (d *decision) doFailed(i int) error {
	if d.backward(i) {
		d.settle(i, Unknown)
		return d.reverse()
	}
	if d.spent(i, d.e.Reason) {
		d.settle(i, Unknown)
		return d.setBack(i, d.called(i)+" failed: "+d.e.Reason)
	}
	d.rest(i, Resting, d.step(i).Do)
	return nil
}

// spent reports whether step i gives up. A pivot of unknown outcome and a
// retriable step never do: they ask for attention and go on.
func (d *decision) spent(i int, why string) bool {
	tried, step := d.tried(i), d.step(i)
	limit := step.Do.Attempts
	if step.Kind == Retriable {
		limit = DefaultAttempts
	}
	if tried < limit {
		return false
	}
	reason := PivotUnknown
	switch step.Kind {
	case Compensable:
		return true
	case Retriable:
		reason = RetriableFailing
	}
	d.s.attend(Attention{Reason: reason, Step: d.called(i), Text: fmt.Sprintf("%d attempts: %s", tried, why)})
	return false
}

func (d *decision) undoFailed(i int) error {
	d.giveUpMaybe(i, d.e.Reason)
	d.rest(i, UndoResting, d.step(i).Undo)
	return nil
}

// giveUpMaybe asks for attention once a compensation's attempts are spent. It
// goes on all the same: a compensation never ends in nothing.
func (d *decision) giveUpMaybe(i int, why string) {
	tried, step := d.tried(i), d.step(i)
	if tried >= step.Undo.Attempts {
		text := fmt.Sprintf("%d attempts to compensate: %s", tried, why)
		d.s.attend(Attention{Reason: CompensationFailed, Step: d.called(i), Text: text})
	}
}

// rest lets step i wait before its next attempt.
func (d *decision) rest(i int, phase Phase, p Policy) {
	st := &d.s.Steps[i]
	st.Phase = phase
	st.Due = d.e.At.Add(backoff(p, d.tried(i), jitter(d.s.ID, i, st.Attempt))).Truncate(time.Microsecond)
	d.changed = true
}

// backoff doubles from p.Backoff to p.Cap, then spreads by 20 % either way.
func backoff(p Policy, attempt int, jitter float64) time.Duration {
	wait := p.Backoff
	for n := 1; n < attempt && wait < p.Cap; n++ {
		wait *= 2
	}
	wait = min(wait, p.Cap)
	return time.Duration(float64(wait) * (0.8 + 0.4*jitter))
}
