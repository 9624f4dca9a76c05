package saga

import (
	"errors"
	"fmt"
	"time"
)

// What an operator's verb may be answered.
var (
	// ErrEnded refuses a verb on a saga that has ended.
	ErrEnded = errors.New("ended: nothing more can happen to the saga")
	// ErrNotNow refuses a verb that finds nothing to act on.
	ErrNotNow = errors.New("not-now: the saga is not where this verb helps")
	// ErrInvalid refuses a verb that says what cannot be.
	ErrInvalid = errors.New("invalid: the verb says what cannot be")
	// ErrNotYours refuses a decision by somebody who is not asked for one.
	ErrNotYours = errors.New("not-yours: somebody else has to decide this")
)

// IsRefusal reports whether an error of Decide refuses a verb: the saga is as it was,
// and asking again is answered the same.
func IsRefusal(err error) bool {
	for _, refusal := range []error{ErrPastPivot, ErrEnded, ErrNotNow, ErrNotYours, ErrInvalid, ErrNoUpdate} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	_, refused := errors.AsType[*UpdateRefused](err)
	return refused
}

// paused lets nothing be sent until the saga is resumed. Replies are applied as
// they come, and the clocks of commands that are out stand still.
func (d *decision) paused() error {
	switch {
	case d.s.Status.Ended():
		return fmt.Errorf("pause saga %s: %w", d.s.ID, ErrEnded)
	case d.s.Status == 0 || !d.s.Paused.IsZero():
		return nil
	}
	d.changed = true
	d.s.Paused = d.e.At
	return nil
}

// resumed gives every command that was out the time that it had left, and sends
// what was held in the meantime.
func (d *decision) resumed() error {
	if d.s.Paused.IsZero() {
		return nil
	}
	d.changed = true
	still := d.e.At.Sub(d.s.Paused)
	d.s.Paused = time.Time{}
	d.shiftLocks(still)
	for i := range d.s.Steps {
		switch st := &d.s.Steps[i]; st.Phase {
		case Doing, Undoing:
			st.still(still)
		case Sleeping, Awaiting, Asking:
			d.shift(i, still)
		case Held, UndoHeld:
			if err := d.attempt(i); err != nil {
				return err
			}
		}
	}
	if d.g != nil {
		return d.endCode() // it may have waited with its next run
	}
	return nil
}

// retried ends the pause before the next attempt: of one step or item, or of all
// that rest; then a saga that takes no messages, because one could not be decided, is
// told of them again: a build or a code that can may be there by now. What a step had asked attention for is not forgotten: only its success
// ends that.
func (d *decision) retried() error {
	only, found := -1, false
	if d.s.Status.Ended() {
		return fmt.Errorf("retry saga %s: %w", d.s.ID, ErrEnded)
	}
	if d.e.Step.Name != "" {
		i, known := d.find(d.e.Step)
		if only = i; !known {
			return fmt.Errorf("retry saga %s: there is no step %.80q: %w", d.s.ID, d.e.Step, ErrNotNow)
		}
	}
	if only < 0 && d.s.Blocked() {
		d.s.unblock()
		found, d.changed = true, true
	}
	for i := range d.s.Steps {
		st := &d.s.Steps[i]
		if only >= 0 && !d.within(i, only) || st.Phase != Resting && st.Phase != UndoResting {
			continue
		}
		found = true
		if err := d.attempt(i); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("retry saga %s: no step is resting before its next attempt: %w", d.s.ID, ErrNotNow)
	}
	return nil
}

// annotated keeps a sentence in the history, also when the saga has ended.
func (d *decision) annotated() error {
	d.changed = d.s.Status != 0
	return nil
}

// terminated ends the saga as it is. Nothing is undone; the steps keep their
// phases, which say what was left alive.
func (d *decision) terminated() error {
	switch d.s.Status {
	case 0, Abandoned:
		return nil
	case Completed, Compensated:
		return fmt.Errorf("terminate saga %s: %w", d.s.ID, ErrEnded)
	}
	d.changed = true
	d.s.Status, d.s.Paused, d.s.Deadline, d.s.Attention = Abandoned, time.Time{}, time.Time{}, nil
	d.s.drop()
	if d.s.Cause == "" {
		d.s.Cause = Clip(d.e.Reason)
	}
	for i := range d.s.Steps {
		d.s.Steps[i].Due = time.Time{}
	}
	return nil
}

// Alive reports whether the step's effect is there, or may be: it was done, or
// an attempt was sent whose outcome is not known, or its undo is not over.
func (s *StepState) Alive() bool {
	switch s.Phase {
	case Done, Unknown, Doing, Undoing, UndoResting, UndoHeld, Kept, Raising, Reversing:
		return true
	case Resting, Held:
		return s.Attempt > 0
	default:
		return false
	}
}
