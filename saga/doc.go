// Package saga is the pure core of Unwind: what a saga is, and how each event
// moves it. It has no clock, no randomness, no goroutine and no I/O. Production,
// replay, the simulator and dry-runs all call the same function, Machine.Decide.
//
// # What a saga is
//
// A business flow that spans several services cannot be one transaction. A saga
// makes it a row of steps, each one transaction of one service, and gives each
// step a compensation that undoes it. Either every step is done, or what was done
// is undone: nothing is left half-way.
//
//	flight ──► hotel ──► pay (pivot) ──► mail (retriable)
//	   ◄── undo ──┘
//
// Before the pivot a refusal turns the saga back, and compensations run in
// reverse order. The pivot is the last step that may be refused. Behind it there
// is no way back: what is left is tried until it succeeds.
//
// # Ten minutes
//
// A [Definition] is data. [Compile] checks all of it at once and returns a
// [Machine], or [Faults] that say where, what and the cure:
//
//	machine, err := saga.Compile(saga.Definition{Name: "bookTrip", Version: "r1", Steps: []saga.Step{
//		{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"},
//		{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot},
//	}})
//
// [Machine.Decide] takes a [State] and an [Event] and returns the next state and
// the effects: the commands to send.
//
//	state, effects, err := machine.Decide(saga.State{ID: id}, nil, saga.Event{
//		Kind: saga.Started, At: now, Extra: &saga.EventExtra{Definition: "bookTrip", Version: "r1", Level: saga.Level},
//		Payload: saga.JSON(input),
//	})
//
// Whoever calls it stores state and event in one transaction, together with the
// commands as rows of an outbox, and only then sends ([Event.Stored] is the form
// for the history). A participant's [Reply] comes back as an event
// ([ReplyEvent]); at [State.WakeAt] a [Woke] event is due. An event that changes
// nothing leaves [State].Seq as it was and is not stored. [Machine.Replay] makes
// the same state from the history alone.
//
// State is small: it keeps inputs and outputs only if a later expression reads
// them, and only up to [InlineMax]. When a larger one is needed Decide answers
// [ErrNeedHistory]; load the history and call it again.
//
// # What a reply means
//
// A participant says succeeded, rejected (a business no: turn back), failed (a
// technical error: it may have run, try again) or ongoing (it takes longer). No
// answer in time means unknown: the same command is sent again, with the same id
// and a higher attempt. When the attempts are spent the step is compensated as
// one that may have run; participants therefore accept an undo of what they never
// did, and refuse a do that comes after its undo.
//
// Which reply counts is a matter of the epoch. It rises when a step is reversed,
// never on a retry: an answer to any attempt of the present epoch counts, one of
// an older epoch changes nothing. What says "again" or "not yet" counts only from
// the attempt under way.
//
// A branch that is refused while its sibling is under way waits for the sibling's
// answer, for at most its time; then what was done is undone in waves, the
// reverse of the graph. A compensation never gives up: it backs off, asks for
// attention, and goes on. So does a pivot without an answer, since undoing a
// payment that may have been made, or keeping one that may not, are both wrong.
//
// The stories in testdata show each of these rules, event by event.
//
// # Words
//
//   - saga: one run of a definition. definition: the steps, as data.
//   - step: one command to one participant, and its compensation.
//   - pivot: the point of no return. retriable: a step behind it.
//   - participant: a service that runs commands. command: do or undo of a step.
//   - reply: a participant's answer. outcome: what it says.
//   - attempt: counts the sends of one command, from 1.
//   - epoch: counts the turns of a step (its do, its undo), from 1; fences replies.
//   - held: decided but not sent, because whoever decided may not send.
//   - wake: the time at which some wait ends.
//   - paused: nothing is sent until an operator resumes the saga.
//   - attention: a reason why a person should look; other steps go on.
//   - compensated: ended with nothing left done. completed: ended with all done.
package saga
