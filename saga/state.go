package saga

import (
	"slices"
	"strings"
	"time"
)

// Status says how far a saga is.
type Status uint8

// The statuses of a saga.
const (
	Running      Status = 1 // Running goes forward.
	Compensating Status = 2 // Compensating goes in reverse.
	Completed    Status = 3 // Completed: every step is done or skipped.
	Compensated  Status = 4 // Compensated: every effect is undone.
	Abandoned    Status = 5 // Abandoned: an operator ended it with effects left alive.
)

// String returns the status in lower case.
func (s Status) String() string {
	names := [...]string{"none", "running", "compensating", "completed", "compensated", "abandoned"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// ParseStatus is the inverse of Status.String; ok is false for another word.
func ParseStatus(text string) (status Status, ok bool) {
	for s := Running; s <= Abandoned; s++ {
		if s.String() == text {
			return s, true
		}
	}
	return 0, false
}

// Ended reports whether nothing more can happen.
func (s Status) Ended() bool { return s >= Completed }

// Phase says how far a step is.
type Phase uint8

// The phases of a step.
const (
	Waiting     Phase = 0  // Waiting for the steps before it.
	Doing       Phase = 1  // Doing: the command was sent, its answer is awaited.
	Resting     Phase = 2  // Resting: an attempt failed, the next one waits.
	Held        Phase = 3  // Held: the command may not be sent yet.
	Done        Phase = 4  // Done: succeeded.
	Skipped     Phase = 5  // Skipped: its condition was false.
	Refused     Phase = 6  // Refused: the participant rejected it and did nothing.
	Unknown     Phase = 7  // Unknown: it may have run. Undone like Done.
	Undoing     Phase = 8  // Undoing: the compensation was sent, its answer is awaited.
	UndoResting Phase = 9  // UndoResting: the compensation failed, the next attempt waits.
	UndoHeld    Phase = 10 // UndoHeld: the compensation may not be sent yet.
	Undone      Phase = 11 // Undone: compensated.
	Kept        Phase = 12 // Kept: an operator has decided that its effect stays as it is.
	Sleeping    Phase = 13 // Sleeping until its time has come.
	Awaiting    Phase = 14 // Awaiting a signal.
	Asking      Phase = 15 // Asking for somebody's decision.
	Expired     Phase = 16 // Expired: its time was over before what it waited for came. Over like Done, without an output.
	Spreading   Phase = 17 // Spreading over the items of its list: their states say how far each is.
	Raising     Phase = 18 // Raising: its child was begun, and the child's end is awaited.
	Reversing   Phase = 19 // Reversing: its child was told to turn back, and the child's end is awaited.
)

var phaseNames = [...]string{
	"waiting", "doing", "resting", "held", "done", "skipped", "refused", "unknown",
	"undoing", "undo-resting", "undo-held", "undone", "kept",
	"sleeping", "awaiting", "asking", "expired", "spreading", "raising", "reversing",
}

// PhaseNames lists what String returns of the phases that there are, in their order.
func PhaseNames() []string { return slices.Clone(phaseNames[:]) }

// String returns the phase in lower case.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "unknown-phase"
}

// Back reports whether a step in this phase is on its way back: its compensation is
// due, sent or at rest, or its child turns back.
func (p Phase) Back() bool {
	return p == Undoing || p == UndoResting || p == UndoHeld || p == Reversing
}

// timed reports whether a step in this phase has a command that is not settled.
func (p Phase) timed() bool {
	switch p {
	case Doing, Resting, Held, Undoing, UndoResting, UndoHeld:
		return true
	}
	return false
}

// waits reports whether a step in this phase waits for something other than a
// participant.
func (p Phase) waits() bool { return p == Sleeping || p == Awaiting || p == Asking }

// withChild reports whether a step in this phase waits for its child.
func (p Phase) withChild() bool { return p == Raising || p == Reversing }

// over reports whether what comes after a step in this phase may begin.
func (p Phase) over() bool { return p == Done || p == Skipped || p == Expired }

// State is all that Decide needs to know of a saga. It is a value: Decide
// returns a new one and leaves the old one as it was.
type State struct {
	ID         ID          // ID is the saga's.
	Definition string      // Definition is the definition's name.
	Version    string      // Version is what the saga is pinned to.
	Level      int         // Level is the engine level it was started with.
	Seq        int64       // Seq is the number of stored events.
	Window     int64       // Window is the Seq of the first event of its present trace; 0 in the first one. See TraceRoot.
	Status     Status      // Status says how far it is.
	PivotSent  bool        // PivotSent: there is no way back any more.
	Started    time.Time   // Started is when it began.
	Last       time.Time   // Last is the time of the last event.
	Deadline   time.Time   // Deadline is when it turns back because it is late; zero once it cannot.
	Paused     time.Time   // Paused is since when nothing may be sent; zero when it is not paused.
	Cause      string      // Cause says why it turned back.
	Input      Payload     // Input is the input; Data is nil when it is not kept here.
	Steps      []StepState // Steps are in the definition's order; behind them come the items of each Spread.
	Attention  []Attention // Attention is why an operator should look; empty is good.
	Requests   []uint64    // Requests are hashes of the last request ids, at most 128.
	Extra      *StateExtra // Extra is what few sagas have; nil when there is none of it. Read it with Extras, write it with Own.
}

// StepState is the state of one step.
type StepState struct {
	Phase   Phase      // Phase says how far it is.
	Epoch   int        // Epoch is that of the last command; 0 before the first.
	Attempt int        // Attempt is that of the last command in the present direction; of an approval, 2 once it was escalated.
	Due     time.Time  // Due is when its wait is over; zero when it does not wait for a time.
	Hash    uint64     // Hash is PayloadHash of its command.
	Ignored int        // Ignored counts the recorded messages that changed nothing.
	Output  []byte     // Output is its result, kept only if a later expression reads it.
	Extra   *StepExtra // Extra is what few steps have; nil when there is none of it. Read it with Extras, write it with Own.
}

// AttentionReason says why a saga needs attention.
type AttentionReason string

// The reasons for attention.
const (
	PivotUnknown       AttentionReason = "pivot-unknown"       // PivotUnknown: the pivot's outcome is not known after all attempts.
	RetriableFailing   AttentionReason = "retriable-failing"   // RetriableFailing: a step after the pivot keeps failing.
	CompensationFailed AttentionReason = "compensation-failed" // CompensationFailed: a compensation keeps failing.
	NotDeliverable     AttentionReason = "undeliverable"       // NotDeliverable: a command can never be sent as it is.
	TransitionFailed   AttentionReason = "transition-failed"   // TransitionFailed: an event could not be decided.
	ChildAbandoned     AttentionReason = "child-abandoned"     // ChildAbandoned: a step's child was terminated.
)

// Attention is one reason why an operator should look at a saga.
type Attention struct {
	Reason AttentionReason // Reason is the kind of trouble.
	Step   string          // Step is the step or item concerned, such as ship or ship[3], if one is.
	Text   string          // Text says what happened.
}

// WakeAt returns the earliest time at which something is due, or zero. A paused
// saga waits for nothing but its deadline.
func (s *State) WakeAt() time.Time {
	wake := s.Deadline
	if !s.Paused.IsZero() {
		return wake
	}
	wake = earliest(wake, s.Extras().Begin)
	wake = earliest(wake, s.lockDue())
	for i := range s.Steps {
		wake = earliest(wake, s.Steps[i].Due)
	}
	return wake
}

// lockDue is when it has waited too long for its locks, or zero.
func (s *State) lockDue() time.Time {
	if s.Extra == nil || s.Extra.Locks == nil {
		return time.Time{}
	}
	return s.Extra.Locks.Due
}

// TimerAt returns the earliest time at which something is due that is not a held
// command, or zero: a gate says when those may go.
func (s *State) TimerAt() time.Time {
	wake := s.Deadline
	if !s.Paused.IsZero() {
		return wake
	}
	wake = earliest(wake, s.Extras().Begin)
	wake = earliest(wake, s.lockDue())
	for i := range s.Steps {
		if st := &s.Steps[i]; st.Phase != Held && st.Phase != UndoHeld {
			wake = earliest(wake, st.Due)
		}
	}
	return wake
}

// attend adds a reason for attention, once for each reason and step, and
// reports whether it is new.
func (s *State) attend(a Attention) bool {
	same := func(b Attention) bool { return b.Reason == a.Reason && b.Step == a.Step }
	if slices.ContainsFunc(s.Attention, same) || s.enough(a.Step) {
		return false
	}
	a.Text = Clip(a.Text)
	s.Attention = append(slices.Clip(s.Attention), a)
	return true
}

// Blocked reports whether the saga takes no messages until an operator looks: an event
// could not be decided (TransitionFailed). Its deadline turns it back all the same.
func (s *State) Blocked() bool {
	return slices.ContainsFunc(s.Attention, func(a Attention) bool { return a.Reason == TransitionFailed })
}

// enough reports whether so many items of a step ask for attention that one more would
// tell nobody anything new. It asks again when it fails again.
func (s *State) enough(item string) bool {
	step, _, isItem := strings.Cut(item, "[")
	n := 0
	for _, a := range s.Attention {
		if isItem && strings.HasPrefix(a.Step, step+"[") {
			n++
		}
	}
	return n >= maxItemAttention
}

// unblock removes the attention that keeps a saga from taking messages: somebody
// has decided how it goes on.
func (s *State) unblock() {
	failed := func(a Attention) bool { return a.Reason == TransitionFailed }
	s.Attention = slices.DeleteFunc(slices.Clone(s.Attention), failed)
	if len(s.Attention) == 0 {
		s.Attention = nil // as it is read back from the store
	}
}

// calm removes the reasons for attention that concern a step.
func (s *State) calm(step string) {
	about := func(a Attention) bool { return a.Step == step && step != "" }
	if !slices.ContainsFunc(s.Attention, about) {
		return
	}
	s.Attention = slices.DeleteFunc(slices.Clone(s.Attention), about)
	if len(s.Attention) == 0 {
		s.Attention = nil // as it is read back from the store
	}
}
