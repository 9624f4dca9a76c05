package coordinator

import (
	"context"
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
				c.cfg.Log.Warn("replies could not be read; trying again", "error", err)
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
		buckets := c.heldBuckets()
		if len(buckets) == 0 {
			continue
		}
		list, err := c.cfg.Store.FarWakes(ctx, buckets, c.cfg.BatchMax)
		if err != nil {
			c.cfg.Log.Warn("far wakes could not be read; trying again", "error", err)
			continue
		}
		for _, wake := range list {
			n := bucket.Of(wake.Saga.String(), bucket.Count)
			event := saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}}
			if !c.enqueue(ctx, &item{bucket: n, saga: wake.Saga, event: event, far: wake.At}) {
				return
			}
		}
	}
}
