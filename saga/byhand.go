package saga

import (
	"fmt"
	"slices"
)

// skipped lets a step be over without its command, or lets a compensation rest
// for good: an operator has decided that, and says why.
func (d *decision) skipped() error {
	i, err := d.stepOf("skip")
	if err != nil {
		return err
	}
	if err := d.childBusy(i, "skip"); err != nil {
		return err
	}
	if d.s.Steps[i].Phase.Back() && d.s.Extras().Reset == 0 {
		d.settle(i, Kept)
		return d.undone()
	}
	if why := d.notSkippable(i); why != "" {
		return fmt.Errorf("skip step %s: %s: %w", d.e.Step, why, ErrNotNow)
	}
	d.settle(i, Skipped)
	return d.advance()
}

// notSkippable says why step i's do can not be skipped, or nothing.
func (d *decision) notSkippable(i int) string {
	st, step := &d.s.Steps[i], d.step(i)
	switch {
	case st.Phase == Spreading:
		return "it runs once for each item: name one, such as " + step.Name + "[0]"
	case d.s.Status == Running && st.Phase != Waiting && d.backward(i):
		return "the saga is on its way back to an earlier step, and its effect would be there twice: cancel first"
	case d.s.Status == Running && st.Phase == Waiting:
		return "its turn has not come: what comes after it would not wait for what comes before"
	case d.s.Status != Running || !st.Phase.timed() && !st.Phase.waits() && st.Phase != Raising:
		return "it is " + st.Phase.String() + " in a saga that is " + d.s.Status.String()
	case step.Kind == Pivot:
		return "a saga needs its pivot: resolve it with an output, or cancel"
	case d.g != nil && !step.Waits():
		return "the code may read its output: resolve it with an output, or cancel"
	case (step.Compensation != "" || step.UndoesChild()) && st.Attempt > 0:
		return "it was sent and may have run: resolve it with an output, or cancel"
	}
	for j := range d.m.def.Steps {
		if later := d.step(j); step.When == nil && !step.mayExpire() && readsOutput(later, step.Name) {
			return later.Name + " reads its output: resolve it with an output"
		}
	}
	if step.When == nil && !step.mayExpire() {
		return d.m.readOfWhole(step.Name)
	}
	return ""
}

// readOfWhole says what of the whole saga reads a step's output, or nothing.
func (m *Machine) readOfWhole(name string) string {
	if out := m.def.Output; out != nil && slices.Contains(out.Reads().Steps, name) {
		return "the saga's output reads its output: resolve it with an output"
	}
	for _, a := range m.def.Attributes {
		if slices.Contains(a.Value.Reads().Steps, name) {
			return "the attribute " + a.Name + " reads its output: resolve it with an output"
		}
	}
	return ""
}

// readsOutput reports whether one of a step's expressions reads another's output.
func readsOutput(step *Step, name string) bool {
	for _, expr := range step.exprs() {
		if expr != nil && slices.Contains(expr.Reads().Steps, name) {
			return true
		}
	}
	return false
}

// resolved lets a step be done with the output that the event carries: an
// operator knows better than the participant that does not answer. Answers to
// what was sent before are of an older epoch.
func (d *decision) resolved() error {
	i, err := d.stepOf("resolve")
	if err != nil {
		return err
	}
	st := &d.s.Steps[i]
	if err := d.childBusy(i, "resolve"); err != nil {
		return err
	}
	if d.s.Status != Running || st.Phase.Back() || !st.Phase.timed() && !st.Phase.waits() && st.Phase != Raising {
		return fmt.Errorf("resolve step %s: it is %s in a saga that is %s: %w", d.e.Step, st.Phase, d.s.Status, ErrNotNow)
	}
	st.Epoch++
	if d.step(i).Kind == Pivot {
		d.passPivot()
	}
	d.settle(i, Done)
	d.keepOutput(i)
	return d.onward(i)
}

// stepOf finds the step that a verb is about.
func (d *decision) stepOf(verb string) (int, error) {
	i, ok := d.find(d.e.Step)
	switch {
	case d.s.Status == 0:
		return 0, fmt.Errorf("%s a step of saga %s: it has not begun: %w", verb, d.s.ID, ErrNotNow)
	case d.s.Status.Ended():
		return 0, fmt.Errorf("%s a step of saga %s: %w", verb, d.s.ID, ErrEnded)
	case !ok:
		return 0, fmt.Errorf("%s a step of saga %s: there is no step %.80q: %w", verb, d.s.ID, d.e.Step, ErrNotNow)
	}
	return i, nil
}
