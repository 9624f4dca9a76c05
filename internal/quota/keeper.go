package quota

import (
	"context"
	"hash/fnv"
	"log/slog"
	"maps"
	"slices"
	"time"
)

const (
	// defaultEvery is how often a Keeper looks.
	defaultEvery = 500 * time.Millisecond
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
	// countShare is how many times longer than it took a count of open sagas is used.
	countShare = 20
	// parts are those of a namespace's bytes: so many processes add to them without
	// waiting for each other.
	parts = 16
)

// Keeper brings a process's Book and what is stored together.
type Keeper struct {
	Store *Store        // Store is where it stands. Required.
	Book  *Book         // Book judges by it. Required.
	Node  string        // Node names the process. Required.
	Every time.Duration // Every is the time between two looks; default 500 ms.
	Log   *slog.Logger  // Log receives failures, once until a look succeeds again. Required.

	counted time.Time // when open sagas are to be counted again
}

// Look tells the book how things stand now. Call it once before anything is started.
func (k *Keeper) Look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	list, err := k.Store.effective(ctx)
	if err != nil {
		return err
	}
	k.Book.set(list)
	return k.count(ctx)
}

// count counts open sagas where there is a limit to them: at each look, but so that it
// takes no more than a twentieth of the time.
func (k *Keeper) count(ctx context.Context) error {
	marks, fresh := k.Book.toCount()
	began := time.Now()
	if len(marks) == 0 || !fresh && began.Before(k.counted) {
		return nil
	}
	counts, err := k.Store.open(ctx, slices.Collect(maps.Keys(marks)))
	if err != nil {
		return err
	}
	k.Book.count(marks, counts)
	k.counted = time.Now().Add(countShare * time.Since(began))
	return nil
}

// save stores what the histories of this process's sagas have come to hold.
func (k *Keeper) save(ctx context.Context) error {
	bytes := k.Book.take()
	if len(bytes) == 0 {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.Node)) // it never fails
	if err := k.Store.add(ctx, int16(h.Sum32()%parts), bytes); err != nil {
		return err
	}
	k.Book.saved(bytes)
	return nil
}

// Run looks again and again until ctx ends, and then saves what is left. It returns
// nil: while Postgres is away everything stays as it was seen last.
func (k *Keeper) Run(ctx context.Context) error {
	every := k.Every
	if every == 0 {
		every = defaultEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for sick, round := false, 0; ; round++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
			defer cancel()
			k.warn(last, k.save(last), sick)
			return nil
		}
		var err error
		if round%2 == 0 {
			err = k.save(ctx)
		}
		if err == nil {
			err = k.Look(ctx)
		}
		k.warn(ctx, err, sick)
		sick = err != nil
	}
}

// warn writes an error down, unless that was done.
func (k *Keeper) warn(ctx context.Context, err error, sick bool) {
	if err != nil && !sick && ctx.Err() == nil {
		k.Log.WarnContext(ctx, "quotas cannot be read or written; they stay as they were", "error", err)
	}
}
