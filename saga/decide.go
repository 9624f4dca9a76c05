package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// What Decide may answer beside a state.
var (
	// ErrNeedHistory asks the caller to decide again with the saga's history:
	// the event needs a document too large to be kept in the state.
	ErrNeedHistory = errors.New("the saga's history is needed")
	// ErrPastPivot refuses to turn back a saga whose pivot was sent.
	ErrPastPivot = errors.New("past-pivot: the point of no return was passed; the saga can only go forward")
	// ErrUnknownEvent says that this build does not know the event's kind.
	ErrUnknownEvent = errors.New("unknown event kind")
	// ErrLevel says that the saga needs a newer build.
	ErrLevel = errors.New("the saga was started with a newer engine level")
)

// InlineMax is the largest document that a state keeps, in bytes. A larger one
// stays in the history and is read from there when it is needed.
const InlineMax = 2 << 10

const (
	maxRequests = 128 // request ids that a state remembers
	maxIgnored  = 20  // ignored messages recorded for each step
)

// transitions is the registry of event kinds. It is read-only.
var transitions = map[EventKind]func(*decision) error{
	Started:       (*decision).started,
	Replied:       (*decision).replied,
	Woke:          (*decision).woke,
	Cancelled:     (*decision).cancelled,
	Paused:        (*decision).paused,
	Resumed:       (*decision).resumed,
	Retried:       (*decision).retried,
	StepSkipped:   (*decision).skipped,
	StepResolved:  (*decision).resolved,
	StepEdited:    (*decision).edited,
	Reset:         (*decision).reset,
	Terminated:    (*decision).terminated,
	Signalled:     (*decision).signalled,
	Updated:       (*decision).updated,
	Decided:       (*decision).decided,
	Assigned:      (*decision).assigned,
	Acknowledged:  (*decision).acknowledged,
	Snoozed:       (*decision).snoozed,
	Described:     (*decision).described,
	Granted:       (*decision).granted,
	ChildEnded:    (*decision).childEnded,
	Reversed:      (*decision).reversed,
	Annotated:     (*decision).annotated,
	Undeliverable: (*decision).undeliverable,
	Poisoned:      (*decision).poisoned,
}

// decision is one run of Decide.
type decision struct {
	m       *Machine
	g       *growth // of a saga that is code; nil for one that is declared
	s       State
	h       History
	e       Event
	effects []Effect
	changed bool
	was     []StepState // the steps before the event
	each    *each
}

// Decide implements Decider.
func (m *Machine) Decide(s State, h History, e Event) (State, []Effect, error) {
	return decide(m, nil, s, h, e)
}

// room returns where a decision is made: a saga that is code has a place for it.
func room(g *growth) *decision {
	if g == nil {
		return &decision{}
	}
	return &g.decision
}

// decide is the one Decide there is. m is the saga's definition; a saga that is
// code has one without steps, and what it has asked for instead.
func decide(m *Machine, g *growth, s State, h History, e Event) (State, []Effect, error) {
	transition, ok := transitions[e.Kind]
	switch {
	case !ok:
		return s, nil, fmt.Errorf("%w %q", ErrUnknownEvent, e.Kind)
	case max(s.Level, e.Extras().Level) > Level:
		return s, nil, fmt.Errorf("%w: %d, this build knows %d", ErrLevel, max(s.Level, e.Extras().Level), Level)
	case s.Status != 0 && s.Plain() != planned(m, g, &s):
		return s, nil, fmt.Errorf("saga %s has %d steps, its definition %s %s has %d: %w",
			s.ID, s.Plain(), m.def.Name, m.def.Version, planned(m, g, &s), ErrState)
	}
	d := room(g)
	*d = decision{m: m, g: g, s: s, h: h, e: e}
	if d.known() {
		return s, nil, nil
	}
	d.was, d.s.Steps = s.Steps, d.cloned(s.Steps)
	d.e.At = e.At.Truncate(time.Microsecond)
	if d.e.At.Before(s.Last) {
		d.e.At = s.Last
	}
	err := transition(d)
	if err == nil {
		err = d.noteAsked()
	}
	if err != nil {
		return s, nil, err
	}
	if !d.changed {
		return s, nil, nil
	}
	d.report(s.Status)
	d.release()
	if err := d.announce(s.Status); err != nil {
		return s, nil, err
	}
	if err := d.watch(&s); err != nil {
		return s, nil, err
	}
	d.s.Seq++
	d.openWindow()
	d.s.Last = d.e.At
	d.remember()
	d.s.forgive()
	d.s.tidy()
	return d.s, d.effects, nil
}

