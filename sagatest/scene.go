package sagatest

import (
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/script"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// Saga is a saga of either kind: a *saga.Machine, which saga.Compile makes of a
// declared definition, or a *saga.Code, which code.Func makes of a function.
type Saga = script.Saga

// TB is what a test has: *testing.T, *testing.B, *rapid.T.
type TB interface {
	// Helper marks the caller as one that fails a test for another.
	Helper()
	// Logf writes to the test's log.
	Logf(format string, args ...any)
	// Errorf fails the test.
	Errorf(format string, args ...any)
	// Fatalf fails the test and ends it.
	Fatalf(format string, args ...any)
}

// Scene is what is given to a saga, what happens, and what must become of it. Its words
// are those of scripts (docs/def-test.md). The zero value starts a saga with {} whose
// participants succeed at once, and expects nothing.
type Scene struct {
	Name   string        // Name says what it shows; may be empty.
	Start  time.Time     // Start is when the saga begins. Default 2026-01-01 in UTC.
	Until  time.Duration // Until is when the scene ends though the saga has not. Default: when nothing more happens.
	Input  any           // Input is the saga's, as JSON. Default {}.
	Cues   []Cue         // Cues are what others do.
	Expect Expect        // Expect is what must become of it.

	// Answers are the participants', by STEP, or STEP/undo for its compensation. Each
	// attempt takes the first answer that is not used up and whose When holds; the last
	// one of those whose When holds is repeated. Each item of a list, and each time that
	// a function comes to a step, has attempts of its own. A step without any succeeds
	// with {}; a child saga is answered as it ends.
	Answers map[string][]Answer
}

// Answer is how a participant answers an attempt. The zero value succeeds at once with
// {}.
type Answer struct {
	Output  any           // Output is the payload of a success, as JSON. Default {}.
	Reject  string        // Reject, if set, is a business no, and why.
	Fail    string        // Fail, if set, is a technical failure, and why.
	Silent  bool          // Silent: nobody answers.
	After   time.Duration // After is how long it takes; longer than the step's timeout it is late.
	Ongoing time.Duration // Ongoing is how often the participant says until then that it is at work. Default never.
	Times   int           // Times is for how many attempts it holds. Default 1.

	When func(saga.Command) bool            // When chooses the commands that it is for: Input, Holds. Default all.
	Make func(saga.Command) (Answer, error) // Make, if set, makes the answer of the command: With. An error fails the test.
}

// Cue is what somebody does at a moment.
type Cue struct {
	At      time.Duration // At is when, from the saga's start; unless When is set.
	When    string        // When is the moment at which a step is first in a phase, such as sign asking.
	Do      Act           // Do is what is done. Required.
	By      string        // By is who does it, such as user:anna. Default somebody who may do everything.
	Groups  []string      // Groups are theirs, such as group:desk.
	Refused string        // Refused is the refusal that must answer it: past-pivot, ended, not-now, not-yours or invalid. Default none.
}

// Expect is what must become of a saga. What is not set is not looked at.
type Expect struct {
	Status     saga.Status           // Status is the saga's.
	Cause      string                // Cause is a part of why it turned back.
	Steps      map[string]saga.Phase // Steps are the phases of steps.
	Commands   []Command             // Commands are all commands in the order of their sending, attempts included.
	History    []string              // History are all events in their order: started, succeeded of do flight, woke, as a failure's story tells them.
	Output     any                   // Output is what the saga's output holds, as JSON.
	Attributes any                   // Attributes are what its attributes hold, as JSON.
	Attention  []string              // Attention are all reasons for attention with their steps, such as pivot-unknown charge; empty, not nil: none.
	WaitingFor []string              // WaitingFor is what it waits for, such as signal; empty, not nil: nothing.
	Took       time.Duration         // Took is how long it took by the virtual clock, exactly.
	AtLeast    time.Duration         // AtLeast is how long it took at least.
	AtMost     time.Duration         // AtMost is how long it took at most.
}

// Command is a command that must have been sent: Do or Undo is required.
type Command struct {
	Do      string        // Do is the step that was done, ship[2] for an item of a list.
	Undo    string        // Undo is the step that was undone.
	Attempt int           // Attempt is the attempt. Default any.
	At      time.Duration // At is when it was sent, from the saga's start. Default at any time.
	Input   any           // Input is what its input holds, as JSON. Default anything.
}

// Played is a scene that was played, for whatever else is to be looked at.
type Played struct {
	State   saga.State    // State is the saga's in the end.
	History saga.History  // History are its events.
	Sent    []stage.Sent  // Sent are its commands, in the order in which they were sent.
	Took    time.Duration // Took is how long it took by the virtual clock.
	Next    saga.Payload  // Next is the input with which the saga has continued as new; without Data if it has not.
	Story   []string      // Story is what happened, a line for each event and command.
}
