package saga

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// EventKind names what happened. Kinds are an open registry: a store keeps any,
// and Decide answers ErrUnknownEvent to one that this build does not know.
type EventKind string

// The kinds of events.
const (
	Started       EventKind = "started"       // Started begins the saga.
	Replied       EventKind = "replied"       // Replied is a participant's answer.
	Woke          EventKind = "woke"          // Woke says that time has passed.
	Cancelled     EventKind = "cancelled"     // Cancelled is somebody's wish to turn back.
	Paused        EventKind = "paused"        // Paused is an operator's wish that nothing more is sent for now.
	Resumed       EventKind = "resumed"       // Resumed ends Paused.
	Retried       EventKind = "retried"       // Retried ends the rest before the next attempt of Step, or of every step.
	StepSkipped   EventKind = "skipped"       // StepSkipped lets Step be over without its command, or leaves its effect as it is.
	StepResolved  EventKind = "resolved"      // StepResolved lets Step be done, with Payload as its output.
	StepEdited    EventKind = "edited"        // StepEdited gives Step's command Payload as its input and sends it anew.
	Reset         EventKind = "reset"         // Reset undoes Step and what comes after it, then lets them begin anew.
	Terminated    EventKind = "terminated"    // Terminated ends the saga as it is, with nothing undone.
	Signalled     EventKind = "signalled"     // Signalled hands the signal Signal with its Payload to the saga.
	Updated       EventKind = "updated"       // Updated asks the function of a saga that is code to take the update Update with its Payload.
	Decided       EventKind = "decided"       // Decided is somebody's decision on the approval Step: Outcome is Succeeded or Rejected.
	Assigned      EventKind = "assigned"      // Assigned makes somebody the owner of what the saga needs attention for: Payload is an Assignment.
	Acknowledged  EventKind = "acknowledged"  // Acknowledged says that reasons for attention are known: Payload is a Heeding.
	Snoozed       EventKind = "snoozed"       // Snoozed puts reasons for attention off until a time: Payload is a Heeding.
	Described     EventKind = "described"     // Described sets attributes: Payload is an object of names and values.
	Granted       EventKind = "granted"       // Granted says that the saga has the lock Key.
	ChildEnded    EventKind = "childEnded"    // ChildEnded says that the child of Step has ended: Outcome is Succeeded (completed), Rejected (compensated) or Failed (abandoned), Payload its output.
	Reversed      EventKind = "reversed"      // Reversed is the parent's wish that its child turns back, also when that has completed.
	Annotated     EventKind = "annotated"     // Annotated is a sentence for the history and changes nothing else.
	Undeliverable EventKind = "undeliverable" // Undeliverable says that a command can never be sent as it is.
	Poisoned      EventKind = "poisoned"      // Poisoned says that another event could not be decided.
)

// ActorKind says what kind of actor caused an event.
type ActorKind string

// The kinds of actors.
const (
	Engine      ActorKind = "engine"      // Engine is the coordinator itself.
	Participant ActorKind = "participant" // Participant answered a command.
	Operator    ActorKind = "operator"    // Operator is a person or a client of the API.
	Scheduler   ActorKind = "schedule"    // Scheduler is the clock, by a schedule.
	ByParent    ActorKind = "parent"      // ByParent is the saga one of whose steps this one carries out.
	ByChild     ActorKind = "child"       // ByChild is a saga that carries out a step of this one.
	ByRunBefore ActorKind = "run"         // ByRunBefore is the saga that has continued as this one.
)

// Actor is who caused an event.
type Actor struct {
	Kind ActorKind // Kind is what kind of actor it is.
	Name string    // Name says which one; may be empty.
}

