package events

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// Registry knows definitions. *registry.Registry implements it.
type Registry interface {
	// Listeners returns the latest versions of a namespace's definitions that wait for
	// events now.
	Listeners(ctx context.Context, namespace string) ([]registry.Listener, error)
	// Awaiters returns the versions of which a saga of a namespace waits for an event now.
	Awaiters(ctx context.Context, namespace string) ([]registry.Listener, error)
	// Get returns one version, or coordinator.ErrNoDefinition.
	Get(ctx context.Context, namespace, name, version string) (*definition.File, error)
	// Open returns nil if the definition may start sagas, else a
	// *registry.DisabledError.
	Open(ctx context.Context, namespace, name string) error
}

// Starter starts sagas. *intake.Intake implements it.
type Starter interface {
	// Start starts a saga and answers after the commit.
	Start(ctx context.Context, req intake.Request) (intake.Result, error)
}

// Waits knows who waits for events. *sagapg.Reader implements it.
type Waits interface {
	// EventWaits finds the steps of a namespace's sagas that wait for one of these
	// events, in an order, those behind after, at most limit.
	EventWaits(ctx context.Context, namespace string, wanted []coordinator.EventWait, after coordinator.EventWait, limit int) ([]coordinator.EventWait, error)
}

// Engine advances sagas. *coordinator.Coordinator implements it.
type Engine interface {
	// Do runs a verb and answers after the commit.
	Do(ctx context.Context, v coordinator.Verb) (coordinator.VerbResult, error)
}

// Result says what an event has done to a definition.
type Result string

// What an event may do to a definition.
const (
	Started  Result = "started"  // Started a saga.
	Repeated Result = "repeated" // Repeated: it had done so before.
	Advanced Result = "advanced" // Advanced a saga that waits for it, or will.
	Late     Result = "late"     // Late: the saga that waited for it does not any more.
	Skipped  Result = "skipped"  // Skipped: the definition does not want it.
	Disabled Result = "disabled" // Disabled: the definition starts no sagas for now, so it is skipped.
	Refused  Result = "refused"  // Refused: it became a dead letter.
)

// Config configures a Reader. The zero value of a limit is its default.
type Config struct {
	Kafka      kafka.Config // Kafka is how the brokers are reached. Required.
	Prefix     string       // Prefix begins the names of the consumer groups. Required.
	Namespaces []string     // Namespaces are those whose definitions are asked. Required.
	Registry   Registry     // Registry knows definitions. Required.
	Starter    Starter      // Starter starts sagas. Required.
	Waits      Waits        // Waits knows who waits. Required.
	Engine     Engine       // Engine advances sagas. Required.
	// Keep writes a dead letter; a repeat changes nothing. Required.
	Keep func(ctx context.Context, letter office.Letter) error
	Node string // Node names this process in dead letters.
	// Count is told what each event has done to each definition; nil counts nothing.
	Count func(topic, definition string, result Result)

	Workers   int           // Workers is how many events of one topic may be under way at once. Default 64.
	MaxTopics int           // MaxTopics is the most topics that are read. Default 500.
	Every     time.Duration // Every is how often is looked which topics are waited for. Default 1 s.
	Again     time.Duration // Again is the pause before what could not be done now is tried again. Default 1 s.
	// LookEvery is how often is looked which of the topics exist. Default 5 s.
	LookEvery time.Duration

	Log *slog.Logger // Log receives what an operator should know. nil discards it.
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if c.Registry == nil || c.Starter == nil || c.Waits == nil || c.Engine == nil || c.Keep == nil || c.Prefix == "" || len(c.Namespaces) == 0 {
		faults = append(faults, errors.New("events: Registry, Starter, Waits, Engine, Keep, Prefix and Namespaces are required"))
	}
	if min(c.Workers, c.MaxTopics) < 0 || min(c.Every, c.Again, c.LookEvery) < 0 {
		faults = append(faults, errors.New("events: limits must not be negative; zero is the default"))
	}
	return errors.Join(append(faults, c.Kafka.Validate())...)
}

func (c Config) withDefaults() Config {
	c.Workers = cmp.Or(c.Workers, 64)
	c.MaxTopics = cmp.Or(c.MaxTopics, 500)
	c.Every = cmp.Or(c.Every, time.Second)
	c.Again = cmp.Or(c.Again, time.Second)
	c.LookEvery = cmp.Or(c.LookEvery, 5*time.Second)
	if c.Count == nil {
		c.Count = func(string, string, Result) {}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
