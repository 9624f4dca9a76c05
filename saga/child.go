package saga

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/internal/bucket"
)

// A step may be carried out by another saga, its child. Whatever one does to the
// other is a message (Tell): the parent begins its child and tells it to turn back,
// the child says how it has ended. The child's compensation is its own: when the
// parent turns back, a child that runs is cancelled, one that has completed goes in
// reverse, and the parent waits until it is compensated. With a ForEach each item has
// a child of its own; its id is kept nowhere, as it can be found again.

// Child is a step that another saga carries out.
type Child struct {
	Definition string // Definition is the child's, of the parent's namespace.
	Version    string // Version is the one to pin, such as r3; empty: the latest when the child begins.
}

// MaxDepth is how many generations a family may have, the root among them.
const MaxDepth = 8

// Family says who a saga's parent is.
type Family struct {
	Parent   ID       `json:"parent"`             // Parent is the saga one of whose steps this one carries out.
	Root     ID       `json:"root"`               // Root is the first of the family.
	Step     StepRef  `json:"step"`               // Step is the parent's step.
	Depth    int      `json:"depth"`              // Depth is how many are above.
	Holds    []string `json:"holds,omitempty"`    // Holds are the locks of those above.
	Undoable bool     `json:"undoable,omitempty"` // Undoable: the parent may turn it back even when it has completed.
}

// UndoesChild reports whether the step has a child that is turned back with the
// saga, also when it has completed.
func (s *Step) UndoesChild() bool {
	return s.Child != nil && s.Kind == Compensable && s.Reason == ""
}

// carrier says in a history which saga carries the step out, and what its end means.
func (s *Step) carrier() string {
	text := s.Child.Definition
	if s.Child.Version != "" {
		text += " " + s.Child.Version
	}
	switch {
	case s.Kind != Compensable:
		text += " " + s.Kind.String()
	case s.Reason != "":
		text += " stays"
	}
	return text
}

// childDefaults fills in the back-off between the children of a retriable step.
func (s *Step) childDefaults() Step {
	d := *s
	if d.Kind == Retriable {
		d.Do = d.Do.withDefaults(0)
		d.Do.Timeout = 0
	}
	return d
}

// Irreversible says why a saga of this definition can not be turned back once it has
// completed; empty if it can.
func (m *Machine) Irreversible() string {
	if len(m.def.Locks) > 0 {
		return "it takes locks, which it gives back when it is completed"
	}
	for i := range m.def.Steps {
		switch step := &m.def.Steps[i]; {
		case step.Kind == Pivot:
			return "its step " + step.Name + " is a pivot"
		case !step.Waits() && step.Reason != "":
			return "its step " + step.Name + " has no compensation"
		}
	}
	return ""
}

// born takes over who the saga's parent is.
func (d *decision) born() error {
	f := d.e.Extras().Family
	if f == nil {
		return nil
	}
	if f.Depth >= MaxDepth {
		return fmt.Errorf("it would be the child of a child and so on, %d times: at most %d generations", f.Depth, MaxDepth)
	}
	if why := d.m.Irreversible(); f.Undoable && why != "" {
		return fmt.Errorf("%s can not be turned back as the step of its parent needs: %s", d.s.Definition, why)
	}
	d.s.Own().Family = f
	return nil
}

// tellChild begins step i's child, or tells it to turn back.
func (d *decision) tellChild(i int) error {
	st, back := &d.s.Steps[i], d.s.Steps[i].Phase.Back()
	switch {
	case !d.s.Paused.IsZero() && back:
		d.hold(i, UndoHeld)
		return nil
	case !d.s.Paused.IsZero():
		d.hold(i, Held)
		return nil
	case back:
		d.turnChild(i)
		return nil
	}
	payload, err := d.payload(i)
	if err != nil {
		return err
	}
	st.Attempt++
	st.Phase, st.Due, d.changed = Raising, time.Time{}, true
	if d.step(i).Kind == Pivot {
		d.passPivot()
	}
	switch name := d.childRef(i).String(); {
	case d.g != nil: // which has many steps of one name, and may begin several children for each
		st.Own().Child = d.s.childID(fmt.Sprintf("%s@%d", name, st.Attempt-1), d.e.At)
	case !d.isItem(i):
		st.Own().Child = d.s.childID(name, d.e.At)
	}
	d.raise(i, payload)
	return nil
}

// childRef names the last child of s.Steps[i], which is a state of step: behind the
// pivot each attempt has one, elsewhere each visit.
func (s *State) childRef(i int, step *Step) StepRef {
	ref := s.ref(i, step)
	if step.Kind == Retriable {
		ref.Visit = s.Steps[i].Attempt - 1
	}
	return ref
}

