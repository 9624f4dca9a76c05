package saga

import (
	"encoding/json"
	"time"
)

// What only few events, sagas or steps have lies behind one pointer, so that the
// others do not pay for it with memory, and the collector not with time. An Extra
// is shared by the copies of what has it: it is replaced, never changed.

// EventExtra is what few events say. Every reply does without.
type EventExtra struct {
	// Held lists the ways that the gate of whoever decides has closed for this
	// saga: commands on them become held, burn no attempt and start no clock, and
	// are released by a wake (DESIGN.md 6.9).
	Held []Way
	// Passed lists the steps whose commands the gate has let through although it has
	// closed their way to others: a ramp lets some of a step's items go.
	Passed []StepRef
	// Healthy is, in a Woke, since when the way to the participants and back has
	// been whole. A command whose time ran while it was not gets its whole
	// timeout again: our own outage is not the participant's (DESIGN.md 6.2).
	Healthy time.Time
	// Definition, Version and Level are, in a Started, what the saga is pinned
	// to.
	Definition, Version string
	Level               int
	// Key is, in a Started, the business key, empty without one; in a Granted, the lock.
	Key string
	// Begin is, in a Started, when the first steps begin; zero, or passed: at once.
	Begin time.Time
	// Trace is, in a Started, the traceparent of whoever started the saga, or
	// empty: the saga's trace links to it.
	Trace string
	// Family is, in the Started of a child, who its parent is; else nil.
	Family *Family

	// Chain is, in the Started of a run that continues another, which one it is;
	// else nil.
	Chain *Chain
	// Carried are, in it, the signals that the run before has had and not taken.
	Carried []Carried

	// Signal is a Signalled's name.
	Signal string
	// Update is an Updated's name.
	Update string
	// Groups are, in a Decided, those that its actor belongs to; see Everyone.
	Groups []string

	// Asked is, with a saga that is code, what the function has asked for when it
	// was told of the event. It is filled in when the event is stored.
	Asked []Asked
}

// Extras returns what the event has of EventExtra, to be read.
func (e *Event) Extras() EventExtra {
	if e.Extra == nil {
		return EventExtra{}
	}
	return *e.Extra
}

// Own gives the event an Extra of its own, to be written to.
func (e *Event) Own() *EventExtra {
	extra := e.Extras()
	e.Extra = &extra
	return e.Extra
}

// StateExtra is what few sagas have.
type StateExtra struct {
	Begin      time.Time        // Begin is when the first steps begin; zero once they have.
	Key        string           // Key is the business key; empty without one.
	Attributes []AttributeValue // Attributes are what the saga can be found by.
	Label      *Label           // Label is what people know it by and how it is treated; nil: nothing was said.
	Output     json.RawMessage  // Output is the saga's, once it is completed and if its definition makes one.
	Signals    []KeptSignal     // Signals came before the steps that await them, in the order of arrival.
	Assigned   string           // Assigned is who looks after what it needs attention for, user:NAME or group:NAME; empty: nobody yet.
	Reset      int              // Reset is the step that a reset goes back to, counted from 1, while it is under way; else 0.
	Heeds      []Heed           // Heeds are what was said of its reasons for attention.
	Plan       *Plan            // Plan is what the function of a saga that is code has asked for; nil for a declared one.
	Spreads    []Spread         // Spreads are the steps that run for each item, in the order in which they began.
	Locks      *Locks           // Locks are what it has, or waits for; nil: none.
	Family     *Family          // Family says who its parent is; nil without one.
	Chain      *Chain           // Chain says which run of a chain it is; nil: it is none.
	Taken      []Taken          // Taken are the updates that it has taken last, at most 128, in their order.
}

// Extras returns what the saga has of StateExtra, to be read.
func (s *State) Extras() StateExtra {
	if s.Extra == nil {
		return StateExtra{}
	}
	return *s.Extra
}

// Own gives the state an Extra of its own, to be written to.
func (s *State) Own() *StateExtra {
	extra := s.Extras()
	s.Extra = &extra
	return s.Extra
}

// drop forgets what only a saga has that goes forward.
func (s *State) drop() {
	if x := s.Extra; x != nil && (!x.Begin.IsZero() || x.Signals != nil || x.Reset != 0) {
		extra := s.Own()
		extra.Begin, extra.Signals, extra.Reset = time.Time{}, nil, 0
	}
}

// empty reports whether there is nothing in it: then a state has none, as it is
// read back from the store.
func (x *StateExtra) empty() bool {
	return x.Begin.IsZero() && x.Key == "" && x.Attributes == nil && x.Output == nil && x.Signals == nil && x.Label == nil &&
		x.Assigned == "" && x.Heeds == nil && x.Plan == nil && x.Spreads == nil && x.Family == nil && x.Chain == nil && x.Taken == nil && x.Reset == 0 && x.Locks == nil
}

// tidy removes an Extra that says nothing.
func (s *State) tidy() {
	if s.Extra != nil && s.Extra.empty() {
		s.Extra = nil
	}
}

// StepExtra is what few steps have.
type StepExtra struct {
	Signal   string    // Signal is the name of the signal that has ended the step, if one has.
	Answer   int64     // Answer is the Seq of that signal's event.
	Until    time.Time // Until is when its attempt under way is over, however often it says that it is at work; zero: never.
	Progress *Progress // Progress is what its participant has said last; nil: nothing, or it is over.
	Again    int       // Again is how often a reset has let the step begin anew: its commands' StepRef.Visit.
	Edit     *Edit     // Edit is what an operator has written for the step's input; nil: it is mapped.
	Child    ID        // Child is the last saga that was begun to carry out the step; zero without one, and in an item: see State.Child.
	Lost     bool      // Lost: that child was abandoned, so it will never say how it ends.
}

// Extras returns what the step has of StepExtra, to be read.
func (s *StepState) Extras() StepExtra {
	if s.Extra == nil {
		return StepExtra{}
	}
	return *s.Extra
}

// Own gives the step an Extra of its own, to be written to.
func (s *StepState) Own() *StepExtra {
	extra := s.Extras()
	s.Extra = &extra
	return s.Extra
}
