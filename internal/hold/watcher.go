package hold

import (
	"context"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/breaker"
)

// Gate is told what is held. *breaker.Gate implements it.
type Gate interface {
	// SetHolds says which holds and releases there are, all of them.
	SetHolds(holds []breaker.Hold)
	// SetLimits says which participants have limits, all of them.
	SetLimits(limits map[string]breaker.Limit)
}

const (
	// defaultEvery is how often a Watcher looks.
	defaultEvery = 500 * time.Millisecond
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
)

// Watcher tells a process's gate what is held, and what participants' contracts allow.
type Watcher struct {
	Store *Store        // Store is where it stands. Required.
	Gate  Gate          // Gate is told. Required.
	Every time.Duration // Every is the time between two looks; default 500 ms.
	Log   *slog.Logger  // Log receives failures, once until a look succeeds again. Required.
}

// Look tells the gate how things stand now, holds and the limits of participants. Call it once before anything is sent:
// what was held before a restart stays held.
func (w Watcher) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	holds, err := w.Store.effective(ctx)
	if err != nil {
		return err
	}
	limits, err := w.Store.limits(ctx)
	if err != nil {
		return err
	}
	w.Gate.SetHolds(holds)
	w.Gate.SetLimits(limits)
	return nil
}

// Run looks again and again until ctx ends. It returns nil: while Postgres is away
// everything stays as it was seen last.
func (w Watcher) Run(ctx context.Context) error {
	every := w.Every
	if every == 0 {
		every = defaultEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	sick := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		err := w.Look(ctx)
		if err != nil && !sick && ctx.Err() == nil {
			w.Log.WarnContext(ctx, "holds cannot be read; they stay as they were", "error", err)
		}
		sick = err != nil
	}
}
