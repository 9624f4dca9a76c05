package schedule

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// Starts takes starts. *intake.Intake implements it.
type Starts interface {
	// Start starts a saga and answers after the commit.
	Start(ctx context.Context, req intake.Request) (intake.Result, error)
}

// Engine cancels what is to be replaced. *coordinator.Coordinator implements it.
type Engine interface {
	// Do carries out a verb and answers after the commit.
	Do(ctx context.Context, verb coordinator.Verb) (coordinator.VerbResult, error)
	// Ready returns nil when sagas can be started here.
	Ready() error
}

// Runner starts what is due. Every process runs one. The zero value of a limit is its
// default.
type Runner struct {
	Store      *Store        // Store keeps the schedules. Required.
	Starts     Starts        // Starts takes the starts. Required.
	Engine     Engine        // Engine cancels what is to be replaced. Required.
	Namespaces []string      // Namespaces are those that this process serves. Required.
	Every      time.Duration // Every is how often it is looked what is due. Default 1 s.
	Idle       time.Duration // Idle is how long after a start was begun another process begins it again. Default 10 s.
	Log        *slog.Logger  // Log receives what an operator should know. nil discards it.

	// Fired is told what became of a time, and of a started one how late that was.
	// nil tells nobody.
	Fired func(outcome Outcome, late time.Duration)
}

const (
	atOnce   = 8   // starts side by side
	portion  = 64  // starts that are claimed at once
	lookedAt = 100 // schedules that are decided about, or released, at one look
)

func (r Runner) withDefaults() Runner {
	r.Every, r.Idle = cmp.Or(r.Every, time.Second), cmp.Or(r.Idle, 10*time.Second)
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Fired == nil {
		r.Fired = func(Outcome, time.Duration) {}
	}
	return r
}

// Run starts what is due until ctx ends.
func (r Runner) Run(ctx context.Context) error {
	r = r.withDefaults()
	tick := time.NewTicker(r.Every)
	defer tick.Stop()
	for {
		if r.Engine.Ready() == nil {
			if err := r.look(ctx); err != nil && ctx.Err() == nil {
				r.Log.Warn("schedules are late; they go on by themselves", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look decides what is due, lets go what has waited, and starts it.
func (r Runner) look(ctx context.Context) error {
	var unreadable []string
	for range lookedAt {
		fires, ok, err := r.Store.decide(ctx, r.Namespaces, unreadable)
		if left, is := errors.AsType[*unreadableError](err); is {
			r.Log.Warn("a schedule is left to other processes", "error", err)
			unreadable = append(unreadable, left.name)
			continue
		}
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		for _, f := range fires {
			if f.Outcome == Skipped || f.Outcome == Missed {
				r.Fired(f.Outcome, 0)
			}
		}
	}
	if err := r.letGo(ctx); err != nil {
		return err
	}
	for {
		all, err := r.Store.claim(ctx, r.Namespaces, r.Idle, portion)
		if err != nil || len(all) == 0 {
			return err
		}
		r.startAll(ctx, all)
	}
}

// letGo lets the times be due that wait for a saga which has ended, and cancels the
// saga that is to be replaced.
func (r Runner) letGo(ctx context.Context) error {
	all, err := r.Store.queued(ctx, r.Namespaces, lookedAt)
	if err != nil {
		return err
	}
	for _, w := range all {
		running, open, err := r.Store.underWay(ctx, r.Store.pool, w.namespace, w.spec.Schedule)
		switch {
		case err != nil:
		case len(running)+open == 0:
			err = r.Store.release(ctx, w)
		case w.spec.Overlap == definition.OverlapReplace:
			r.cancel(ctx, w, running)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cancel asks sagas to turn back. One that may not any more is waited for.
func (r Runner) cancel(ctx context.Context, w waiting, running []saga.ID) {
	for _, id := range running {
		_, err := r.Engine.Do(ctx, coordinator.Verb{
			Kind: saga.Cancelled, Saga: id, Reason: "its schedule starts another one", RequestID: key(w.spec.Schedule, w.at),
			Actor: saga.Actor{Kind: saga.Scheduler, Name: w.spec.Schedule},
		})
		if err != nil && !errors.Is(err, saga.ErrPastPivot) && !errors.Is(err, saga.ErrEnded) {
			r.Log.Warn("a saga is not cancelled for its schedule; it is tried again", "schedule", w.spec.Schedule, "saga", id, "error", err)
		}
	}
}

func (r Runner) startAll(ctx context.Context, all []claimed) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, c := range all {
		group.Go(func() error {
			if err := r.start(ctx, c); err != nil && ctx.Err() == nil {
				r.Log.Warn("a saga of a schedule is not started yet; it is tried again", "schedule", c.spec.Schedule, "at", c.at, "error", err)
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
}

// start starts one saga. A repeat, after a crash or by another process, finds it by its
// key, also if the schedule was changed meanwhile.
func (r Runner) start(ctx context.Context, c claimed) error {
	input, err := c.spec.InputAt(c.at)
	if err != nil {
		return err
	}
	kind, name, _ := strings.Cut(c.actor, ":")
	result, err := r.Starts.Start(ctx, intake.Request{
		Namespace: c.namespace, Definition: c.spec.Saga, Version: c.spec.Version, Key: key(c.spec.Schedule, c.at),
		Input: saga.JSON(input), Actor: saga.Actor{Kind: saga.ActorKind(kind), Name: name}, Waits: true,
	})
	if errors.Is(err, coordinator.ErrKeyUsed) {
		result.ID, err = r.Store.startedBy(ctx, c.namespace, key(c.spec.Schedule, c.at))
	}
	switch {
	case err == nil:
		r.Fired(Started, c.now.Sub(c.at))
		return r.Store.settle(ctx, c, Started, result.ID, "")
	case intake.Refused(err):
		r.Fired(Refused, 0)
		r.Log.Warn("a saga of a schedule is refused", "schedule", c.spec.Schedule, "at", c.at, "error", err)
		return r.Store.settle(ctx, c, Refused, saga.ID{}, err.Error())
	}
	return err
}