// Replay implements Decider.
func (m *Machine) Replay(id ID, h History) (State, error) { return fold(id, h, m.Decide) }

// fold is the state after a whole history.
func fold(id ID, h History, decide func(State, History, Event) (State, []Effect, error)) (State, error) {
	s := State{ID: id}
	for i, e := range h {
		next, _, err := decide(s, h[:i+1], e)
		if err != nil {
			return s, fmt.Errorf("replay event %d (%s) of saga %s: %w", e.Seq, e.Kind, id, err)
		}
		if next.Seq == s.Seq || next.Seq != e.Seq {
			return s, fmt.Errorf("replay event %d (%s) of saga %s: want event %d, or it changed nothing", e.Seq, e.Kind, id, s.Seq+1)
		}
		s = next
	}
	return s, nil
}

// step returns the definition of the step, or of the item's step, whose state is d.s.Steps[i]. It is the
// one way to it: what a saga's steps are may depend on the saga.
func (d *decision) step(i int) *Step {
	if d.g != nil {
		return &d.plan().Steps[i].Step
	}
	step, _ := d.s.Place(i)
	return &d.m.def.Steps[step]
}

// ref names step i's run on the wire, and called for people.
func (d *decision) ref(i int) StepRef {
	if d.g != nil {
		return d.plan().Steps[i].Ref()
	}
	return d.s.ref(i, d.step(i))
}

func (d *decision) called(i int) string { return d.ref(i).String() }

// find returns where the state of the step or item is that a message or a verb is
// about.
func (d *decision) find(ref StepRef) (i int, ok bool) {
	if d.g != nil {
		return d.plan().Find(ref)
	}
	step, ok := d.m.index[ref.Name]
	if !ok {
		return 0, false
	}
	return d.s.At(step, ref.Item)
}

// present reports whether the event's message is about the present run of step i, and
// none that a reset has undone.
func (d *decision) present(i int) bool { return d.e.Step == d.ref(i) }

// keeps reports whether the state has to keep step i's output.
func (d *decision) keeps(i int) bool { return d.g == nil && d.m.keepOutput[i] }