// Event is one thing that happened to a saga, the only input of Decide. Stored
// events are the saga's history.
type Event struct {
	Seq       int64     // Seq counts the saga's stored events from 1; 0 before it is stored.
	Kind      EventKind // Kind says what happened; the other fields depend on it.
	At        time.Time // At is the database's clock, in microseconds.
	Actor     Actor     // Actor is who caused it.
	Reason    string    // Reason is a sentence for people, at most MaxReason bytes.
	RequestID string    // RequestID makes a verb idempotent; empty for replies and wakes.

	Step      StepRef   // Step is whose reply it is.
	Attempt   int       // Attempt is the reply's.
	Epoch     int       // Epoch is the reply's.
	Direction Direction // Direction is the reply's.
	Outcome   Outcome   // Outcome is the reply's.
	// Hold says that whoever decides does not own the saga's bucket and so may
	// not send: commands become held and are released by the owner's wake.
	Hold    bool
	Payload Payload // Payload is the saga's input, or a reply's result.

	// Extra is what few events say; nil when there is none of it. Read it with
	// Extras, write it with Own.
	Extra *EventExtra

	// Sent lists the commands that the event made the saga send. It is filled in
	// when the event is stored.
	Sent []Sent
}

// Sent is the record of a command in the event that caused it.
type Sent struct {
	Step      StepRef   // Step is the step.
	Direction Direction // Direction is do or undo.
	Attempt   int       // Attempt is the command's.
	Name      string    // Name is participant/command.
	Hash      uint64    // Hash is PayloadHash of its payload.
}

// String returns step/direction participant/command attempt hash.
func (s Sent) String() string {
	return fmt.Sprintf("%s/%s %s %d %016x", s.Step, s.Direction, s.Name, s.Attempt, s.Hash)
}

// ParseSent is the inverse of Sent.String.
func ParseSent(text string) (Sent, error) {
	bad := func() error {
		return fmt.Errorf("sent command %.120q: want step/direction participant/command attempt hash", text)
	}
	fields := strings.Fields(text)
	if len(fields) != 4 {
		return Sent{}, bad()
	}
	step, direction, _ := strings.Cut(fields[0], "/")
	ref, err1 := ParseStepRef(step)
	dir, err2 := ParseDirection(direction)
	attempt, err3 := strconv.Atoi(fields[2])
	hash, err4 := strconv.ParseUint(fields[3], 16, 64)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return Sent{}, fmt.Errorf("%w: %w", bad(), err)
		}
	}
	return Sent{Step: ref, Direction: dir, Attempt: attempt, Name: fields[1], Hash: hash}, nil
}

// PayloadHash is the 64-bit FNV-1a of a payload's bytes: a re-sent command must
// carry the bytes of the first attempt.
func PayloadHash(p Payload) uint64 {
	h := fnv.New64a()
	h.Write(p.Data)
	return h.Sum64()
}

// jitter returns a number in [0,1) that is the same for the same command and
// attempt: retries spread out, and replay stays exact without randomness.
func jitter(id ID, step, attempt int) float64 {
	var b [24]byte
	copy(b[:], id[:])
	binary.LittleEndian.PutUint32(b[16:], uint32(step))
	binary.LittleEndian.PutUint32(b[20:], uint32(attempt))
	h := fnv.New64a()
	h.Write(b[:])
	const bits = 53
	return float64(h.Sum64()>>(64-bits)) / (1 << bits)
}

// ReplyEvent turns a reply that was read at the given time into an event.
func ReplyEvent(r Reply, at time.Time) Event {
	if r.Outcome == Ongoing && len(r.Payload.Data) > MaxProgress {
		r.Payload = Payload{}
	}
	return Event{
		Kind: Replied, At: at, Actor: Actor{Kind: Participant, Name: r.Participant}, Reason: r.Reason,
		Step: r.ID.Step, Direction: r.ID.Direction, Attempt: r.Attempt, Epoch: r.Epoch,
		Outcome: r.Outcome, Payload: r.Payload,
	}
}

// Stored returns the event as it belongs into the history, once Decide has
// answered it with state and effects.
func (e *Event) Stored(s *State, effects []Effect) Event {
	stored := *e
	stored.Seq, stored.At, stored.Sent = s.Seq, s.Last, nil
	for _, effect := range effects {
		if noted, ok := effect.(Noted); ok {
			stored.Own().Asked = noted.Asked
		}
		send, ok := effect.(Send)
		if !ok {
			continue
		}
		c := send.Command
		stored.Sent = append(stored.Sent, Sent{
			Step: c.ID.Step, Direction: c.ID.Direction, Attempt: c.Attempt,
			Name: c.Participant + "/" + c.Name, Hash: PayloadHash(c.Payload),
		})
	}
	return stored
}
