package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Engine carries out verbs. *coordinator.Coordinator implements it.
type Engine interface {
	// Do carries out a verb and answers after the commit.
	Do(ctx context.Context, verb coordinator.Verb) (coordinator.VerbResult, error)
}

// Runner works through running batches, one at a time in each process. The zero
// value of a limit is its default.
type Runner struct {
	Store  *Store                                        // Store keeps the batches. Required.
	Engine Engine                                        // Engine carries out the verbs. Required.
	Check  func(context.Context, coordinator.Verb) error // Check looks at a verb by its saga's definition first; what wraps a refusal of package saga is final. nil takes all.
	// Restart starts a saga anew that has ended, and reports whether it has not done so
	// before with this key. Required where there are batches of Restarted.
	Restart func(ctx context.Context, id saga.ID, key string, who saga.Actor) (fresh bool, err error)

	Every time.Duration // Every is how often a batch is looked for, and how often a running one is asked whether it goes on. Default 1 s.
	Idle  time.Duration // Idle is how long a process may be silent before another goes on with its batch. Default 10 s.
	Log   *slog.Logger  // Log receives what an operator should know. nil discards it.
}

// atOnce is how many sagas are asked side by side.
const atOnce = 16

// Run works until ctx ends.
func (r Runner) Run(ctx context.Context) error {
	if r.Every == 0 {
		r.Every = time.Second
	}
	if r.Idle == 0 {
		r.Idle = 10 * time.Second
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	tick := time.NewTicker(r.Every)
	defer tick.Stop()
	for {
		b, ok, err := r.Store.take(ctx, r.Idle)
		if ok {
			err = r.work(ctx, b, tick)
		}
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("a batch is interrupted; it goes on by itself", "batch", b.ID, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// work asks as many sagas at each tick as the rate allows, until none is left or the
// batch is not running any more.
func (r Runner) work(ctx context.Context, b Batch, tick *time.Ticker) error {
	portion := max(1, int(float64(b.Rate)*r.Every.Seconds()))
	for {
		ids, err := r.Store.open(ctx, b.ID, portion)
		if err != nil {
			return fmt.Errorf("read batch %d: %w", b.ID, err)
		}
		if len(ids) == 0 {
			_, err := r.Store.finish(ctx, b.ID)
			return err
		}
		if err := r.ask(ctx, b, ids); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if mine, err := r.Store.keep(ctx, b.ID); !mine {
			return err
		}
	}
}

// ask asks some sagas and writes down how they fared. One that could not be asked
// now is asked again.
func (r Runner) ask(ctx context.Context, b Batch, ids []saga.ID) error {
	items := make([]Item, len(ids))
	var all errgroup.Group
	all.SetLimit(atOnce)
	for i, id := range ids {
		all.Go(func() error {
			items[i] = Item{Saga: id}
			items[i].Outcome, items[i].Detail = r.one(ctx, b, id)
			return nil
		})
	}
	_ = all.Wait() // none fails
	settled := items[:0]
	for _, item := range items {
		if item.Outcome != "" {
			settled = append(settled, item)
		}
	}
	if err := r.Store.settle(ctx, b.ID, settled); err != nil {
		return fmt.Errorf("write down %d sagas of batch %d: %w", len(settled), b.ID, err)
	}
	return nil
}

// one asks one saga. The request id makes a repeat after a crash harmless.
func (r Runner) one(ctx context.Context, b Batch, id saga.ID) (Outcome, string) {
	kind, name, _ := strings.Cut(b.Actor, ":")
	p := b.Parameters
	verb := coordinator.Verb{
		Kind: b.Verb, Saga: id, Step: b.Step, Reason: b.Reason, RequestID: fmt.Sprintf("batch %d", b.ID),
		Actor: saga.Actor{Kind: saga.ActorKind(kind), Name: name}, Signal: p.Signal, Outcome: p.Outcome, Groups: p.Groups, Payload: saga.JSON(p.Payload),
	}
	changed, err := r.do(ctx, verb)
	switch {
	case err == nil && changed:
		return Asked, ""
	case err == nil:
		return Unchanged, ""
	case final(err):
		return Refused, err.Error()
	}
	r.Log.Warn("a saga of a batch could not be asked; it is asked again", "batch", b.ID, "saga", id, "error", err)
	return "", ""
}

// do carries out a verb and reports whether it has changed something.
func (r Runner) do(ctx context.Context, verb coordinator.Verb) (changed bool, err error) {
	if verb.Kind == Restarted {
		return r.Restart(ctx, verb.Saga, verb.RequestID, verb.Actor)
	}
	if r.Check != nil {
		err = r.Check(ctx, verb)
	}
	if err != nil {
		return false, err
	}
	res, err := r.Engine.Do(ctx, verb)
	return res.Changed, err
}

// final reports whether asking again would be answered the same.
func final(err error) bool {
	return saga.IsRefusal(err) || errors.Is(err, coordinator.ErrNotFound) || errors.Is(err, coordinator.ErrVersion)
}
