package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// settlePoll is how often a wait for rows in flight looks again.
const settlePoll = 2 * time.Millisecond

// Run publishes until ctx ends; then it waits up to LoseWait for the rows in
// flight, deletes what was sent, and returns nil. Run it once.
func (r *Relay) Run(ctx context.Context) error {
	send, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var g sync.WaitGroup
	g.Go(func() { r.dispatch(ctx, send) })
	g.Go(func() { r.sweepLoop(ctx) })
	g.Go(func() { r.clean(ctx) })
	g.Go(func() { r.attend(ctx) })
	<-ctx.Done()
	late := time.AfterFunc(r.cfg.LoseWait, cancel) // frees a Publish that waits for room
	defer late.Stop()
	g.Wait()
	r.await(send, r.all())
	cancel()
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.LoseWait)
	defer stop()
	if err := r.deleteOld(last, time.Now()); err != nil {
		r.cfg.Log.Warn("sent outbox rows left behind; they will be published again", "error", err)
	}
	return nil
}

// Gain adds buckets and reads their unsent rows. It returns when all of them are
// known, or as many as fit in memory; in the latter case Unsent says true for
// every key of the bucket until the rest is known. After an error the buckets are
// not the relay's. Numbers that are no bucket's are ignored. Call it while the relay runs or before.
func (r *Relay) Gain(ctx context.Context, buckets ...int) error {
	if !r.await(ctx, buckets) {
		return fmt.Errorf("gain buckets %v: rows of the last time are still in flight: %w", buckets, ctx.Err())
	}
	r.mu.Lock()
	var gained []int16
	for _, b := range buckets {
		if b >= 0 && b < len(r.shares) && r.shares[b] == nil {
			r.shares[b] = &share{bucket: b, doubt: r.sweeps}
			gained = append(gained, int16(b))
		}
	}
	r.mu.Unlock()
	if len(gained) == 0 {
		return nil
	}
	if _, _, err := r.sweepFrom(ctx, 0, gained); err != nil {
		for _, b := range gained {
			r.Lose(int(b))
		}
		return fmt.Errorf("gain buckets %v: %w", buckets, err)
	}
	return nil
}

// Lose takes buckets away: nothing more of them is published; it waits, at most
// LoseWait, until their rows in flight are done, and deletes those that were sent.
func (r *Relay) Lose(buckets ...int) {
	lost := r.cut(buckets)
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.LoseWait)
	defer cancel()
	r.await(ctx, buckets)
	ids := r.leftovers(lost)
	if len(ids) == 0 {
		return
	}
	last, stop := context.WithTimeout(context.Background(), r.cfg.LoseWait)
	defer stop()
	if err := r.delete(last, ids); err != nil {
		r.cfg.Log.Warn("sent outbox rows left behind; the next owner publishes them again", "error", err)
	}
}

// cut removes the buckets' shares and every stream that is not in flight.
func (r *Relay) cut(buckets []int) []*share {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lost []*share
	for _, b := range buckets {
		if sh := r.share(b); sh != nil {
			sh.gone = true
			lost = append(lost, sh)
			r.shares[b] = nil
		}
	}
	for _, s := range r.streams {
		if s.share.gone && s.place != flying {
			r.forget(s)
		}
	}
	return lost
}

// leftovers returns the ids of lost that were sent and not deleted, and forgets
// all that is known of the sent rows of those buckets.
func (r *Relay) leftovers(lost []*share) []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []int64
	buckets := map[int]bool{}
	for _, sh := range lost {
		buckets[sh.bucket] = true
		for _, row := range sh.sent {
			ids = append(ids, row.id)
		}
		sh.sent, sh.closed = nil, true
	}
	if len(buckets) == 0 {
		return nil
	}
	for id, mark := range r.sent {
		if buckets[mark.bucket] {
			delete(r.sent, id)
		}
	}
	return ids
}

// await waits until nothing of buckets is in flight; false if ctx ended first.
func (r *Relay) await(ctx context.Context, buckets []int) bool {
	if r.grounded(buckets) {
		return true
	}
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.grounded(buckets)
		case <-tick.C:
			if r.grounded(buckets) {
				return true
			}
		}
	}
}

func (r *Relay) grounded(buckets []int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range buckets {
		if b >= 0 && b < len(r.flying) && r.flying[b] > 0 {
			return false
		}
	}
	return true
}

// all returns every bucket.
func (r *Relay) all() []int {
	buckets := make([]int, len(r.shares))
	for b := range buckets {
		buckets[b] = b
	}
	return buckets
}
