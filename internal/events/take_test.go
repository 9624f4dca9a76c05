package events

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// listening is a registry in which a definition waits for the events of some topics.
type listening struct {
	topics []string
	asked  int // how often for a version
}

func (l *listening) Listeners(context.Context, string) ([]registry.Listener, error) {
	return []registry.Listener{{Name: "order", Version: "r1", Topics: l.topics}}, nil
}

func (l *listening) Awaiters(context.Context, string) ([]registry.Listener, error) { return nil, nil }

func (l *listening) Get(context.Context, string, string, string) (*definition.File, error) {
	l.asked++
	return &definition.File{}, nil
}

func (l *listening) Open(context.Context, string, string) error { return nil }

type nobody struct{}

func (nobody) Start(context.Context, intake.Request) (intake.Result, error) {
	return intake.Result{}, nil
}

func (nobody) Do(context.Context, coordinator.Verb) (coordinator.VerbResult, error) {
	return coordinator.VerbResult{}, nil
}

func (nobody) EventWaits(context.Context, string, []coordinator.EventWait, coordinator.EventWait, int) ([]coordinator.EventWait, error) {
	return nil, nil
}

// Who waits for a redriven event is asked for when it comes: a process that has just
// begun has not looked yet, and must not refuse it for that.
func TestWhoWaitsForARedrivenEventIsAskedFor(t *testing.T) {
	t.Parallel()
	known, letters := &listening{}, 0
	r, err := New(Config{
		Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, Prefix: "x", Namespaces: []string{"default"},
		Registry: known, Starter: nobody{}, Waits: nobody{}, Engine: nobody{},
		Keep: func(context.Context, office.Letter) error { letters++; return nil },
	})
	require.NoError(t, err)
	event := kafka.Record{Topic: "orders", Value: []byte(`{}`)}
	require.NoError(t, r.Again(t.Context(), "default", event, event))
	require.Equal(t, 1, letters, "nobody waits for it")
	known.topics = []string{"orders"}
	require.NoError(t, r.Again(t.Context(), "default", event, event))
	require.Equal(t, 1, letters)
	require.Equal(t, 1, known.asked)
}
