package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// claim delivers the records of one partition during one session. Records of one
// key form a lane, in which the next begins when the one before is acknowledged;
// lanes run side by side, as many as Concurrency says. It is what takes its
// partition's records from the subscription's feed.
type claim struct {
	*subscription
	session   sarama.ConsumerGroupSession
	partition int32

	stop   <-chan struct{}    // the session's end: deliver nothing more
	hard   context.Context    // the drain's end: wait for nobody more
	cancel context.CancelFunc // ends hard

	slots   chan struct{} // one per message with a handler
	workers sync.WaitGroup

	mu      sync.Mutex
	from    *assignment
	lanes   map[string]*lane
	prefix  prefix      // of the records in lanes, at most MaxInFlight from the first unfinished one on
	waiting []Record    // read behind them; nothing more is read while there are any
	sated   atomic.Bool // nothing more is to be read
	lost    bool        // the partition is to be read from its oldest record, once all of these are done
	anew    bool        // it is, and the group's offset does not know yet
}

// lane is the queue of one key's records. It exists while a worker serves it.
type lane struct {
	queue []Record
}

func newClaim(s *subscription, session sarama.ConsumerGroupSession, partition int32) *claim {
	c := &claim{
		subscription: s,
		session:      session,
		partition:    partition,
		stop:         session.Context().Done(),
		slots:        make(chan struct{}, s.config.Concurrency),
		lanes:        map[string]*lane{},
	}
	c.hard, c.cancel = context.WithCancel(s.base)
	return c
}

// begin reads the partition from an offset on.
func (c *claim) begin(offset int64) {
	c.from = newAssignment(c.partition, offset, c)
	c.feed.read(c.from)
}

// end stops the reading and drains. The session's end came before.
func (c *claim) end() {
	c.mu.Lock() // whoever had it before may have begun workers, nobody will
	c.from.revoke()
	c.waiting = nil
	c.mu.Unlock()
	c.drain()
}

// ended tells whether the session has ended.
func (c *claim) ended() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// put is part of taker: it never waits.
func (c *claim) put(_ context.Context, items []arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range items {
		if err := items[i].fault; err != nil {
			c.lose(err)
			continue
		}
		c.waiting = append(c.waiting, items[i].record)
	}
	c.admit()
	if len(c.waiting) > 0 {
		c.sated.Store(true)
	}
}

// lose is what is done about a partition that cannot be read on.
func (c *claim) lose(err error) {
	what := "kafka: a partition stands still; set its group's offset by hand while no member runs"
	if c.lost = c.config.SkipLost; c.lost {
		what = "kafka: records may have been lost; reading on from the oldest one"
	}
	c.config.Log.Error(what, "topic", c.topic, "partition", c.partition, "group", c.config.Group, "error", err)
}

// full is part of taker.
func (c *claim) full() bool { return c.sated.Load() }

// admit puts what was read into lanes, as far as MaxInFlight allows, and begins anew
// where the place to read on from is gone.
func (c *claim) admit() {
	n := 0
	for !c.ended() && n < len(c.waiting) && len(c.prefix.open) < c.config.MaxInFlight {
		c.accept(c.waiting[n])
		n++
	}
	if c.waiting = c.waiting[n:]; len(c.waiting) == 0 {
		c.waiting = nil
	}
	if c.lost && !c.ended() && len(c.prefix.open)+len(c.waiting) == 0 { // the oldest may lie below what is in lanes
		c.lost, c.anew = false, true
		c.begin(OffsetOldest)
	}
}

// accept puts r into its lane.
func (c *claim) accept(r Record) {
	c.prefix.begin(r.Offset)
	key, shared := c.laneKey(&r)
	if l := c.lanes[key]; shared && l != nil {
		l.queue = append(l.queue, r)
		return
	}
	l := &lane{queue: []Record{r}}
	if shared {
		c.lanes[key] = l
	}
	c.workers.Go(func() { c.serve(key, l) })
}

// laneKey names r's lane; shared is false for a record that has a lane to itself.
func (c *claim) laneKey(r *Record) (key string, shared bool) {
	if c.config.Concurrency == 1 {
		return "", true
	}
	return string(r.Key), r.Key != nil
}

// serve delivers a lane's records one after the other until none is left or the
// session ended.
func (c *claim) serve(key string, l *lane) {
	for r, ok := c.first(l), true; ok && c.deliver(r); {
		r, ok = c.advance(key, l)
	}
}

// first is a lane's first record.
func (c *claim) first(l *lane) Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return l.queue[0]
}

// advance finishes the lane's first record and returns the next one; false means
// that the lane is empty and gone.
func (c *claim) advance(key string, l *lane) (Record, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	offset := l.queue[0].Offset
	l.queue = l.queue[1:]
	if len(l.queue) == 0 && c.lanes[key] == l {
		delete(c.lanes, key)
	}
	c.finish(offset)
	if len(l.queue) > 0 {
		return l.queue[0], true
	}
	return Record{}, false
}

// finish marks the finished prefix and makes room for as many records. The
// partition is read again once half of the room is free, so that one that has more
// than the handlers can do is not asked for record by record.
func (c *claim) finish(offset int64) {
	next, n := c.prefix.finish(offset)
	if n == 0 {
		return
	}
	if c.anew {
		c.anew = false
		c.session.ResetOffset(c.topic, c.partition, next, "") // a mark never goes back
	}
	c.session.MarkOffset(c.topic, c.partition, next, "")
	c.admit()
	if c.sated.Load() && len(c.waiting) == 0 && 2*len(c.prefix.open) <= c.config.MaxInFlight {
		c.sated.Store(false)
		c.feed.again()
	}
}

// verdict is what became of a delivery.
type verdict int

const (
	dropped verdict = iota // the session ended first
	acked
	nacked
)

// deliver hands r to a handler, again and again until it is acknowledged; false
// means that the session ended first.
func (c *claim) deliver(r Record) bool {
	for {
		select {
		case c.slots <- struct{}{}:
		case <-c.stop:
			return false
		}
		v := c.once(r)
		<-c.slots
		switch v {
		case acked:
			return true
		case dropped:
			return false
		case nacked:
			if !c.wait(c.config.NackPause) {
				return false
			}
		}
	}
}

// once hands r to a handler and waits for its verdict, at the session's end until
// the drain is over.
func (c *claim) once(r Record) verdict {
	if c.ended() {
		return dropped
	}
	ctx, cancel := context.WithCancel(c.hard)
	defer cancel()
	m := NewMessage(ctx, r)
	select {
	case c.out <- m:
	case <-c.stop:
		return dropped
	}
	select {
	case <-m.Acked():
		return acked
	case <-m.Nacked():
		return nacked
	case <-c.hard.Done():
		return dropped
	}
}

// wait pauses for d; false means that the session ended first.
func (c *claim) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.stop:
		return false
	}
}

// drain waits for running handlers, at most DrainTimeout, then ends their
// contexts and lets them be: their records come again.
func (c *claim) drain() {
	timer := time.AfterFunc(c.config.DrainTimeout, func() {
		c.config.Log.Warn("kafka: handlers did not finish within the drain timeout; their messages will be delivered again",
			"topic", c.topic, "partition", c.partition, "group", c.config.Group)
		c.cancel()
	})
	c.workers.Wait()
	timer.Stop()
	c.cancel()
}
