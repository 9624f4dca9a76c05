package saga

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// KeptSignal is a signal that came before the step that awaits it.
type KeptSignal struct {
	Name string // Name is the signal's.
	Seq  int64  // Seq is that of its event.
	Data []byte // Data is its payload; nil when that is not kept here.
}

// beginWait lets step i wait, and reports whether its wait is over already.
func (d *decision) beginWait(i int) (over bool, err error) {
	st, step := &d.s.Steps[i], d.step(i)
	st.Epoch, d.changed = 1, true
	switch {
	case step.Sleep != nil:
		return d.beginSleep(i)
	case step.Await != nil:
		if d.takeKept(i) {
			return true, nil
		}
		st.Phase, st.Due = Awaiting, d.from(step.Await.Timeout)
	default:
		st.Phase, st.Attempt = Asking, 1
		if st.Due = d.from(step.Approval.EscalateAfter); st.Due.IsZero() {
			st.Due = d.from(step.Approval.Due)
		}
	}
	return false, nil
}

// from is the end of a wait that begins now; zero for one without an end. What
// begins while the saga is paused gets its whole time when it is resumed.
func (d *decision) from(wait time.Duration) time.Time {
	switch {
	case wait == 0:
		return time.Time{}
	case !d.s.Paused.IsZero():
		return d.s.Paused.Add(wait)
	}
	return d.e.At.Add(wait)
}

func (d *decision) beginSleep(i int) (over bool, err error) {
	st, step := &d.s.Steps[i], d.step(i)
	st.Phase, st.Due = Sleeping, d.from(step.Sleep.For)
	if step.Sleep.Until != nil {
		if st.Due, err = d.until(step); err != nil {
			return false, err
		}
	}
	if st.Due.After(d.e.At) || !d.s.Paused.IsZero() {
		return false, nil
	}
	d.settle(i, Done)
	return true, nil
}

// maxUntil is the longest that a sleep may last.
const maxUntil = 10 * maxWait

