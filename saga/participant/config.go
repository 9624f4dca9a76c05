package participant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// Config configures a Participant. Name and Kafka.Brokers are required; the zero
// value of every other field is its documented default.
type Config struct {
	// Name is the participant's name in definitions, such as payments.
	Name string
	// Pool is the participant's own database, migrated with the sets outbox and
	// participant. nil is the mode without a database, for HandleFunc and
	// HandleUndoFunc only. It should allow Concurrency connections per partition,
	// and three for the relay.
	Pool *pgxpool.Pool
	// Schema holds the guard and the outbox; default Name.
	Schema string
	// Kafka is the cluster of the commands and the replies.
	Kafka kafka.Config
	// TopicPrefix begins the names of all topics, as for the coordinator: the
	// commands are read from TopicPrefix, "commands." and Name. Default "unwind.".
	TopicPrefix string
	// Group is the consumer group; default TopicPrefix and Name.
	Group string
	// Concurrency is how many commands of one partition run at once, those of one
	// saga one after the other; default 16.
	Concurrency int
	// HandlerTimeout is when a handler's context ends; default 30 s. A handler that
	// fails for it is answered as failed.
	HandlerTimeout time.Duration
	// StatementTimeout bounds the participant's own statements; default 10 s.
	StatementTimeout time.Duration
	// DrainTimeout is how long Run waits for handlers when its context has ended;
	// default 20 s. After it their contexts end and their commands are left to the
	// next run.
	DrainTimeout time.Duration
	// RetryMax is the longest pause after trouble with the participant's own
	// database or broker; pauses start at 100 ms and double. Default 5 s.
	RetryMax time.Duration
	// SessionTimeout is the silence after which Kafka takes this program for dead
	// and gives its commands to the group's other members; default 30 s. Brokers
	// refuse less than 6 s unless they are set otherwise.
	SessionTimeout time.Duration
	// UndoUnknown makes an undo that finds no row in the guard run its handler,
	// with done nil, before the tombstone is kept. Set it if handlers have effects
	// outside the transaction, which may stand although the transaction did not.
	UndoUnknown bool
	// Version is the program's version, sent in replies; default none.
	Version string
	// Trace is told of every command; tracing.Tracer.Command is one. nil: none.
	Trace Trace
	// Log receives what an operator should know, never payloads. nil discards it.
	Log *slog.Logger
}

// Trace is told of a command before the work on it, and by the function that it
// returns, of how that ended. The handler gets the context that it returns.
type Trace func(ctx context.Context, cmd saga.Command, headers []saga.Header) (context.Context, func(Handled))

// Handled is what has become of a command.
type Handled struct {
	Outcome  saga.Outcome // Outcome is the answer; 0: none, the command comes again.
	Repeated bool         // Repeated says that the guard answered without the handler.
}

// Validate reports all faults of the configuration at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	if !saga.IsName(c.Name) {
		faults = append(faults, fmt.Errorf("name %q: want a name like payments: a letter a-z, then letters and digits, at most %d", c.Name, saga.MaxName))
	}
	if err := c.Kafka.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("kafka: %w", err))
	}
	if c.Concurrency < 0 {
		faults = append(faults, errors.New("concurrency: negative; 0 stands for the default"))
	}
	if min(c.HandlerTimeout, c.StatementTimeout, c.DrainTimeout, c.RetryMax, c.SessionTimeout) < 0 {
		faults = append(faults, errors.New("times must not be negative; 0 stands for the default"))
	}
	return errors.Join(faults...)
}

// withDefaults returns c with every zero value replaced.
func (c Config) withDefaults() Config {
	c.Schema = cmp.Or(c.Schema, c.Name)
	c.TopicPrefix = cmp.Or(c.TopicPrefix, "unwind.")
	c.Group = cmp.Or(c.Group, c.TopicPrefix+c.Name)
	c.Concurrency = cmp.Or(c.Concurrency, 16)
	c.HandlerTimeout = cmp.Or(c.HandlerTimeout, 30*time.Second)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, 10*time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 20*time.Second)
	c.RetryMax = cmp.Or(c.RetryMax, 5*time.Second)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 30*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Kafka.Log = cmp.Or(c.Kafka.Log, c.Log)
	c.Kafka.ClientID = cmp.Or(c.Kafka.ClientID, c.Group)
	return c
}

// topic is where the commands come from.
func (c Config) topic() string { return c.TopicPrefix + "commands." + c.Name }

// outbox is the participant's outbox.
func (c Config) outbox() outbox.Schema { return outbox.Schema(c.Schema) }
