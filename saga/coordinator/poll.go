package coordinator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// poll reads replies and hands each to the writer of its partition, waiting when
// that has enough to do.
func (c *Coordinator) poll(ctx context.Context) error {
	for ctx.Err() == nil {
		records, err := c.cfg.Replies.Poll(ctx, c.cfg.PollMax)
		if err != nil {
			if ctx.Err() == nil {
				if more, ok := c.complaints.Pass(time.Now()); ok {
					c.cfg.Log.Warn("replies could not be read; trying again", "more", more, "error", err)
				}
				c.reread(err)
				sleep(ctx, c.cfg.RetryMin)
			}
			continue
		}
		for i := range records {
			if !c.enqueue(ctx, c.replyItem(&records[i])) {
				return nil
			}
		}
	}
	return nil
}

// reread goes on from the oldest record of a partition that does not hold the
// offset to read from: its records have expired, or the topic was made anew.
// Without it the partition would stand still for ever. A reply that is read twice
// changes nothing; one that has expired is asked for again by its deadline.
func (c *Coordinator) reread(cause error) {
	var stopped Stopped
	if !errors.As(cause, &stopped) {
		return
	}
	partition := stopped.StoppedPartition()
	c.mu.RLock() // until the end: a bucket that is lost meanwhile is revoked after this
	defer c.mu.RUnlock()
	b := c.buckets[int(partition)]
	if b == nil {
		return
	}
	c.cfg.Log.Error("replies may have been lost; reading on from the oldest one", "partition", partition, "error", cause)
	b.position.Store(-1)
	if err := c.cfg.Replies.Assign(partition, oldest); err != nil {
		c.cfg.Log.Error("a reply partition is not read any more", "partition", partition, "error", err)
	}
}

// replyItem turns a record into an item. What cannot be read, or was forged,
// becomes an item too: in its turn it is kept as a dead letter, and the partition
// goes on.
func (c *Coordinator) replyItem(rec *record.Record) *item {
	it := &item{bucket: int(rec.Partition), record: rec}
	reply, err := saga.DecodeReply(rec.Headers, rec.Value)
	if err != nil {
		it.dead = &verdict{classDecode, err.Error()}
		return it
	}
	if err := c.cfg.Keys.Verify(reply); err != nil {
		it.dead = &verdict{classToken, err.Error()}
		return it
	}
	it.saga = reply.ID.Saga
	it.event = saga.ReplyEvent(reply, time.Time{})
	if n := bucket.Of(it.saga.String(), bucket.Count); n != it.bucket {
		it.move = n
		it.dead = &verdict{classMisplaced, fmt.Sprintf("the reply belongs to partition %d", n)}
	}
	if reply.Route.Incarnation != c.cfg.Incarnation {
		it.dead = &verdict{classUnmatched, fmt.Sprintf("incarnation %d, this database is incarnation %d", reply.Route.Incarnation, c.cfg.Incarnation)}
	}
	return it
}

// farWakes looks for sagas of our buckets that somebody else wants woken, such
// as one with a held command of a verb that another node ran.
func (c *Coordinator) farWakes(ctx context.Context) {
	for sleep(ctx, c.cfg.FarEvery) {
		// One of the clocks may have been set, or this machine have slept, while no
		// batch was there to notice.
		if now, err := c.cfg.Store.Now(ctx); err == nil {
			c.tick(now)
		}
		buckets := c.heldBuckets()
		if len(buckets) == 0 {
			continue
		}
		list, err := c.cfg.Store.FarWakes(ctx, buckets, c.cfg.BatchMax)
		if err != nil {
			c.cfg.Log.Warn("far wakes could not be read; trying again", "error", err)
			continue
		}
		look := c.bag.take()
		for _, wake := range list {
			n := bucket.Of(wake.Saga.String(), bucket.Count)
			look = append(look, n) // a verb of another node may have freed the saga, or told others something
			// Nobody has looked at the way: no command's time is up by this wake.
			event := saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}, Extra: &saga.EventExtra{Healthy: c.now()}}
			if !c.enqueue(ctx, &item{bucket: n, saga: wake.Saga, event: event, far: wake.At}) {
				return
			}
		}
		if len(look) > 0 {
			c.mailAgain(ctx, look)
		}
	}
}
