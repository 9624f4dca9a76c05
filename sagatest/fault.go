package sagatest

// Fault is a kind of trouble that the simulator can make.
type Fault string

// The faults. A seed arms at least three of them.
const (
	abort             Fault = "abort"               // a transaction is aborted and tried again
	crashBeforeCommit Fault = "crash-before-commit" // nothing of the batch is kept
	crashAfterCommit  Fault = "crash-after-commit"  // all of it is kept, nobody knows
	unknownKept       Fault = "commit-unknown-kept" // COMMIT fails and was done
	unknownLost       Fault = "commit-unknown-lost" // COMMIT fails and was not done
	kill              Fault = "kill"                // the coordinator dies at any time
	publishWritten    Fault = "publish-written"     // publishing fails, the record was written
	publishLost       Fault = "publish-lost"        // publishing fails, nothing was written
	ackLost           Fault = "ack-lost"            // a sent row is not deleted, so it is sent again
	duplicateCommand  Fault = "duplicate-command"   // a command comes again, perhaps much later
	lateCommand       Fault = "late-command"        // a command takes longer than its timeout
	duplicateReply    Fault = "duplicate-reply"     // a reply comes again, perhaps much later
	lateReply         Fault = "late-reply"          // a reply takes longer than the timeout
	busOutage         Fault = "bus-outage"          // nothing goes through for a while
	silence           Fault = "silence"             // a participant does nothing for a while
	slowHandler       Fault = "slow-handler"        // a handler takes longer than the timeout
	technicalFailure  Fault = "technical-failure"   // a handler fails and does nothing
	failedButDone     Fault = "failed-but-done"     // a handler says failed, and has done it
	undoFailure       Fault = "undo-failure"        // a compensation fails
	undoRefused       Fault = "undo-refused"        // a compensation is rejected
	retriableRefusal  Fault = "retriable-refusal"   // a step behind the pivot is rejected, this once
	redelivery        Fault = "redelivery"          // a participant dies between commit and acknowledgement
	forgedReply       Fault = "forged-reply"        // a reply that nobody was asked for
	undeliverable     Fault = "undeliverable"       // a command can never be sent, and is dropped
	clockBack         Fault = "clock-back"          // the database's clock steps back a little
	breakerOpen       Fault = "breaker-open"        // commands to a participant are held for a while
	mailAgain         Fault = "mail-again"          // a message from one saga to another comes twice
)

var faults = []Fault{
	abort, crashBeforeCommit, crashAfterCommit, unknownKept, unknownLost, kill, publishWritten, publishLost, ackLost,
	duplicateCommand, lateCommand, duplicateReply, lateReply, busOutage, silence, slowHandler, technicalFailure, failedButDone,
	undoFailure, undoRefused, retriableRefusal, redelivery, forgedReply, undeliverable, clockBack, breakerOpen, mailAgain,
}

// Mutant is something that is broken on purpose, to prove that the checker can
// fail.
type Mutant string

// The mutants. Each is caught by an invariant.
const (
	NoTombstone       Mutant = "no-tombstone"        // NoTombstone: an undo of what was not done leaves no trace.
	NoStoredReply     Mutant = "no-stored-reply"     // NoStoredReply: a repeated do runs again.
	NoStickyRejection Mutant = "no-sticky-rejection" // NoStickyRejection: a rejected do may succeed later.
	UnknownNotDone    Mutant = "unknown-not-done"    // UnknownNotDone: a step of unknown outcome is not undone.
	PivotUnknownIsNo  Mutant = "pivot-unknown-is-no" // PivotUnknownIsNo: a pivot that does not answer counts as refused.
	UndoAllAtOnce     Mutant = "undo-all-at-once"    // UndoAllAtOnce: compensations do not wait for each other.
	NoEpoch           Mutant = "no-epoch"            // NoEpoch: any reply answers what the step waits for.
	NoToken           Mutant = "no-token"            // NoToken: forged replies are let through.
	WakesLost         Mutant = "wakes-lost"          // WakesLost: a restarted coordinator does not rebuild its wakes.
	PublishFirst      Mutant = "publish-first"       // PublishFirst: commands are sent before the commit.
	HistoryGap        Mutant = "history-gap"         // HistoryGap: now and then an event is not stored.
	OutageIsTimeout   Mutant = "outage-is-timeout"   // OutageIsTimeout: our own outage counts as the participant's.
	HeldIsAttempt     Mutant = "held-is-attempt"     // HeldIsAttempt: a command that the gate keeps back counts as an attempt.
	LockKept          Mutant = "lock-kept"           // LockKept: a saga that has ended keeps its locks.
	GrantToAll        Mutant = "grant-to-all"        // GrantToAll: a lock is granted to whoever asks.
)

// Mutants lists every mutant.
var Mutants = []Mutant{
	NoTombstone, NoStoredReply, NoStickyRejection, UnknownNotDone, PivotUnknownIsNo, UndoAllAtOnce, NoEpoch, NoToken, WakesLost,
	PublishFirst, HistoryGap, OutageIsTimeout, HeldIsAttempt, LockKept, GrantToAll,
}
