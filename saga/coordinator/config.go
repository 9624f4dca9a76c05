package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Config configures a Coordinator. The zero value of a limit is its default.
type Config struct {
	Store       Store       // Store keeps the sagas. Required.
	Definitions Definitions // Definitions finds deciders. Required.
	Relay       Relay       // Relay publishes commands. Required.
	Replies     Replies     // Replies is the reply topic; nil runs without Kafka, with local steps only.
	// SaveOffsets stores how far the reply partitions of buckets are finished.
	// *lease.Lease has it. Required with Replies.
	SaveOffsets func(ctx context.Context, offsets map[int]int64) error

	Admission Admission // Admission judges the starts of children; nil takes any that names its version.

	Locals *Locals // Locals runs the local steps; nil without any.

	Gate Gate // Gate holds commands back while a participant is in trouble; nil lets everything pass.

	// Forgotten is how long ago a saga must have been started that may have been deleted
	// since: a reply to such a one that is not there is no dead letter. Zero: none is.
	Forgotten time.Duration

	Keys        saga.Keys // Keys sign and verify reply tokens. Required.
	Incarnation int64     // Incarnation is the database's; at least 1.
	ReplyTopic  string    // ReplyTopic is where replies go. Default unwind.replies.g1.
	Prefix      string    // Prefix begins the names of command topics. Default unwind.commands.
	Events      string    // Events begins the names of the topics of the sagas' ends, one for each namespace. Default unwind.events.

	Writers      int           // Writers is how many batches may be committing at once, 1 to 64. Default 2: fewer writers make larger batches.
	BatchMax     int           // BatchMax is the largest batch, in messages. Default 256, at most 4,096.
	QueueMax     int           // QueueMax is how many messages may wait for one writer. Default 2,048.
	PollMax      int           // PollMax is how many replies are taken at once. Default 1,024.
	CheckEvery   time.Duration // CheckEvery is how often the way to the brokers is checked while commands are out. Default 500 ms.
	FarEvery     time.Duration // FarEvery is how often far wakes and mail are looked for. Default 1 s.
	OffsetsEvery time.Duration // OffsetsEvery is how often read offsets are stored. Default 5 s.
	RetryMin     time.Duration // RetryMin is the first pause after a failed batch; it doubles. Default 50 ms.
	RetryMax     time.Duration // RetryMax is the longest pause. Default 2 s.
	BatchTimeout time.Duration // BatchTimeout bounds one transaction. Default 15 s.
	Coroutines   int           // Coroutines is how many functions of sagas that are code stay in memory between their events. Default 10,000.
	CodeTimeout  time.Duration // CodeTimeout is how long such a function may run before it waits for something. Default 3 s.

	Meter Meter // Meter counts what was done. nil counts nothing.
	// Traced says whether a saga is traced; nil: tracing is off. It must answer the
	// same in every process. With it every command carries a traceparent, and the
	// end of a traced saga is noted in Writes.Traced.
	Traced func(id saga.ID) bool

	Log *slog.Logger // Log receives what an operator should know. nil discards it.
}

// withDefaults returns c with its defaults filled in.
func (c Config) withDefaults() Config {
	c.ReplyTopic = cmp.Or(c.ReplyTopic, "unwind.replies.g1")
	c.Prefix = cmp.Or(c.Prefix, "unwind.commands.")
	c.Events = cmp.Or(c.Events, "unwind.events.")
	c.Writers = cmp.Or(c.Writers, 2)
	c.BatchMax = cmp.Or(c.BatchMax, 256)
	c.QueueMax = cmp.Or(c.QueueMax, 2048)
	c.PollMax = cmp.Or(c.PollMax, 1024)
	c.CheckEvery = cmp.Or(c.CheckEvery, 500*time.Millisecond)
	c.FarEvery = cmp.Or(c.FarEvery, time.Second)
	c.OffsetsEvery = cmp.Or(c.OffsetsEvery, 5*time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 50*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 2*time.Second)
	c.BatchTimeout = cmp.Or(c.BatchTimeout, 15*time.Second)
	c.Coroutines = cmp.Or(c.Coroutines, 10_000)
	c.CodeTimeout = cmp.Or(c.CodeTimeout, 3*time.Second)
	if c.Meter == nil {
		c.Meter = noMeter{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("coordinator: "+what))
		}
	}
	need(c.Store != nil, "Store is missing")
	need(c.Definitions != nil, "Definitions is missing")
	need(c.Relay != nil, "Relay is missing")
	need(c.Replies == nil || c.SaveOffsets != nil, "Replies needs SaveOffsets")
	need(len(c.Keys) > 0, "Keys is empty")
	need(c.Incarnation >= 1, "Incarnation must be at least 1")
	need(c.Writers >= 1 && c.Writers <= 64, fmt.Sprintf("Writers is %d, must be 1 to 64", c.Writers))
	need(c.BatchMax >= 1 && c.BatchMax <= 4096, fmt.Sprintf("BatchMax is %d, must be 1 to 4096", c.BatchMax))
	need(c.QueueMax >= c.BatchMax, fmt.Sprintf("QueueMax is %d, must be at least BatchMax", c.QueueMax))
	need(c.PollMax >= 1, "PollMax must be positive")
	need(c.Coroutines >= 1, "Coroutines must be positive")
	for _, d := range []time.Duration{c.CheckEvery, c.FarEvery, c.OffsetsEvery, c.RetryMin, c.RetryMax, c.BatchTimeout, c.CodeTimeout} {
		need(d > 0, "durations must be positive")
	}
	return errors.Join(errs...)
}
