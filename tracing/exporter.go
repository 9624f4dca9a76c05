package tracing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Queue is where the notes of ended traces lie, and the sagas they are of.
// *sagapg.Traces implements it.
type Queue interface {
	// Claim takes at most limit notes for a time; those that are not Done by then
	// are given out again, to any process.
	Claim(ctx context.Context, limit int, lease time.Duration) ([]coordinator.Traced, error)
	// Done deletes notes.
	Done(ctx context.Context, traced []coordinator.Traced) error
	// Expire deletes notes above an age, and the oldest above a number.
	Expire(ctx context.Context, age time.Duration, most int) (int64, error)
	// Get returns a saga; coordinator.ErrNotFound if there is none any more.
	Get(ctx context.Context, id saga.ID) (coordinator.Row, error)
	// History returns a page of a saga's events: those after a number.
	History(ctx context.Context, id saga.ID, after int64, limit int) ([]saga.Event, error)
}

// ExporterConfig configures an Exporter. Queue, Definitions and Tracer are required.
type ExporterConfig struct {
	Queue       Queue                   // Queue is where the notes lie.
	Definitions coordinator.Definitions // Definitions finds the sagas' definitions.
	Tracer      *Tracer                 // Tracer sends the spans.

	Every      time.Duration // Every is how often the queue is looked at while it is empty. Default 1 s.
	Batch      int           // Batch is how many traces are taken at once. Default 32.
	SpanMax    int           // SpanMax is how many spans are sent at once. Default 512.
	Timeout    time.Duration // Timeout bounds one batch. Default 30 s; a batch that fails comes again after as long.
	RetryMax   time.Duration // RetryMax is the longest pause after trouble; pauses start at Every and double. Default 30 s.
	HistoryMax int           // HistoryMax is the longest history that is told, in events; a longer one's trace is dropped. Default 20,000.
	KeepFor    time.Duration // KeepFor is how long a trace waits for a collector. Default 24 h.
	KeepMost   int           // KeepMost is how many traces wait for a collector at most; the oldest are dropped. Default 100,000.

	Log *slog.Logger // Log receives what an operator should know. nil discards it.
}

func (c ExporterConfig) withDefaults() ExporterConfig {
	c.Every = cmp.Or(c.Every, time.Second)
	c.Batch = cmp.Or(c.Batch, 32)
	c.SpanMax = cmp.Or(c.SpanMax, 512)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.RetryMax = cmp.Or(c.RetryMax, 30*time.Second)
	c.HistoryMax = cmp.Or(c.HistoryMax, 20_000)
	c.KeepFor = cmp.Or(c.KeepFor, 24*time.Hour)
	c.KeepMost = cmp.Or(c.KeepMost, 100_000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports every fault of c at once.
func (c ExporterConfig) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.Queue == nil || c.Definitions == nil || c.Tracer == nil {
		faults = append(faults, errors.New("tracing: Queue, Definitions and Tracer are required"))
	}
	if min(c.Every, c.Timeout, c.RetryMax, c.KeepFor) < 0 || min(c.Batch, c.SpanMax, c.HistoryMax, c.KeepMost) < 0 {
		faults = append(faults, errors.New("tracing: limits must not be negative; 0 stands for the default"))
	}
	return errors.Join(faults...)
}

// Exporter sends the traces of sagas that have ended. Any number of processes may
// run one on the same queue. A trace is sent at least once; sent again it is the
// same, byte for byte.
type Exporter struct {
	cfg     ExporterConfig
	dropped time.Time // when old notes were dropped last
}

// NewExporter returns an Exporter that does nothing until Run.
func NewExporter(cfg ExporterConfig) (*Exporter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Exporter{cfg: cfg.withDefaults()}, nil
}

// expireEvery is how often notes that are too old or too many are dropped.
const expireEvery = time.Minute

// Run exports until ctx ends. Trouble with the collector or the database is logged
// and tried again; no saga waits for it.
func (x *Exporter) Run(ctx context.Context) error {
	pause := x.cfg.Every
	for {
		n, err := x.round(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end was asked for
		}
		switch {
		case err != nil:
			x.cfg.Log.Warn("traces were not exported; trying again", "error", err)
			pause = min(2*pause, x.cfg.RetryMax)
		case n == x.cfg.Batch:
			continue
		default:
			pause = x.cfg.Every
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// round exports one batch and returns how many notes it took.
func (x *Exporter) round(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, x.cfg.Timeout)
	defer cancel()
	if err := x.expire(ctx); err != nil {
		return 0, err
	}
	taken, err := x.cfg.Queue.Claim(ctx, x.cfg.Batch, x.cfg.Timeout)
	if err != nil || len(taken) == 0 {
		return 0, err
	}
	var spans []tracetest.SpanStub
	var done []coordinator.Traced
	for _, note := range taken {
		told, err := x.tell(ctx, note)
		if err != nil { // it comes again, maybe to a newer build, until it is too old
			x.cfg.Log.Warn("a trace cannot be told now", "saga", note.Saga, "error", err)
			continue
		}
		spans, done = append(spans, told...), append(done, note)
	}
	for len(spans) > 0 {
		n := min(len(spans), x.cfg.SpanMax)
		if err := x.cfg.Tracer.export(ctx, spans[:n]); err != nil {
			return 0, fmt.Errorf("send %d spans: %w", n, err)
		}
		spans = spans[n:]
	}
	return len(taken), x.cfg.Queue.Done(ctx, done)
}

// expire drops what has waited too long for a collector.
func (x *Exporter) expire(ctx context.Context) error {
	if time.Since(x.dropped) < expireEvery {
		return nil
	}
	n, err := x.cfg.Queue.Expire(ctx, x.cfg.KeepFor, x.cfg.KeepMost)
	if err != nil {
		return err
	}
	x.dropped = time.Now()
	if n > 0 {
		x.cfg.Log.Error("traces were dropped: no collector has taken them", "traces", n, "older_than", x.cfg.KeepFor, "beyond", x.cfg.KeepMost)
	}
	return nil
}

// tell builds the spans of one trace. A saga that is gone has none.
func (x *Exporter) tell(ctx context.Context, note coordinator.Traced) ([]tracetest.SpanStub, error) {
	row, err := x.cfg.Queue.Get(ctx, note.Saga)
	switch {
	case errors.Is(err, coordinator.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if row.State.Seq > int64(x.cfg.HistoryMax) {
		x.cfg.Log.Error("a trace was dropped: the history is too long", "saga", note.Saga, "events", row.State.Seq, "at_most", x.cfg.HistoryMax)
		return nil, nil
	}
	decider, err := x.decider(ctx, row)
	if err != nil {
		return nil, err
	}
	story := Story{Saga: note.Saga, Namespace: row.Namespace, Window: note.Window, Decider: decider}
	for {
		page, err := x.cfg.Queue.History(ctx, note.Saga, int64(len(story.History)), 0)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return Tell(story)
		}
		story.History = append(story.History, page...)
	}
}

// decider finds what decides a saga.
func (x *Exporter) decider(ctx context.Context, row coordinator.Row) (saga.Decider, error) {
	s := &row.State
	if err := x.cfg.Definitions.Load(ctx, row.Namespace, s.Definition, s.Version); err != nil {
		return nil, err
	}
	decider, _ := x.cfg.Definitions.Decider(row.Namespace, s.Definition, s.Version)
	return decider, nil
}
