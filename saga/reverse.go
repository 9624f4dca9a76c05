package saga

import "time"

// turnBack begins the compensation. Nothing new is scheduled; a command that is
// out is waited for, its current attempt up to its timeout, because undoing a
// step that is still running would be undone by it (DESIGN.md 6.5).
func (d *decision) turnBack(why string) error {
	if err := d.tellBack(); err != nil {
		return err
	}
	d.changed = true
	d.s.Deadline = time.Time{}
	d.s.drop()
	if d.s.Status == Running || d.s.Status == Completed {
		d.s.Status, d.s.Cause = Compensating, Clip(why)
	}
	if err := d.stop(); err != nil {
		return err
	}
	return d.reverse()
}

// reverse undoes what may be undone now. When nothing is left it ends the saga, or
// begins anew what a reset has undone.
func (d *decision) reverse() error {
	for i := range d.s.Steps {
		if d.s.Steps[i].Phase == Doing && d.backward(i) {
			return nil
		}
	}
	for _, i := range d.order().Ready(d.open) {
		undo := d.undo
		switch {
		case d.step(i).ForEach != nil:
			undo = d.undoItems
		case d.s.Steps[i].Phase.Back():
			continue
		}
		if err := undo(i); err != nil {
			return err
		}
	}
	d.closeSpreads()
	for i := range d.s.Plain() {
		if d.open(i) {
			return nil
		}
	}
	if d.s.Status == Running {
		return d.beginAnew()
	}
	d.s.Status = Compensated
	return nil
}

// undo begins to undo step i.
func (d *decision) undo(i int) error {
	st := &d.s.Steps[i]
	st.Phase, st.Attempt, st.Due = UndoHeld, 0, d.e.At
	st.Epoch++
	d.changed = true
	if d.isItem(i) {
		st.Output = nil // whoever reads it is undone
	}
	return d.attempt(i)
}

// open reports whether step i's effect is, or may be, still there, and is to be undone.
func (d *decision) open(i int) bool {
	if !d.backward(i) {
		return false
	}
	if d.step(i).ForEach != nil {
		return d.openItem(i)
	}
	return d.s.Steps[i].Phase.Back() || d.step(i).undoes(&d.s.Steps[i])
}

// undoes reports whether what the step, or an item of it, has done is to be undone. A
// child that was never begun is not.
func (s *Step) undoes(is *StepState) bool {
	if is.Phase != Done && is.Phase != Unknown {
		return false
	}
	return s.Compensation != "" || s.UndoesChild() && is.raised()
}
