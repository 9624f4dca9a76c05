package retention

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/saga"
)

const (
	page      = 1000   // sagas, or start keys, that are looked at with one statement
	familyMax = 50_000 // members that a family may have
	// Bounds of one transaction. A lone saga with a longer history goes in several.
	sagasMax  = 200
	eventsMax = 5000
	// askEvery is how often it is asked whether this process is the one.
	askEvery = time.Second
	// rest is how many times as long as a transaction took nothing is done after it.
	rest = 1
)

// Store is where sagas are found and deleted.
type Store interface {
	// Now reads the database's clock.
	Now(ctx context.Context) (time.Time, error)
	// Page returns the sagas of a range that are no children, in the order of their
	// ids. It looks at limit of them at most, children too; next is the last of
	// those, which the next page comes after, if there may be more.
	Page(ctx context.Context, r Range, limit int) (page []Saga, next saga.ID, more bool, err error)
	// Families returns the members of the families of roots, the children before
	// their parents, at most limit. Wanted is a member with a message that it was
	// not given, a dead letter that is open or to be sent, a place in the line of a
	// lock, or a trace to be exported.
	Families(ctx context.Context, roots []saga.ID, limit int) ([]Saga, error)
	// Delete deletes those of the sagas that are still as they were read, with all
	// that belongs to them, in one transaction that waits for nobody and deletes at
	// most so many events. More: there were more; nothing else is deleted before they
	// are. A family of which one is not as it was stays.
	Delete(ctx context.Context, sagas []Saga, events int) (gone []saga.ID, more bool, err error)
	// Keys looks at start keys, the limit that come after one, deletes those of sagas
	// that are gone and returns the last of them; the zero Key: there are no more.
	Keys(ctx context.Context, after Key, limit int) (deleted int, last Key, err error)
}

// Key is a start key of a namespace.
type Key struct {
	Namespace string // Namespace is the tenant.
	Key       string // Key is the client's.
}

// Meter is told what was done. It must be quick.
type Meter interface {
	// Deleted counts sagas of a class that are gone.
	Deleted(class saga.Retention, n int)
	// Oldest says when the oldest saga of a class ended that a whole round has left;
	// zero: there is none.
	Oldest(class saga.Retention, ended time.Time)
}

// Runner deletes what is due. Every process runs one. The zero value of a limit is its
// default.
type Runner struct {
	Store  Store         // Store has the sagas. Required.
	Policy Policy        // Policy says which may go.
	Mine   func() bool   // Mine says whether this process is the one that does it; two at once do no harm. Required.
	Every  time.Duration // Every is how often it looks. Default a minute.
	Meter  Meter         // Meter counts. nil counts nothing.
	Log    *slog.Logger  // Log receives what an operator should know. nil discards it.
}

// Run deletes what is due until ctx ends. It returns nil: what fails is tried again.
func (r Runner) Run(ctx context.Context) error {
	r.Every = cmp.Or(r.Every, time.Minute)
	r.Policy.Rate = cmp.Or(r.Policy.Rate, DefaultRate)
	if r.Meter == nil {
		r.Meter = noMeter{}
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Policy.Shortest() == 0 {
		<-ctx.Done()
		return nil
	}
	for walk := (*Walk)(nil); ctx.Err() == nil; {
		walk = r.turn(ctx, walk)
		err := r.round(ctx, walk)
		if err != nil {
			walk = nil // nothing is left out
		}
		if errors.Is(err, errNotMine) {
			continue // the next turn may come at once
		}
		if err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "ended sagas could not be deleted; it is tried again", "error", err)
		}
		pause(ctx, r.Every)
	}
	return nil
}

// turn waits until this process is the one. Whoever begins, begins with a whole round.
func (r Runner) turn(ctx context.Context, walk *Walk) *Walk {
	for !r.Mine() && ctx.Err() == nil {
		walk = nil
		pause(ctx, min(r.Every, askEvery))
	}
	return cmp.Or(walk, &Walk{})
}

var errNotMine = errors.New("another process goes on")

// round looks at what there is to be looked at now.
func (r Runner) round(ctx context.Context, walk *Walk) error {
	now, err := r.Store.Now(ctx)
	if err != nil {
		return err
	}
	for _, part := range walk.Next(r.Policy, now) {
		s := &sweep{Runner: r, now: now, oldest: map[saga.Retention]time.Time{}}
		if err := s.rangeOf(ctx, part); err != nil {
			return err
		}
		if !part.Whole {
			continue
		}
		if err := s.keys(ctx); err != nil {
			return err
		}
		for _, class := range []saga.Retention{saga.Short, saga.Standard, saga.Long} {
			r.Meter.Oldest(class, s.oldest[class])
		}
	}
	return nil
}

// noMeter is the Meter of nobody.
type noMeter struct{}

func (noMeter) Deleted(saga.Retention, int)      {}
func (noMeter) Oldest(saga.Retention, time.Time) {}

// pause waits for a time or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
