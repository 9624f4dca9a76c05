package coordinator

import (
	"context"
	"errors"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// Store keeps sagas. Package sagapg implements it on Postgres.
type Store interface {
	// Begin opens a transaction: it fences the buckets, locks and loads the
	// sagas in the order of their ids, claims start keys and reads the clock, in
	// one round trip. The caller ends it with Commit or Abort.
	//
	// With load.At nothing is asked before Commit, and the batch can be asked for
	// nothing but its time, At. Then Commit does all of it in its one round trip
	// and answers ErrStale where load.Known or At is not what the database says.
	Begin(ctx context.Context, load Load) (Batch, error)
	// Wakes lists the active sagas of a bucket with their due times, in pages
	// by id: those after the given id, at most limit.
	Wakes(ctx context.Context, bucket int, after saga.ID, limit int) ([]Wake, error)
	// FarWakes lists the sagas of the buckets that somebody else wants woken.
	FarWakes(ctx context.Context, buckets []int, limit int) ([]Wake, error)
	// Mail returns the messages that lie beside the buckets' sagas, those of a saga in
	// order, in pages: those that come after the given one, at most limit.
	Mail(ctx context.Context, buckets []int, after Mail, limit int) ([]Mail, error)
	// Now reads the database's clock.
	Now(ctx context.Context) (time.Time, error)
}

// What a Store's errors may wrap. Any other error means that nothing was
// committed and that trying again may help.
var (
	// ErrLeaseLost says that a bucket has a new owner. Nothing was written.
	ErrLeaseLost = lease.ErrLost
	// ErrUnknownOutcome says that the commit may or may not have happened.
	ErrUnknownOutcome = errors.New("the outcome of the commit is unknown")
	// ErrStale says that what the caller had in memory, a state or its epoch, is
	// not what is stored. Nothing was written.
	ErrStale = errors.New("it was decided from what is not true any more")
	// ErrGuilty says that the data of one saga of the batch cannot be stored
	// (SQLSTATE class 22, 23 or 54). Nothing was written.
	ErrGuilty = errors.New("the batch holds data that cannot be stored")
)

// Load says what a batch needs.
type Load struct {
	Held   []lease.Held // Held are the buckets to fence; none for a verb on a node that does not own the bucket.
	Sagas  []saga.ID    // Sagas are to be locked and loaded. Unknown ones are left out of the answer.
	Unique []Unique     // Unique are the business keys to claim, after Claims.
	Claims []Claim      // Claims are the start keys to claim.
	Known  []Known      // Known are sagas whose state the caller has, sorted by id: they are locked and compared. Needs At.
	At     time.Time    // At is the caller's estimate of the database's clock, within a second; zero asks for it. See Store.Begin.
}

// plain reports whether nothing has to be asked but for sagas. What is added to
// Load belongs in here.
func (l *Load) plain() bool { return len(l.Unique)+len(l.Claims) == 0 }

// Known is the state of a saga that its owner has in memory. Seq stands for it:
// whoever changes a stored state without an event must not be a batch.
type Known struct {
	Saga saga.ID // Saga is the saga.
	Seq  int64   // Seq is the state's.
}

// Claim wants a start key for a new saga.
type Claim struct {
	Namespace string   // Namespace is the tenant.
	Key       string   // Key is the client's idempotency key.
	Hash      [32]byte // Hash is that of everything the start says.
	Saga      saga.ID  // Saga is the new saga's id.
}

// Batch is an open transaction.
type Batch interface {
	// Now is the database's clock when the batch was opened; with Load.At, that
	// until Commit.
	Now() time.Time
	// Saga returns a loaded saga.
	Saga(id saga.ID) (Row, bool)
	// Claimed returns who has a claimed key: the claim itself, if it won.
	Claimed(namespace, key string) Claim
	// Holder returns who has a business key that was to be claimed; place has no
	// saga.
	Holder(place Unique) saga.ID
	// Histories loads the whole histories of sagas of this batch.
	Histories(ctx context.Context, ids []saga.ID) (map[saga.ID]saga.History, error)
	// Commit writes and commits in one round trip. It fills in the outbox ids.
	Commit(ctx context.Context, w *Writes) error
	// Abort ends the transaction without a trace. After Commit it does nothing.
	Abort(ctx context.Context)
}

// Row is a saga as it is stored.
type Row struct {
	Namespace string     // Namespace is the tenant.
	State     saga.State // State is the saga's state.
	Err       error      // Err says why State could not be read, such as one that a newer build wrote; nil as a rule.
}

// EventRow is one event of one saga.
type EventRow struct {
	Saga  saga.ID    // Saga is whose event it is.
	Event saga.Event // Event is as saga.Event.Stored returned it.
}

// Writes is all that a batch writes.
type Writes struct {
	New       []Row            // New are sagas to insert.
	Changed   []Row            // Changed are sagas to update.
	Described []Row            // Described are those of Changed that are found by other things than before.
	Events    []EventRow       // Events are appended to the histories.
	Messages  []outbox.Message // Messages go into the outbox.
	IDs       []int64          // IDs are filled in by Commit, one for each message.
	Sent      []int64          // Sent are the ids of sent outbox rows to delete.
	Unclaim   []Claim          // Unclaim are start keys to give back.
	Free      []Unique         // Free are business keys to give back.
	Hand      []Handed         // Hand are business keys that go to the next run of a chain.
	Keep      []Mail           // Keep are messages to be kept until their saga can take them.
	Tell      []Mail           // Tell are messages of sagas to others; Commit fills in their ids.
	Acquire   []Lock           // Acquire are keys that sagas ask for, in their order.
	Release   []Lock           // Release are keys that sagas give back, or wait for no more.
	Granted   []Mail           // Granted are the messages of keys that Commit has granted, to whoever is first in their queues.
	Folded    []Mail           // Folded are kept messages that are done with.
	Far       []Wake           // Far are wakes that the bucket's owner has to be told of.
	FarDone   []Wake           // FarDone are far wakes that are done with.
	Traced    []Traced         // Traced are traces that have come to their end with this batch and are to be exported.
	Watches   []EventWait      // Watches are steps that wait for an event from now on; what was there of the step is replaced.
	Over      []EventWait      // Over are steps that wait for none any more; those of a step that is among Watches too have been left out.
	Dead      []DeadLetter     // Dead are records that nobody can handle. One that was written before changes nothing.
}

// EventWait is a step that waits for an event.
type EventWait struct {
	Namespace  string  // Namespace is the tenant.
	Definition string  // Definition is the saga's definition.
	Version    string  // Version is the definition's.
	Saga       saga.ID // Saga is the saga.
	Step       string  // Step is the step's name.
	Key        string  // Key is what the event has; see saga.AwaitEvent.
}

// DeadLetter is a record that nobody can handle.
type DeadLetter struct {
	Record record.Record // Record is as it was read. A message that could never be sent has partition -1 and its outbox row's id as offset.
	Class  string        // Class groups reasons, like "undecodable".
	Reason string        // Reason says what is wrong.
	At     time.Time     // At is the batch's clock.
}

// Wake says when a saga is to be woken.
type Wake struct {
	Saga saga.ID   // Saga is the saga.
	At   time.Time // At is when; zero for never.
}

// LockView is one key that a saga has or waits for.
type LockView struct {
	Key     string  // Key is the key.
	Granted bool    // Granted: the saga has it.
	Holder  saga.ID // Holder is who has it.
	Ahead   int     // Ahead is how many are before the saga in the key's queue, the holder among them; at most 1,000.
}

// Mail is a message that lies beside a saga: kept until it can be taken, or from
// another saga.
type Mail struct {
	Saga   saga.ID // Saga is the addressee.
	ID     int64   // ID orders a saga's mail; 0 before it is stored.
	Record []byte  // Record is the message, as encodeMail wrote it.
}

// Definitions finds the deciders of definitions.
type Definitions interface {
	// Decider returns the decider of a version from memory; ok is false when it
	// is not there.
	Decider(namespace, name, version string) (d saga.Decider, ok bool)
	// Load brings a version into memory. It is called outside of transactions.
	// ErrNoDefinition means that this node can never decide it.
	Load(ctx context.Context, namespace, name, version string) error
}

// ErrNoDefinition says that a definition or version does not exist, or cannot be
// read by this build.
var ErrNoDefinition = errors.New("no such definition")

// Admission judges a start that another saga asks for. *intake.Admission
// implements it.
type Admission interface {
	// Admit returns the version to pin, the latest if version is empty, and the
	// business key. It is called outside of transactions. An error that wraps
	// ErrBadStart is final: there will be no such saga.
	Admit(ctx context.Context, namespace, definition, version string, input saga.Payload) (pinned, key string, err error)
}

// Replies is the reply topic. *kafka.Reader implements it.
type Replies interface {
	// Assign begins to read a partition at an offset; -2 is the oldest.
	Assign(partition int32, offset int64) error
	// Revoke stops reading a partition; its buffered records are dropped.
	Revoke(partition int32)
	// Poll waits for records and returns at most limit. An error that is a Stopped
	// says that a partition stands still until it is assigned again.
	Poll(ctx context.Context, limit int) ([]record.Record, error)
	// HighWater asks the brokers for the partitions' ends: the offsets after their
	// last records.
	HighWater(ctx context.Context, partitions []int32) (map[int32]int64, error)
}

// Stopped is an error of Replies.Poll: the partition does not hold the offset to
// read from.
type Stopped interface {
	error
	// StoppedPartition returns the partition.
	StoppedPartition() int32
}

// Relay publishes what was committed. *outbox.Relay implements it.
type Relay interface {
	// Gain takes over buckets: it knows all their unsent rows when it returns.
	Gain(ctx context.Context, buckets ...int) error
	// Lose lets go of buckets once their sends have settled.
	Lose(buckets ...int)
	// Hand hands over rows right after their commit. It does not block.
	Hand(rows []outbox.Row)
	// Doubt says that rows of these buckets may have been committed without
	// having been handed over.
	Doubt(buckets ...int)
	// Unsent reports whether a key may have a row that the broker has not
	// acknowledged.
	Unsent(key string) bool
	// TakeSent returns ids of sent rows of the caller's buckets, to delete: none as
	// long as there are fewer than least and they are fresh, else up to most.
	TakeSent(mine func(bucket int) bool, least, most int) []int64
	// Deleted says that ids from TakeSent are gone.
	Deleted(ids []int64)
	// ReturnSent gives ids back whose delete was not committed.
	ReturnSent(ids []int64)
}

// Gate says which commands may leave now. *breaker.Gate[saga.ID] implements it.
type Gate interface {
	// Ask asks for a permit for one command of a saga. Without one the command is
	// held. heldBefore says that a gate, perhaps another process's, has held it
	// already.
	Ask(key breaker.Key, item breaker.Item[saga.ID], heldBefore bool) (breaker.Permit, bool)
	// Keeps reports whether somebody holds such commands, or lets them go only in
	// turn. It is asked for commands that have no breaker.
	Keeps(key breaker.Key, item breaker.Item[saga.ID]) bool
	// Held says where a saga's commands are held now; nowhere forgets it.
	Held(item breaker.Item[saga.ID], keys []breaker.Key)
	// Release returns the sagas that may ask again, at most limit.
	Release(limit int) []saga.ID
}
