package breaker

import (
	"fmt"
	"time"
)

// Key names one breaker: a participant and the direction of the commands to it.
type Key struct {
	Participant string
	Undo        bool
}

// Direction is "do" or "undo".
func (k Key) Direction() string {
	if k.Undo {
		return "undo"
	}
	return "do"
}

// String is the participant and the direction: "payments/undo".
func (k Key) String() string { return k.Participant + "/" + k.Direction() }

// compare orders by participant, do before undo.
func (k Key) compare(other Key) int {
	switch {
	case k == other:
		return 0
	case k.Participant < other.Participant, k.Participant == other.Participant && !k.Undo:
		return -1
	}
	return 1
}

// State is that of one breaker. Greater is worse.
type State int

// The states of a breaker.
const (
	Closed   State = iota // all pass
	HalfOpen              // probes pass
	Open                  // nobody passes
)

var stateNames = [...]string{Closed: "closed", HalfOpen: "half-open", Open: "open"}

// String is "closed", "half-open" or "open".
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", int(s))
	}
	return stateNames[s]
}

// MarshalText gives the state as its String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText gives.
func (s *State) UnmarshalText(text []byte) error {
	for state, name := range stateNames {
		if name == string(text) {
			*s = State(state)
			return nil
		}
	}
	return fmt.Errorf("breaker: %q is no state; use closed, half-open or open", text)
}

// Outcome is what became of a command that had a permit.
type Outcome int

// The outcomes of a command.
const (
	// Excluded says nothing about the participant: the command was not sent after
	// all, or its answer is somebody else's to see. The zero value.
	Excluded Outcome = iota
	// Success is any answer of a healthy participant, a refusal for business
	// reasons included.
	Success
	// Failure is a technical one: no answer in time, or the participant says that
	// it could not do its work.
	Failure
)

// Status is one breaker at one moment.
type Status struct {
	Participant string `json:"participant"`
	Direction   string `json:"direction"`
	State       State  `json:"state"`
	// Since is when it entered this state.
	Since time.Time `json:"since"`
	// Held is the number of items that wait, and OldestHeld since when the first
	// of them does; zero without any.
	Held       int       `json:"held"`
	OldestHeld time.Time `json:"oldest_held,omitzero"`
	// Rate is the limit of the ramp under way in commands a second; 0 without one.
	Rate int `json:"rate"`
	// InFlight is the number of permits out.
	InFlight int `json:"in_flight"`
	// Requests, Successes and Failures are the outcomes in the window; while the
	// breaker is not closed, those that opened it.
	Requests  int `json:"requests"`
	Successes int `json:"successes"`
	Failures  int `json:"failures"`
}
