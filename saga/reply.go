package saga

import "time"

// replied applies a participant's answer. Which one counts is the heart of the
// fencing (FEATURES.md pitfalls 1 to 6): any attempt of the current epoch in the
// current direction, while its answer is open. Everything else changes nothing.
func (d *decision) replied() error {
	i, ok := d.find(d.e.Step)
	if !ok || d.s.Status == 0 || d.s.Status == Abandoned || !d.present(i) {
		return nil
	}
	if !d.counts(i) {
		d.ignore(i)
		return nil
	}
	if d.e.Direction == Undo {
		return d.undoAnswered(i)
	}
	return d.doAnswered(i)
}

// counts reports whether the reply answers what step i waits for. What ends the
// step counts from any attempt; what only says "again" or "not yet" counts from
// the one under way, or its repeats would put off the next one for ever.
func (d *decision) counts(i int) bool {
	st := &d.s.Steps[i]
	if d.e.Epoch != st.Epoch || d.e.Attempt > st.Attempt || (d.e.Direction == Undo) != st.Phase.Back() {
		return false
	}
	if !st.Phase.timed() || !d.fromParticipant(&d.e, i) {
		return false
	}
	refusal := d.e.Outcome == Rejected && d.e.Direction == Do && d.step(i).Kind != Retriable
	final := d.e.Outcome == Succeeded || refusal
	sent := st.Phase == Doing || st.Phase == Undoing
	return final || (sent && d.e.Attempt == st.Attempt)
}

// ignore records a message that changes nothing, so that it can be seen, up to
// a limit. A repeat of what was already applied is not worth a record.
func (d *decision) ignore(i int) {
	st := &d.s.Steps[i]
	repeat := d.e.Epoch == st.Epoch && d.e.Attempt <= st.Attempt && d.fromParticipant(&d.e, i)
	step, _ := d.s.Place(i)
	counter := &d.s.Steps[step].Ignored // the items of a step share one
	if repeat || *counter >= maxIgnored {
		return
	}
	*counter++
	d.changed = true
}

func (d *decision) doAnswered(i int) error {
	step := d.step(i)
	switch d.e.Outcome {
	case Ongoing:
		d.extend(i, step.Do)
		return nil
	case Failed:
		return d.doFailed(i)
	case Rejected:
		if step.Kind == Retriable {
			d.s.attend(Attention{Reason: RetriableFailing, Step: d.called(i), Text: "rejected after the pivot: " + d.e.Reason})
			return d.doFailed(i)
		}
		d.settle(i, Refused)
		if d.s.Status == Running && d.backward(i) {
			return d.reverse()
		}
		return d.setBack(i, d.called(i)+" was rejected: "+d.e.Reason)
	}
	d.settle(i, Done)
	d.keepOutput(i)
	return d.onward(i)
}

// onward goes on in the direction of step i, which is over.
func (d *decision) onward(i int) error {
	if d.backward(i) {
		return d.reverse()
	}
	return d.advance()
}

// settle ends step i's wait.
func (d *decision) settle(i int, phase Phase) {
	st := &d.s.Steps[i]
	st.Phase, st.Due = phase, time.Time{}
	st.hush()
	d.s.calm(d.called(i))
	d.shed(i)
	d.changed = true
	if d.g != nil {
		d.g.settled(i, phase)
	}
}

func (d *decision) keepOutput(i int) {
	if d.isItem(i) {
		d.keepItem(i)
		return
	}
	out := d.e.Payload
	if d.keeps(i) && out.IsJSON() && len(out.Data) <= InlineMax {
		d.s.Steps[i].Output = append([]byte{}, out.Data...) // nil would mean "not kept here"
	}
}

func (d *decision) undoAnswered(i int) error {
	step := d.step(i)
	switch d.e.Outcome {
	case Ongoing:
		d.extend(i, step.Undo)
		return nil
	case Succeeded:
		d.settle(i, Undone)
		return d.undone()
	case Rejected:
		d.s.attend(Attention{Reason: CompensationFailed, Step: d.called(i), Text: "the compensation was rejected: " + d.e.Reason})
	}
	return d.undoFailed(i)
}
