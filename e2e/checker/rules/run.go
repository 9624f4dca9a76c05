package rules

import (
	"fmt"
	"time"
)

// Run is what a run has left behind. What is nil was not looked at, and nothing is
// said about it.
type Run struct {
	Definitions map[Pin]Definition // Definitions are those that sagas are pinned to.
	Sagas       []Saga             // Sagas are all sagas.
	Events      []Event            // Events are all histories; those of a saga are in order.
	Keys        []Key              // Keys are the idempotency keys of starts.
	Taken       []string           // Taken names the sagas that have a business key, once for each.
	Queues      []Queued           // Queues are the queues of the locks.
	Mail        []string           // Mail names the sagas that have messages waiting beside them.
	Unsent      []string           // Unsent describes each row that an outbox still has.

	Topics   bool             // Topics: the topics were read, from offset 0.
	Commands []Command        // Commands are the records of the command topics; those of a partition are in order.
	Replies  map[Reply]bool   // Replies are the answers on the reply topics.
	Letters  []Letter         // Letters are the dead letters, in Postgres and in topics.
	Records  map[Place]Digest // Records are those that dead letters say they are.
	Told     []Told           // Told are the records that tell of the ends of sagas.
	Happened []Happened       // Happened are the records of the topics that definitions listen to.

	Ledgers map[string]bool // Ledgers names the participants whose ledgers were read.
	Effects []Effect        // Effects are the rows of these ledgers.

	Starts        []Start // Starts are those that were acknowledged to clients.
	NoDeadLetters bool    // NoDeadLetters: the run had nothing that could become one.
}

// Pin names a version of a definition.
type Pin struct{ Namespace, Name, Version string }

// Definition is what a saga's steps are.
type Definition struct {
	Steps    []Step        // Steps are in the order written.
	Code     bool          // Code: it has none written down; its events say what its function has asked for.
	Locked   bool          // Locked: it takes locks before its first steps.
	Deadline time.Duration // Deadline is when a saga turns back that is late, after its start; 0: never.
	OnEnd    *OnEnd        // OnEnd is the event that goes out when a saga ends; nil: none does.
	StartOn  *StartOn      // StartOn says which records start a saga; nil: none does.
}

// The kinds of steps.
const (
	Compensable = "compensable" // Compensable: it can be undone, or needs no undoing.
	Pivot       = "pivot"       // Pivot: once it is done there is no way back.
	Retriable   = "retriable"   // Retriable: it comes after the pivot and is tried until it is done.
)

// Local is the participant of steps that run inside the coordinator: their commands
// are in no topic.
const Local = "local"

// Step is one step of a definition.
type Step struct {
	Name          string     // Name is the step's.
	Participant   string     // Participant runs it.
	Kind          string     // Kind is Compensable, Pivot or Retriable.
	After         []string   // After names the steps that must be over before.
	Conditional   bool       // Conditional: it may be skipped.
	Compensation  string     // Compensation is the command that undoes it; empty: there is none.
	Uncompensated bool       // Uncompensated: its effect may stay, the definition says why.
	Do, Undo      Policy     // Do and Undo are its times.
	Child         *ChildStep // Child is the saga that carries it out; nil: none does.
	Wait          *Wait      // Wait is what it waits for instead of a command; nil: it has one.
	Each          int        // Each is how many items may be under way at once, of a step that runs for each item of a list; 0: it runs once.
}

// Policy says how long an attempt may take and how it is tried again.
type Policy struct {
	Timeout, Backoff, Cap time.Duration
	Heartbeat             time.Duration // Heartbeat is how often an attempt has to be heard; then Timeout is that of the whole attempt, and 0 is none.
	Attempts              int           // Attempts is how many there are; 0: no limit.
}

// The statuses of a saga, as Postgres has them.
const (
	Running      = 1 // Running goes forward.
	Compensating = 2 // Compensating goes in reverse.
	Completed    = 3 // Completed: every step is done or skipped.
	Compensated  = 4 // Compensated: every effect is undone.
	Abandoned    = 5 // Abandoned: somebody ended it as it was.
)

// Saga is a saga's row.
type Saga struct {
	ID        string
	Pin       Pin
	Status    int
	Attention []string // Attention are the reasons why an operator should look.
	Seq       int64    // Seq is the number of its last event.
}