// Child returns the child that was begun last for s.Steps[i], the state of step or of an
// item of it; zero without one. To find that of an item takes about 30 µs.
func (s *State) Child(i int, step *Step) ID {
	number, item := s.Place(i)
	st := &s.Steps[i]
	switch {
	case step.Child == nil:
		return ID{}
	case item == 0:
		return st.Extras().Child
	case !st.raised():
		return ID{}
	}
	return s.childID(s.childRef(i, step).String(), s.spreads()[s.spreadOf(number)].Begun)
}

func (d *decision) childRef(i int) StepRef {
	if d.g != nil {
		return d.ref(i)
	}
	return d.s.childRef(i, d.step(i))
}

func (d *decision) childOf(i int) ID { return d.s.Child(i, d.step(i)) }

// raised reports whether a child was begun for the step or item. One that somebody has
// resolved before has none.
func (s *StepState) raised() bool {
	return s.Attempt > 0 || s.Phase.Back() || s.Phase == Undone || s.Phase == Kept
}

// raise begins the child of step i that it is at.
func (d *decision) raise(i int, input Payload) {
	step := d.step(i)
	family := Family{Parent: d.s.ID, Root: d.s.ID, Step: d.childRef(i), Depth: 1, Undoable: step.UndoesChild(), Holds: d.heldLocks()}
	if above := d.s.Extras().Family; above != nil {
		family.Root, family.Depth = above.Root, above.Depth+1
	}
	e := Event{Kind: Started, Actor: Actor{Kind: ByParent, Name: d.s.ID.String()}, Payload: input}
	e.Extra = &EventExtra{
		Definition: step.Child.Definition, Version: step.Child.Version, Level: Level,
		Trace: TraceRoot(d.s.ID, d.s.Window).String(), Family: &family,
	}
	d.tell(d.childOf(i), e)
}

func (d *decision) tell(to ID, e Event) { d.effects = append(d.effects, Tell{To: to, Event: e}) }

// childID is the id of a step's child: the same whenever it is asked for, of the time
// when it was begun, or its step with all items, and in the saga's own bucket, so that
// one writer has the family.
func (s *State) childID(begun string, at time.Time) ID {
	const tries = 4096 // one in 64 is as wanted
	var id ID
	own := bucket.Of(s.ID.String(), bucket.Count)
	for n := range uint32(tries) {
		name := binary.BigEndian.AppendUint32([]byte(s.ID.String()+"/"+begun+"/"), n)
		sum := sha256.Sum256(name)
		binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16)
		copy(id[6:], sum[:10])
		id[6] = id[6]&0x0f | 0x70 // RFC 9562, version 7
		id[8] = id[8]&0x3f | 0x80
		if bucket.Of(id.String(), bucket.Count) == own {
			break
		}
	}
	return id
}

// turnChild tells step i's child to turn back. One that was abandoned will not: a
// person has to say what becomes of its effects.
func (d *decision) turnChild(i int) {
	st, child := &d.s.Steps[i], d.childOf(i)
	st.Attempt++
	st.Phase, st.Due, d.changed = Reversing, time.Time{}, true
	if st.Extras().Lost {
		d.s.attend(Attention{Reason: ChildAbandoned, Step: d.called(i), Text: "its child " + child.String() + " was terminated and cannot be turned back"})
		return
	}
	why := d.s.Cause
	if to := d.s.Extras().Reset; to > 0 {
		why = "it goes back to " + d.step(to-1).Name
	}
	d.tell(child, Event{Kind: Reversed, Actor: Actor{Kind: ByParent, Name: d.s.ID.String()}, Reason: Clip(why)})
}

// reversed turns a child back for its parent. One whose parent can not undo it goes
// on behind its pivot, and stays completed.
func (d *decision) reversed() error {
	f := d.s.Extras().Family
	switch {
	case f == nil || d.s.Status != Running && d.s.Status != Completed:
		return nil
	case !f.Undoable && (d.s.PivotSent || d.s.Status == Completed):
		return nil
	}
	return d.turnBack("its parent turned back: " + d.e.Reason)
}

// report tells the parent how its child has ended.
func (d *decision) report(was Status) {
	f := d.s.Extras().Family
	if f == nil || d.s.Status == was || !d.s.Status.Ended() {
		return
	}
	e := Event{Kind: ChildEnded, Actor: Actor{Kind: ByChild, Name: d.s.ID.String()}, Step: f.Step, Reason: d.s.Cause}
	switch d.s.Status {
	case Completed:
		e.Outcome, e.Payload = Succeeded, JSON(d.s.Extras().Output)
		if e.Payload.Data == nil {
			e.Payload = JSON([]byte("null"))
		}
	case Compensated:
		e.Outcome = Rejected
	default:
		e.Outcome = Failed
	}
	d.tell(f.Parent, e)
}

