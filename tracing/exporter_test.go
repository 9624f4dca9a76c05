package tracing

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// moody is a collector that is away at first.
type moody struct {
	tracetest.InMemoryExporter
	mu   sync.Mutex
	away int
}

func (m *moody) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away > 0 {
		m.away--
		return errors.New("the collector is away")
	}
	return m.InMemoryExporter.ExportSpans(ctx, spans)
}

// queue is a Queue in memory, of sagas that a test has played.
type queue struct {
	mu    sync.Mutex
	notes []coordinator.Traced
	plays map[saga.ID]*play
}

func (q *queue) Claim(_ context.Context, limit int, _ time.Duration) ([]coordinator.Traced, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.notes[:min(limit, len(q.notes))]), nil
}

func (q *queue) Done(_ context.Context, done []coordinator.Traced) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.notes = slices.DeleteFunc(q.notes, func(n coordinator.Traced) bool { return slices.Contains(done, n) })
	return nil
}

func (q *queue) Expire(context.Context, time.Duration, int) (int64, error) { return 0, nil }

func (q *queue) Get(_ context.Context, id saga.ID) (coordinator.Row, error) {
	p := q.plays[id]
	if p == nil {
		return coordinator.Row{}, coordinator.ErrNotFound
	}
	return coordinator.Row{Namespace: "default", State: p.state}, nil
}

func (q *queue) History(_ context.Context, id saga.ID, after int64, _ int) ([]saga.Event, error) {
	rest := q.plays[id].history[after:]
	return rest[:min(2, len(rest))], nil // in pages
}

func (q *queue) left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.notes)
}

// Decider and Load make the queue its own definitions.
func (q *queue) Decider(string, string, string) (saga.Decider, bool) {
	for _, p := range q.plays {
		return p.m, true
	}
	return nil, false
}

func (q *queue) Load(context.Context, string, string, string) error { return nil }

// TestExporterOutlastsACollector: nothing is lost while it is away, a saga that is
// gone is no trouble, and what was sent is noted no more.
func TestExporterOutlastsACollector(t *testing.T) {
	t.Parallel()
	p := begin(t, "")
	p.reply("flight", saga.Do, saga.Rejected)
	p.reply("hotel", saga.Do, saga.Rejected)
	q := &queue{plays: map[saga.ID]*play{storyID: p}, notes: []coordinator.Traced{{Saga: saga.ID{1}}, {Saga: storyID}}}
	collector := &moody{away: 3}
	x, err := NewExporter(ExporterConfig{
		Queue: q, Definitions: q, Tracer: newTracer(collector, resource.Empty(), 1), Every: time.Millisecond, SpanMax: 2,
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx) }()
	require.Eventually(t, func() bool { return q.left() == 0 }, 10*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	got := collector.GetSpans()
	require.Len(t, got, 3)
	require.Equal(t, drawn(p.tell(0)), drawn(got))
}

func TestExporterConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := NewExporter(ExporterConfig{Batch: -1})
	require.ErrorContains(t, err, "Queue, Definitions and Tracer are required")
	require.ErrorContains(t, err, "must not be negative")
}
