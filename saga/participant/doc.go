// Package participant is the Go SDK of the services that carry the steps of a
// saga out: it reads commands from Kafka, runs the handlers that are registered
// for them, and answers.
//
// With a database, a handler runs in a transaction of the participant's own
// Postgres, which also holds a guard row, and the reply in an outbox. So its
// effects happen once, whatever is delivered twice, late, or in the wrong order.
//
// # The guard
//
// The guard has one row per (saga, step[index]#visit). A command is compared with
// it by (incarnation, epoch):
//
//	row       | command | lower  | same    | higher
//	none      | do      | run    | run     | run
//	none      | undo    | entomb | entomb  | entomb
//	done      | do      | stale  | repeat  | repeat, "older-input"
//	done      | undo    | stale  | run     | run
//	rejected  | do      | stale  | repeat  | run
//	rejected  | undo    | stale  | nothing | nothing
//	undone    | do      | stale  | refuse  | refuse
//	undone    | undo    | stale  | repeat  | repeat
//	tombstone | do      | stale  | refuse  | refuse
//	tombstone | undo    | stale  | repeat  | repeat
//
// What the words mean:
//
//   - run: the handler runs. A do that succeeds leaves done, one that is refused
//     (Reject) leaves rejected and none of the handler's work, an undo leaves undone.
//   - entomb: a tombstone is stored and the undo answered succeeded, "nothing to
//     undo", without its handler (but see Config.UndoUnknown).
//   - nothing: undone is stored and the undo answered succeeded, "nothing to undo",
//     without its handler: a refused do has left nothing.
//   - repeat: the stored answer is given again. A higher position is stored.
//   - stale: answered rejected, "stale epoch"; nothing is stored.
//   - refuse: answered rejected, "undone"; nothing is stored.
//
// A rejection is sticky: without that, a second attempt that lies in a queue
// could succeed after the saga has gone on to compensate.
//
// # What is not an answer
//
// Any other error of a handler, and a panic, is technical: its work is rolled
// back, the guard stays as it was, and the answer is failed with the error's text
// as its reason. Only the coordinator retries; here only a transaction that lost
// against another one (SQLSTATE 40001, 40P01) runs again, twice at most.
//
// While the participant's own database or broker is away nothing is answered and
// nothing acknowledged; the commands wait in Kafka.
//
// What can never be handled becomes a dead letter, byte for byte, on the topic's
// .dlt: headers that break the contract, another participant's command, a command
// without a handler, JSON that does not fit the handler's type. It is not
// answered: after its timeout the coordinator sends the command again, and a
// program that can handle it by then heals the saga; else the step's attempts run
// out as if the participant had been silent.
package participant
