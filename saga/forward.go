package saga

import "fmt"

// advance starts every step whose predecessors are over, until nothing more can
// start, and completes the saga when all are over.
func (d *decision) advance() error {
	if d.g != nil {
		return d.goOn()
	}
	for again := true; again; {
		again = false
		for i := range d.s.Plain() {
			if d.s.Steps[i].Phase != Waiting || !d.may(i) || d.backward(i) {
				continue
			}
			over, err := d.begin(i)
			if err != nil {
				return err
			}
			again = again || over
		}
		for n := range d.s.spreads() {
			over, err := d.fill(n)
			if err != nil {
				return err
			}
			again = again || over
		}
	}
	if len(d.m.def.Attributes) > 0 {
		if err := d.describe(!atStart); err != nil {
			return err
		}
	}
	if d.over() {
		return d.complete()
	}
	return nil
}

// may reports whether everything before step i is over.
func (d *decision) may(i int) bool {
	for _, j := range d.m.after[i] {
		if !d.s.Steps[j].Phase.over() {
			return false
		}
	}
	return true
}

// over reports whether every step is, and none on its way back: one whose items are
// undone by a reset is done all the while.
func (d *decision) over() bool {
	for i := range d.s.Plain() {
		if !d.s.Steps[i].Phase.over() || d.backward(i) {
			return false
		}
	}
	return true
}

// begin sends step i's command, lets it wait, or skips it, and reports whether the
// step is over with that.
func (d *decision) begin(i int) (over bool, err error) {
	step := d.step(i)
	if step.When != nil {
		yes, err := step.When.Eval(d)
		if err != nil {
			return false, fmt.Errorf("step %s: when: %w", step.Name, err)
		}
		if string(yes) != "true" {
			d.s.Steps[i].Phase = Skipped
			return true, nil
		}
	}
	switch {
	case step.Waits():
		return d.beginWait(i)
	case step.ForEach != nil:
		return d.spread(i)
	}
	d.s.Steps[i].Epoch = 1
	return false, d.attempt(i)
}

// attempt sends the next attempt of step i in its present direction: a do,
// unless its phase is one of undoing.
func (d *decision) attempt(i int) error {
	st, step := &d.s.Steps[i], d.step(i)
	if step.Child != nil {
		return d.tellChild(i)
	}
	payload, err := d.payload(i)
	if err != nil {
		return err
	}
	direction, policy, name := Do, step.Do, step.Command
	sent, held := Doing, Held
	if st.Phase.Back() {
		direction, policy, name = Undo, step.Undo, step.Compensation
		sent, held = Undoing, UndoHeld
	}
	if !d.s.Paused.IsZero() || d.holds(d.ref(i), Way{step.Participant, direction}) {
		d.hold(i, held)
		return nil
	}
	d.changed = true
	st.Attempt++
	st.Phase = sent
	d.wind(i, policy, d.e.At)
	if step.Kind == Pivot {
		d.passPivot()
	}
	d.effects = append(d.effects, Send{Command{
		ID:          CommandID{Saga: d.s.ID, Step: d.ref(i), Direction: direction},
		Participant: step.Participant, Name: name, Definition: d.s.Definition, Version: d.s.Version,
		Attempt: st.Attempt, Epoch: st.Epoch, Deadline: later(st.Due, st.Extras().Until), Heartbeat: policy.Heartbeat, Payload: payload,
	}})
	return nil
}

// hold keeps step i's command back. One that is held already stays as it is:
// asking the gate in vain is no event.
func (d *decision) hold(i int, held Phase) {
	st := &d.s.Steps[i]
	if st.Phase == held {
		return
	}
	st.Phase, st.Due = held, d.e.At
	d.changed = true
}

// payload maps step i's input. Every attempt, and the undo, must carry the
// bytes of the first: a difference means that the mapping is not deterministic.
func (d *decision) payload(i int) (Payload, error) {
	st := &d.s.Steps[i]
	payload, err := d.input(i)
	if err != nil {
		return payload, fmt.Errorf("step %s: input: %w", d.called(i), err)
	}
	if len(payload.Data) > MaxPayload {
		return payload, fmt.Errorf("step %s: input: %d bytes, above the limit of %d: pass a reference instead", d.called(i), len(payload.Data), MaxPayload)
	}
	hash := PayloadHash(payload)
	if st.Attempt == 0 && (!st.Phase.Back() || d.isItem(i)) {
		st.Hash = hash
	}
	if st.Hash != hash {
		return payload, fmt.Errorf("step %s: input: the bytes differ from those of the first attempt", d.called(i))
	}
	return payload, nil
}

// input is what an operator has written, else the mapping's; without one the saga's
// input passes whole.
func (d *decision) input(i int) (Payload, error) {
	if e := d.s.Steps[i].Extras().Edit; e != nil {
		return d.editedInput(e)
	}
	if d.g != nil {
		return d.askedInput(i)
	}
	step := d.step(i)
	if step.ForEach != nil {
		return d.itemInput(i)
	}
	if step.Input != nil {
		data, err := step.Input.Eval(d)
		return JSON(data), err
	}
	whole := d.s.Input
	switch {
	case d.e.Kind == Started:
		whole.Data = d.e.Payload.Data
	case whole.Data == nil && len(d.h) > 0:
		whole.Data = d.h[0].Payload.Data
	case whole.Data == nil:
		return whole, fmt.Errorf("the saga's input: %w", ErrNeedHistory)
	}
	return whole, nil
}
