package coordinator

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/saga"
)

// bucketState is one bucket while this process holds it.
type bucketState struct {
	held     lease.Held
	gained   time.Time    // database clock
	position atomic.Int64 // the finished prefix of its reply partition; -1 while nothing of it is known
	saved    int64        // the position last stored; used by one goroutine
}

// wakesPage is how many active sagas are read at once on a takeover.
const wakesPage = 5000

// Gain takes over buckets. It is the lease's OnGain: the former owner's last
// transaction has ended when it is called. A bucket takes part in batches once
// everything about it is known: its unsent rows, its wakes and its mail.
func (c *Coordinator) Gain(ctx context.Context, gained []lease.Held) {
	buckets := make([]int, len(gained))
	for i, held := range gained {
		buckets[i] = held.Bucket
	}
	c.insist(ctx, buckets, func() error { return c.cfg.Relay.Gain(ctx, buckets...) })
	for _, held := range gained {
		c.insist(ctx, []int{held.Bucket}, func() error { return c.gain(ctx, held) })
	}
	c.mailAgain(ctx, buckets)
	c.path.ask()
}

// insist tries until it succeeds or ctx ends: a bucket that is held and not
// taken over would stand still.
func (c *Coordinator) insist(ctx context.Context, buckets []int, try func() error) {
	for pause := c.cfg.RetryMin; ctx.Err() == nil; pause = min(2*pause, c.cfg.RetryMax) {
		err := try()
		if err == nil || ctx.Err() != nil {
			return
		}
		c.cfg.Log.Error("cannot take over buckets; trying again", "buckets", buckets, "error", err)
		sleep(ctx, pause)
	}
}

func (c *Coordinator) gain(ctx context.Context, held lease.Held) error {
	w := c.writerOf(held.Bucket)
	c.bag.miss(held.Bucket) // what the former owner has left comes before what is told from now on
	var last saga.ID
	for more := true; more; {
		page, err := c.cfg.Store.Wakes(ctx, held.Bucket, last, wakesPage)
		if err != nil {
			return fmt.Errorf("read the wakes of bucket %d: %w", held.Bucket, err)
		}
		for _, wake := range page {
			w.wakes.set(wake.Saga, held.Bucket, wake.At)
			last = wake.Saga
		}
		more = len(page) == wakesPage
	}
	now, err := c.cfg.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	c.tick(now)
	b := &bucketState{held: held, gained: now}
	b.position.Store(held.ReadOffset)
	b.saved = held.ReadOffset
	c.mu.Lock()
	c.buckets[held.Bucket] = b
	c.mu.Unlock()
	return c.assign(held)
}

func (c *Coordinator) assign(held lease.Held) error {
	if c.cfg.Replies == nil {
		return nil
	}
	offset := held.ReadOffset
	if offset < 0 {
		offset = oldest
	}
	if err := c.cfg.Replies.Assign(int32(held.Bucket), offset); err != nil {
		return fmt.Errorf("read reply partition %d: %w", held.Bucket, err)
	}
	return nil
}

const oldest = -2

// Lose lets go of buckets. It is the lease's OnLoss. When it returns, no batch
// with them is under way, and their finished prefixes are stored.
func (c *Coordinator) Lose(lost []lease.Held) {
	// All of them go first: a writer that keeps trying a batch with one of them
	// drops it then, and only so comes to its end.
	states := c.remove(lost)
	buckets := make([]int, len(lost))
	for i, held := range lost {
		buckets[i] = held.Bucket
		if c.cfg.Replies != nil {
			c.cfg.Replies.Revoke(int32(held.Bucket))
		}
	}
	positions := map[int]int64{}
	for _, n := range buckets {
		w := c.writerOf(n)
		w.settle()
		w.wakes.forget(n)
		w.gate.forget(n)
		w.coroutines.forget(n)
		if b := states[n]; b != nil && b.position.Load() >= 0 {
			positions[n] = b.position.Load()
		}
	}
	c.cfg.Relay.Lose(buckets...) // together: each call may wait for rows in flight
	if c.cfg.SaveOffsets == nil || len(positions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.cfg.RetryMax)
	defer cancel()
	if err := c.cfg.SaveOffsets(ctx, positions); err != nil {
		c.cfg.Log.Warn("read offsets were not stored; replies will be read again", "error", err)
	}
}

// remove takes buckets out of every batch that begins from now on.
func (c *Coordinator) remove(lost []lease.Held) map[int]*bucketState {
	c.mu.Lock()
	defer c.mu.Unlock()
	states := map[int]*bucketState{}
	for _, held := range lost {
		states[held.Bucket] = c.buckets[held.Bucket]
		delete(c.buckets, held.Bucket)
	}
	return states
}

// bucket returns a bucket that this process holds, or nil.
func (c *Coordinator) bucket(n int) *bucketState {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.buckets[n]
}

// partitions lists the reply partitions held.
func (c *Coordinator) partitions() []int32 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]int32, 0, len(c.buckets))
	for n := range c.buckets {
		list = append(list, int32(n))
	}
	return list
}

// heldBuckets lists the buckets held.
func (c *Coordinator) heldBuckets() []int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]int, 0, len(c.buckets))
	for n := range c.buckets {
		list = append(list, n)
	}
	return list
}

// saveOffsets stores the finished prefixes that moved, every OffsetsEvery.
func (c *Coordinator) saveOffsets(ctx context.Context) {
	tick := time.NewTicker(c.cfg.OffsetsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		moved := map[int]int64{}
		for _, n := range c.heldBuckets() {
			if b := c.bucket(n); b != nil {
				if position := b.position.Load(); position >= 0 && position != b.saved {
					moved[n] = position
				}
			}
		}
		if len(moved) == 0 {
			continue
		}
		failpoint.Hit(failpoint.BeforeAck)
		if err := c.cfg.SaveOffsets(ctx, moved); err != nil {
			c.cfg.Log.Warn("read offsets were not stored; trying again", "error", err)
			continue
		}
		failpoint.Hit(failpoint.AfterAck)
		for n, position := range moved {
			if b := c.bucket(n); b != nil {
				b.saved = position
			}
		}
	}
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