func requestHash(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// known reports whether the event's request was seen before.
func (d *decision) known() bool {
	if d.e.Kind == Updated {
		_, known := d.s.TakenAs(d.e.RequestID)
		return known
	}
	return d.e.RequestID != "" && slices.Contains(d.s.Requests, requestHash(d.e.RequestID))
}

func (d *decision) remember() {
	if d.e.RequestID == "" || d.e.Kind == Updated {
		return // an update is remembered with its answer
	}
	all := append(slices.Clone(d.s.Requests), requestHash(d.e.RequestID))
	d.s.Requests = all[max(0, len(all)-maxRequests):]
}

// started pins the saga to its definition and takes the first steps.
func (d *decision) started() error {
	if d.s.Status != 0 {
		return nil
	}
	d.changed = true
	start := d.e.Extras()
	d.s.Definition, d.s.Version, d.s.Level = start.Definition, start.Version, start.Level
	d.s.Status, d.s.Started = Running, d.e.At
	if start.Key != "" {
		d.s.Own().Key = start.Key
	}
	if n := len(d.m.def.Steps); n > 0 {
		d.s.Steps = make([]StepState, n)
	}
	d.s.Input = d.e.Payload
	switch {
	case !d.m.keepInput || len(d.e.Payload.Data) > InlineMax:
		d.s.Input.Data = nil
	case d.s.Input.Data == nil:
		d.s.Input.Data = []byte{} // nil would mean "not kept here"
	}
	if err := d.born(); err != nil {
		return err
	}
	d.chained()
	if err := d.label(); err != nil {
		return err
	}
	if err := d.describe(atStart); err != nil {
		return err
	}
	waits, err := d.delay()
	if d.m.def.Deadline > 0 {
		d.s.Deadline = later(d.e.At, d.s.Extras().Begin).Add(d.m.def.Deadline)
	}
	if err != nil || waits {
		return err
	}
	return d.enter()
}

// cancelled turns the saga back if its pivot was not sent.
func (d *decision) cancelled() error {
	switch {
	case d.s.Status == 0 || d.s.Status == Compensating || d.s.Status == Compensated || d.s.Status == Abandoned:
		return nil
	case d.s.PivotSent || d.s.Status == Completed:
		return fmt.Errorf("cancel saga %s: %w", d.s.ID, ErrPastPivot)
	}
	why := d.e.Reason
	if why == "" {
		why = "cancelled"
	}
	d.s.unblock()
	return d.turnBack(why)
}

// undeliverable asks for attention; the step's timer runs on, so that the saga
// still comes to an end by itself.
func (d *decision) undeliverable() error {
	i, ok := d.find(d.e.Step)
	if !ok || d.s.Status == 0 || d.s.Status == Abandoned || !d.present(i) || d.s.Steps[i].Epoch != d.e.Epoch || !d.s.Steps[i].Phase.timed() {
		return nil
	}
	d.changed = d.s.attend(Attention{Reason: NotDeliverable, Step: d.called(i), Text: d.e.Reason})
	return nil
}

// poisoned asks for attention and changes nothing else, so it never fails. Only
// the first of its kind is recorded: a poison message comes back with each
// re-sent command.
func (d *decision) poisoned() error {
	d.changed = d.s.Status != 0 && d.s.Status != Abandoned && d.s.attend(Attention{Reason: TransitionFailed, Step: d.e.Step.String(), Text: d.e.Reason})
	return nil
}

// Input implements Scope.
func (d *decision) Input() (json.RawMessage, error) {
	input := d.s.Input
	if input.Data == nil && len(d.h) > 0 {
		input = d.h[0].Payload
	}
	switch {
	case d.e.Kind == Started:
		input = d.e.Payload
	case input.Data == nil && d.h == nil:
		return nil, fmt.Errorf("the saga's input: %w", ErrNeedHistory)
	}
	if !input.IsJSON() {
		return nil, fmt.Errorf("the saga's input is %s and cannot be read by an expression", input.ContentType)
	}
	return input.Data, nil
}

// Output implements Scope.
func (d *decision) Output(name string) (json.RawMessage, bool, error) {
	i, ok := d.m.index[name]
	if !ok || d.s.Steps[i].Phase != Done {
		return nil, false, nil
	}
	if d.step(i).ForEach != nil {
		out, err := d.outputs(i)
		return out, err == nil, err
	}
	if out := d.s.Steps[i].Output; out != nil {
		return out, true, nil
	}
	if d.s.Steps[i].Extras().Answer > 0 {
		return d.jsonOutput(name)
	}
	out, ok := d.e.Payload, d.succeeded(&d.e, i)
	for n := len(d.h) - 1; !ok && n >= 0; n-- {
		out, ok = d.h[n].Payload, d.succeeded(&d.h[n], i)
	}
	switch {
	case !ok:
		return nil, false, fmt.Errorf("the output of %s: %w", name, ErrNeedHistory)
	case !out.IsJSON():
		return nil, false, fmt.Errorf("the output of %s is %s and cannot be read by an expression", name, out.ContentType)
	}
	return out.Data, true, nil
}

// jsonOutput is the output of a step that a signal has ended.
func (d *decision) jsonOutput(name string) (json.RawMessage, bool, error) {
	out, err := d.signalOutput(d.m.index[name])
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("the output of %s: %w", name, err)
	case !out.IsJSON():
		return nil, false, fmt.Errorf("the output of %s is %s and cannot be read by an expression", name, out.ContentType)
	}
	return out.Data, true, nil
}

// succeeded reports whether e is what made step i done: the reply, or an
// operator's output. A recorded reply to an attempt that was never sent is not.
func (d *decision) succeeded(e *Event, i int) bool {
	st := &d.s.Steps[i]
	switch e.Kind {
	case StepResolved: // which names no visit: who reads the latest first finds that of this one
		return e.Step.Name == d.ref(i).Name && e.Step.Item == d.ref(i).Item
	case ChildEnded:
		return e.Step == d.childRef(i) && e.Outcome == Succeeded
	}
	return e.Kind == Replied && e.Step == d.ref(i) && e.Direction == Do && e.Outcome == Succeeded &&
		e.Epoch == st.Epoch && e.Attempt <= st.Attempt && d.fromParticipant(e, i)
}

// fromParticipant reports whether a participant's answer comes from the one
// that step i asks.
func (d *decision) fromParticipant(e *Event, i int) bool {
	return e.Actor.Kind != Participant || e.Actor.Name == "" || e.Actor.Name == d.step(i).Participant
}
