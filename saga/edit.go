package saga

import (
	"fmt"
	"slices"
)

// Edit is an input that an operator has written for a step in place of the mapped
// one: every later attempt and the undo carry it. It is never changed.
type Edit struct {
	Epoch int    // Epoch is the first that carries it.
	After int    // After is how many attempts came before; they do not count against the step's patience.
	Seq   int64  // Seq is that of its event.
	Data  []byte // Data is the input, JSON; nil when that is not kept here.
}

// edited gives a step's command another input and sends it anew. Answers to the old
// one are of an older epoch and count no more; the patience begins again.
func (d *decision) edited() error {
	i, err := d.stepOf("edit")
	if err != nil {
		return err
	}
	if why := d.notEditable(i); why != "" {
		return fmt.Errorf("edit step %s: %s: %w", d.e.Step, why, ErrNotNow)
	}
	if input := d.e.Payload; !input.IsJSON() || !ValidJSON(input.Data) {
		return fmt.Errorf("edit step %s: the input is not JSON: %w", d.e.Step, ErrInvalid)
	}
	st := &d.s.Steps[i]
	st.Epoch++
	st.Hash = PayloadHash(d.e.Payload)
	edit := Edit{Epoch: st.Epoch, After: st.Attempt, Seq: d.s.Seq + 1}
	if len(d.e.Payload.Data) <= InlineMax {
		edit.Data = slices.Clone(d.e.Payload.Data)
	}
	st.Own().Edit, d.changed = &edit, true
	return d.attempt(i)
}

// notEditable says why another input for step i would help nothing, and what would;
// or nothing.
func (d *decision) notEditable(i int) string {
	switch st, step := &d.s.Steps[i], d.step(i); {
	case step.Waits():
		return "it has no command: signal, decide or resolve it"
	case st.Phase == Spreading:
		return "it runs once for each item: name one, such as " + step.Name + "[0]"
	case step.Child != nil && st.Phase != Resting:
		return "its input is that of its child, which has it already"
	case st.Phase.Back():
		return ""
	case st.Phase == Waiting && d.s.Status == Running:
		return "its turn has not come: its input is mapped when it begins"
	case d.s.Status != Running:
		return "the saga turns back: only a compensation that is under way can have another input; restart the saga once it has ended"
	case d.backward(i):
		return "the saga is on its way back to an earlier step: wait until it is there"
	case !st.Phase.timed():
		return "it is " + st.Phase.String() + ", and nobody is asked for it any more"
	}
	return ""
}

// editedInput is the input that an operator has written.
func (d *decision) editedInput(e *Edit) (Payload, error) {
	switch {
	case e.Data != nil:
		return JSON(e.Data), nil
	case e.Seq == d.s.Seq+1:
		return d.e.Payload, nil
	case e.Seq > int64(len(d.h)):
		return Payload{}, fmt.Errorf("the input that was written by hand: %w", ErrNeedHistory)
	}
	return d.h[e.Seq-1].Payload, nil
}

// tried is how often step i was sent with its present input.
func (d *decision) tried(i int) int {
	st := &d.s.Steps[i]
	if e := st.Extras().Edit; e != nil && e.Epoch == st.Epoch {
		return st.Attempt - e.After
	}
	return st.Attempt
}

// edits writes the inputs that were written by hand, each with its step's number; -1
// ends them.
func (w *stateWriter) edits(steps []StepState) {
	begun := false
	for i := range steps {
		e := steps[i].Extras().Edit
		if e == nil {
			continue
		}
		if !begun {
			w.section(sectionEdits)
			begun = true
		}
		w.int(int64(i))
		w.int(int64(e.Epoch))
		w.int(int64(e.After))
		w.int(e.Seq)
		w.bytes(e.Data)
	}
	if begun {
		w.int(-1)
	}
}

func (r *stateReader) edits(steps []StepState) {
	for i := r.int(); i != -1 && !r.bad; i = r.int() {
		if i < 0 || i >= int64(len(steps)) {
			r.fail()
			return
		}
		steps[i].Own().Edit = &Edit{Epoch: int(r.int()), After: int(r.int()), Seq: r.int(), Data: r.bytes()}
	}
}