// until evaluates when a sleep ends.
func (d *decision) until(step *Step) (time.Time, error) {
	value, err := step.Sleep.Until.Eval(d)
	if err != nil {
		return time.Time{}, fmt.Errorf("step %s: sleep: %w", step.Name, err)
	}
	var text string
	var at time.Time
	if err = json.Unmarshal(value, &text); err == nil {
		at, err = time.Parse(time.RFC3339Nano, text)
	}
	switch {
	case err != nil:
		return at, fmt.Errorf("step %s: sleep: until yields %.60s: want a time such as %q", step.Name, value, "2027-01-31T08:00:00Z")
	case at.Sub(d.e.At) > maxUntil:
		return at, fmt.Errorf("step %s: sleep: until yields %s, which is more than ten years away", step.Name, text)
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

// takeKept ends step i with the earliest signal that was kept for it.
func (d *decision) takeKept(i int) bool {
	signals := d.step(i).Await.all(d.step(i).Name)
	kept := d.s.Extras().Signals
	n := slices.IndexFunc(kept, func(k KeptSignal) bool { return slices.Contains(signals, k.Name) })
	if n < 0 {
		return false
	}
	d.answer(i, kept[n])
	if kept = slices.Delete(slices.Clone(kept), n, n+1); len(kept) == 0 {
		kept = nil // as it is read back from the store
	}
	d.s.Own().Signals = kept
	return true
}

// answer ends step i with a signal.
func (d *decision) answer(i int, with KeptSignal) {
	st := &d.s.Steps[i]
	d.settle(i, Done)
	st.Extra = &StepExtra{Signal: with.Name, Answer: with.Seq}
	if d.g != nil || d.m.keepOutput[i] {
		st.Output = with.Data
	}
}

// waitOver ends a wait whose time has come.
func (d *decision) waitOver(i int) error {
	st, step := &d.s.Steps[i], d.step(i)
	switch {
	case st.Phase == Sleeping:
		d.settle(i, Done)
	case st.Phase == Awaiting:
		d.settle(i, Expired)
	case d.escalates(i):
		d.escalate(i)
		return nil
	case step.Approval.ApproveWhenLate:
		d.settle(i, Expired)
	default:
		d.settle(i, Refused)
		return d.setBack(i, d.called(i)+" was not decided in time")
	}
	return d.advance()
}

// escalates reports whether more people are asked before step i's decision is due.
// A wake that comes too late for both finds it due.
func (d *decision) escalates(i int) bool {
	if d.step(i).Approval.EscalateAfter == 0 || d.s.Steps[i].Attempt > 1 {
		return false
	}
	last := d.lastDue(i)
	return last.IsZero() || last.After(d.e.At)
}

// lastDue is when an approval is due that was not escalated yet; zero: never.
func (d *decision) lastDue(i int) time.Time {
	a := d.step(i).Approval
	if a.Due == 0 {
		return time.Time{}
	}
	return d.s.Steps[i].Due.Add(a.Due - a.EscalateAfter)
}

func (d *decision) escalate(i int) {
	st := &d.s.Steps[i]
	st.Due = d.lastDue(i)
	st.Attempt, d.changed = 2, true
}

// shift moves the end of step i's wait when a pause is over. A sleep until a
// given time ends then, paused or not.
func (d *decision) shift(i int, still time.Duration) {
	st, step := &d.s.Steps[i], d.step(i)
	if st.Due.IsZero() || step.Sleep != nil && step.Sleep.Until != nil {
		return
	}
	st.Due = st.Due.Add(still)
}

// signalled hands a signal to the first step that awaits it, or keeps it for one
// whose turn has not come. It is kept only while such a step is left.
func (d *decision) signalled() error {
	if d.g != nil {
		return d.signalledCode()
	}
	name, kept := d.e.Extras().Signal, d.s.Extras().Signals
	steps, left := d.m.signals[name], 0
	switch {
	case len(steps) == 0:
		return fmt.Errorf("signal saga %s: no step awaits %.80q: %w", d.s.ID, name, ErrNotNow)
	case d.s.Status.Ended():
		return fmt.Errorf("signal saga %s: %w", d.s.ID, ErrEnded)
	case d.s.Status != Running:
		return fmt.Errorf("signal saga %s: it is %s and awaits nothing: %w", d.s.ID, d.s.Status, ErrNotNow)
	}
	signal := KeptSignal{Name: name, Seq: d.s.Seq + 1, Data: d.e.Payload.Data}
	if signal.Data == nil {
		signal.Data = []byte{}
	}
	if !d.m.readsSignal(signal.Name) || len(signal.Data) > InlineMax {
		signal.Data = nil
	}
	for _, i := range steps {
		switch phase := d.s.Steps[i].Phase; {
		case phase == Awaiting:
			d.answer(i, signal)
			return d.advance()
		case phase == Waiting || d.backward(i): // it will await one
			left++
		}
	}
	for _, k := range kept {
		if k.Name == signal.Name {
			left--
		}
	}
	if left <= 0 {
		return fmt.Errorf("signal saga %s: every step that awaits %s has had one: %w", d.s.ID, signal.Name, ErrNotNow)
	}
	d.s.Own().Signals = append(slices.Clip(kept), signal)
	d.changed = true
	return nil
}

// decided ends an approval as somebody has decided.
func (d *decision) decided() error {
	i, err := d.stepOf("decide")
	if err != nil {
		return err
	}
	name, st := d.called(i), &d.s.Steps[i]
	switch {
	case d.step(i).Approval == nil:
		return fmt.Errorf("decide step %s: it is not an approval: %w", name, ErrNotNow)
	case st.Phase != Asking:
		return fmt.Errorf("decide step %s: it is %s in a saga that is %s: %w", name, st.Phase, d.s.Status, ErrNotNow)
	case !d.mayDecide(i):
		return fmt.Errorf("decide step %s: %w: it is for %s", name, ErrNotYours, strings.Join(d.deciders(i), ", "))
	}
	if d.e.Outcome != Succeeded {
		d.settle(i, Refused)
		return d.setBack(i, strings.TrimSuffix(fmt.Sprintf("%s was refused by %s: %s", name, d.e.Actor.Name, d.e.Reason), ": "))
	}
	d.settle(i, Done)
	if d.g != nil || d.m.keepOutput[i] {
		if st.Output, err = json.Marshal(Decision{By: d.e.Actor.Name, Reason: d.e.Reason}); err != nil {
			return fmt.Errorf("decide step %s: %w", name, err)
		}
	}
	return d.advance()
}

// Decision is the output of an approval that was given.
type Decision struct {
	By     string `json:"by"`     // By is who has approved.
	Reason string `json:"reason"` // Reason is what they have said; may be empty.
}

// deciders lists who may decide step i now.
func (d *decision) deciders(i int) []string {
	a := d.step(i).Approval
	if d.s.Steps[i].Attempt > 1 {
		return slices.Concat(a.By, a.EscalateTo)
	}
	return a.By
}

func (d *decision) mayDecide(i int) bool {
	who, groups := d.deciders(i), d.e.Extras().Groups
	if len(d.step(i).Approval.By) == 0 || slices.Contains(groups, Everyone) {
		return true
	}
	return slices.ContainsFunc(who, func(w string) bool {
		kind, name, _ := strings.Cut(w, ":")
		return kind == "user" && name == d.e.Actor.Name || kind == "group" && slices.Contains(groups, name)
	})
}

// Waited implements Scope.
func (d *decision) Waited(step string) Waited {
	i, ok := d.m.index[step]
	if !ok {
		return Waited{}
	}
	return Waited{TimedOut: d.s.Steps[i].Phase == Expired, Signal: d.shownSignal(i)}
}

// signalOutput is the payload of the signal that has ended step i.
func (d *decision) signalOutput(i int) (Payload, error) {
	return d.signalOf(d.s.Steps[i].Extras().Answer)
}

// signalOf is the payload of a signal that was kept.
func (d *decision) signalOf(seq int64) (Payload, error) {
	switch {
	case seq < 0:
		return d.carriedPayload(-seq)
	case seq == d.s.Seq+1:
		return d.e.Payload, nil
	case seq > int64(len(d.h)):
		return Payload{}, ErrNeedHistory
	}
	return d.h[seq-1].Payload, nil
}