// childEnded goes on as the child of a step has ended. What the parent does not wait
// for any more changes nothing.
func (d *decision) childEnded() error {
	i, ok := d.childStep()
	if !ok || d.s.Status != Running && d.s.Status != Compensating {
		return nil
	}
	st := &d.s.Steps[i]
	undo := st.Phase.Back()
	switch {
	case st.Extras().Lost || st.Phase != Raising && !undo:
		return nil
	case d.e.Outcome == Failed:
		d.lost(i)
		return nil
	case undo && d.e.Outcome == Rejected:
		d.settle(i, Undone)
		return d.reverse()
	case undo && d.step(i).UndoesChild():
		return nil // it had completed before it was told to turn back
	case d.e.Outcome == Rejected:
		return d.childTurned(i)
	}
	d.settle(i, Done)
	d.keepOutput(i)
	if undo {
		return d.reverse()
	}
	return d.advance()
}

// childStep finds the step or item whose last child the event is about.
func (d *decision) childStep() (i int, ok bool) {
	i, ok = d.find(d.e.Step)
	switch {
	case !ok || d.step(i).Child == nil:
		return i, false
	case d.g != nil:
		return i, d.childOf(i).String() == d.e.Actor.Name
	}
	return i, d.e.Step == d.childRef(i)
}

// childTurned: a child that was compensated has failed its step. Behind the pivot
// another one is begun after a pause.
func (d *decision) childTurned(i int) error {
	if d.step(i).Kind == Retriable {
		return d.doFailed(i)
	}
	d.settle(i, Refused)
	return d.setBack(i, d.called(i)+" was turned back: "+d.e.Reason)
}

// lost: a child that was terminated has left its effects alive. Only a person can
// say how the saga goes on.
func (d *decision) lost(i int) {
	d.s.Steps[i].Own().Lost, d.changed = true, true
	text := "its child " + d.childOf(i).String() + " was terminated: " + d.e.Reason
	d.s.attend(Attention{Reason: ChildAbandoned, Step: d.called(i), Text: text})
}

// childBusy refuses to end a step by hand whose child still has to say how it ends.
func (d *decision) childBusy(i int, verb string) error {
	if st := &d.s.Steps[i]; st.Extras().Lost || !st.Phase.withChild() {
		return nil
	}
	return fmt.Errorf("%s step %s: its child %s has not ended: do it there: %w", verb, d.called(i), d.childOf(i), ErrNotNow)
}

// child checks a step that another saga carries out.
func (c *checker) child(step *Step, at string) {
	if !IsName(step.Child.Definition) {
		c.fault(at+"child", fmt.Sprintf("%q is not a name", step.Child.Definition), "write the name of a definition, such as settleOrder")
	}
	if step.Participant != "" || step.Command != "" {
		c.fault(at+"command", "the step has a child too", "make two steps of it")
	}
	if step.Compensation != "" || step.Undo != (Policy{}) {
		c.fault(at+"compensation", "a child is undone by its own compensations", "remove compensation and undo")
	}
	again := step.Do
	again.Timeout = 0
	switch {
	case step.Do.Timeout != 0 || step.Kind == Retriable && step.Do.Attempts != 0:
		c.fault(at+"timeout", "a child has its own times", "write a deadline into the child's definition, and no timeout and no attempts here")
	case step.Kind != Retriable && again != (Policy{}):
		c.fault(at+"retry", "a child is begun again only behind the pivot", "remove retry, or make it kind: retriable")
	}
	c.policy(at, "", step.Do)
}

// family writes and reads the section of that name.
func (w *stateWriter) family(f *Family) {
	w.id(f.Parent)
	w.id(f.Root)
	w.text(f.Step.String())
	w.int(int64(f.Depth))
	w.bool(f.Undoable)
	w.int(int64(len(f.Holds)))
	for _, key := range f.Holds {
		w.text(key)
	}
}

func (r *stateReader) family() *Family {
	f := &Family{Parent: r.id(), Root: r.id()}
	ref, err := ParseStepRef(r.text())
	if err != nil {
		r.fail()
	}
	f.Step, f.Depth, f.Undoable = ref, int(r.int()), r.byte() == 1
	f.Holds = list(r, r.text)
	return f
}

// children writes the steps that have a child, each with its number; -1 ends them.
func (w *stateWriter) children(steps []StepState) {
	begun := false
	for i := range steps {
		extra := steps[i].Extra
		if extra == nil || extra.Child.IsZero() && !extra.Lost {
			continue
		}
		if !begun {
			w.section(sectionChildren)
			begun = true
		}
		w.int(int64(i))
		w.id(extra.Child)
		w.bool(extra.Lost)
	}
	if begun {
		w.int(-1)
	}
}

func (r *stateReader) children(steps []StepState) {
	for i := r.int(); i != -1 && !r.bad; i = r.int() {
		if i < 0 || i >= int64(len(steps)) {
			r.fail()
			return
		}
		extra := steps[i].Own()
		extra.Child, extra.Lost = r.id(), r.byte() == 1
	}
}

// id writes and reads a saga's id.
func (w *stateWriter) id(id ID) { w.buf = append(w.buf, id[:]...) }

func (r *stateReader) id() (id ID) {
	copy(id[:], r.take(int64(len(id))))
	return id
}
