package saga

import (
	"fmt"
	"slices"
	"time"
)

// maxVisits is how often a saga may come back to a step.
const maxVisits = 100

// reset takes the saga back to where a step begins: that step, and all that comes
// after it, is undone in waves, and then begins anew. What does not come after it goes
// on. A step that is begun anew is another visit, with commands of other ids: a
// participant that has undone the last one would refuse it for ever. Items are undone one by
// one, and their list is read again; a child is turned back, and another begun.
func (d *decision) reset() error {
	i, err := d.stepOf("reset to")
	if err != nil {
		return err
	}
	switch st := &d.s.Steps[i]; {
	case d.g != nil:
		return fmt.Errorf("reset saga %s: it is code, and a function cannot go back: cancel it, then start another: %w", d.s.ID, ErrNotNow)
	case d.isItem(i):
		return fmt.Errorf("reset saga %s: %s is one of several: name the step, which begins anew as a whole: %w", d.s.ID, d.called(i), ErrNotNow)
	case d.s.PivotSent:
		return fmt.Errorf("reset saga %s: %w", d.s.ID, ErrPastPivot)
	case d.s.Status != Running:
		return fmt.Errorf("reset saga %s: it is %s: restart it once it has ended: %w", d.s.ID, d.s.Status, ErrNotNow)
	case d.s.Extras().Reset > 0:
		return fmt.Errorf("reset saga %s: it is on its way back to %s: wait until it is there, or cancel: %w", d.s.ID, d.step(d.s.Extras().Reset-1).Name, ErrNotNow)
	case st.Phase == Waiting:
		return fmt.Errorf("reset saga %s: the turn of %s has not come: %w", d.s.ID, d.e.Step.Name, ErrNotNow)
	case st.Extras().Again >= maxVisits:
		return fmt.Errorf("reset saga %s: it has come back to %s %d times, which is the most: %w", d.s.ID, d.e.Step.Name, maxVisits, ErrNotNow)
	}
	d.s.Own().Reset, d.changed = i+1, true
	if err := d.stop(); err != nil {
		return err
	}
	return d.reverse()
}

// backward reports whether step i is on its way back: all of a saga that turns back
// are, and those that a reset is to begin anew.
func (d *decision) backward(i int) bool {
	if d.s.Status != Running {
		return d.s.Status == Compensating
	}
	to := d.s.Extras().Reset - 1
	if to < 0 {
		return false
	}
	step, _ := d.s.Place(i)
	return to == step || slices.Contains(d.order().Later(to), step)
}

// stop ends what those steps wait for that are on their way back; a child that runs is
// told to turn back too.
func (d *decision) stop() error {
	for i := range d.s.Steps {
		switch {
		case !d.backward(i):
		case d.s.Steps[i].Phase != Raising:
			d.halt(i)
		default:
			if err := d.undo(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// halt ends what step i waits for, but for the answer to a command that is out.
func (d *decision) halt(i int) {
	st := &d.s.Steps[i]
	switch {
	case st.Phase == Held && st.Attempt == 0:
		st.Phase, st.Due = Waiting, time.Time{}
		d.shed(i)
	case st.Phase.waits():
		st.Phase, st.Due, st.Attempt = Waiting, time.Time{}, 0
	case st.Phase == Held || st.Phase == Resting:
		d.settle(i, Unknown)
	}
}

// beginAnew lets the steps begin anew that a reset has undone. One whose turn had not
// come, or that was skipped, is still on its last visit.
func (d *decision) beginAnew() error {
	for i := range d.s.Plain() {
		if !d.backward(i) {
			continue
		}
		st := &d.s.Steps[i]
		visit := st.Extras().Again
		if st.Phase != Waiting && st.Epoch > 0 || d.s.spreadOf(i) >= 0 {
			visit++
		}
		d.s.Steps[i] = StepState{}
		if visit > 0 {
			d.s.Steps[i].Own().Again = visit
		}
	}
	d.furl()
	d.s.Own().Reset, d.changed = 0, true
	return d.advance()
}

// reset writes the reset that is under way, and which steps are on a later visit, each
// with its number; -1 ends them.
func (w *stateWriter) reset(s *State) {
	again := func(st StepState) bool { return st.Extra != nil && st.Extra.Again > 0 }
	to := s.Extras().Reset
	if to == 0 && !slices.ContainsFunc(s.Steps, again) {
		return
	}
	w.section(sectionReset)
	w.int(int64(to))
	for i := range s.Steps {
		if again(s.Steps[i]) {
			w.int(int64(i))
			w.int(int64(s.Steps[i].Extra.Again))
		}
	}
	w.int(-1)
}

func (r *stateReader) reset(s *State) {
	to := r.int()
	if to > 0 {
		r.extra(s).Reset = int(to)
	}
	for i := r.int(); i != -1 && !r.bad; i = r.int() {
		visit := r.int()
		if i < 0 || i >= int64(len(s.Steps)) || visit <= 0 {
			r.fail()
			return
		}
		s.Steps[i].Own().Again = int(visit)
	}
}