// The kinds of events.
const (
	Started       = "started"       // Started is the first event.
	Replied       = "replied"       // Replied is a participant's answer.
	Woke          = "woke"          // Woke says that time has passed.
	Cancelled     = "cancelled"     // Cancelled is a wish to turn back.
	Paused        = "paused"        // Paused: nothing may be sent until Resumed.
	Resumed       = "resumed"       // Resumed ends Paused.
	Retried       = "retried"       // Retried ends the rest of Step, or of every step.
	StepSkipped   = "skipped"       // StepSkipped: Step is over without its command, or keeps its effect.
	StepResolved  = "resolved"      // StepResolved: Step is done, as somebody says.
	StepEdited    = "edited"        // StepEdited: Step has another input and is sent anew.
	Reset         = "reset"         // Reset: Step and what comes after it is undone and begins anew.
	Terminated    = "terminated"    // Terminated ends the saga as it is.
	Signalled     = "signalled"     // Signalled: a signal has come.
	Decided       = "decided"       // Decided: somebody has decided the approval Step.
	Granted       = "granted"       // Granted: the saga has a lock.
	ChildEnded    = "childEnded"    // ChildEnded: the child of Step has ended.
	Reversed      = "reversed"      // Reversed: the parent turns its child back.
	Undeliverable = "undeliverable" // Undeliverable says that a command can never be written.
)

// The directions of a command.
const (
	Do   = "do"   // Do carries a step out.
	Undo = "undo" // Undo compensates it.
)

// The outcomes of a reply.
const (
	Succeeded = "succeeded" // Succeeded: done, or undone.
	Rejected  = "rejected"  // Rejected: refused, nothing was done.
	Failed    = "failed"    // Failed: it may have been done.
	Ongoing   = "ongoing"   // Ongoing: it takes longer.
)

// Event is one event of a saga's history.
type Event struct {
	Saga            string
	Seq             int64
	At              time.Time
	Kind            string
	Step, Direction string // Step and Direction say what a reply answers; empty in others.
	Attempt, Epoch  int
	Outcome         string
	Begin           time.Time // Begin is, in a Started, when the first steps may begin.
	Family          *Family   // Family is, in a child's Started, who its parent is.
	Lock            string    // Lock is, in a Granted, the key.
	Signal          string    // Signal is the name of a signal; one that begins with @ is an event for the step behind it.
	RequestID       string    // RequestID says who asked for a verb, or which record brought an event.
	Value           uint64    // Value is, in a Signalled, the 64-bit FNV-1a of its payload; 0: unknown.
	From            string    // From is the participant that answered; empty: unknown.
	Hold            bool      // Hold: whoever decided may not send.
	Held            []string  // Held are the ways, participant/direction, that were closed.
	Healthy         time.Time // Healthy is since when messages have got through, in a wake.
	Sent            []Sent    // Sent are the commands that it sent.
	Asked           []string  // Asked is what the function of a saga that is code has asked for with it.
}

// Command is a record of a command topic.
type Command struct {
	Place           Place
	Saga            string
	Step, Direction string
	Participant     string
	Name            string
	Attempt, Epoch  int
	Hash            uint64 // Hash is the 64-bit FNV-1a of its value; 0 when a codec has changed the value.
	Redriven        bool   // Redriven: an operator has sent it again.
}

// Reply is what a record of a reply topic says.
type Reply struct {
	Saga, Step, Direction string
	Attempt, Epoch        int
	Outcome               string
}

// Place is where a record lies.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns topic/partition at offset n.
func (p Place) String() string {
	return fmt.Sprintf("%s/%d at offset %d", p.Topic, p.Partition, p.Offset)
}

// Digest is a hash of a record's key, value and headers.
type Digest [32]byte

// Letter is a dead letter.
type Letter struct {
	Where   string // Where says where the letter is.
	Source  Place  // Source is its record; one with partition -1 was never written.
	Digest  Digest // Digest is that of the record as the letter keeps it.
	Command string // Command is the command that it was, saga/step/direction, if it was one.
}

// Effect is a row of a participant's ledger: what really happened.
type Effect struct {
	Participant     string
	Saga            string
	Step, Direction string
	At              time.Time
}

// Start is a start that was acknowledged.
type Start struct {
	Key string `json:"key"`
	ID  string `json:"id"`
}

// Key is a row of the idempotency keys.
type Key struct{ Namespace, Key, Saga string }
