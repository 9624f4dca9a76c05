package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// claim delivers the records of one partition during one session. Records of one
// key form a lane, in which the next begins when the one before is acknowledged;
// lanes run side by side, as many as Concurrency says.
type claim struct {
	*subscription
	session sarama.ConsumerGroupSession
	source  sarama.ConsumerGroupClaim

	stop   <-chan struct{}    // the session's end: deliver nothing more
	hard   context.Context    // the drain's end: wait for nobody more
	cancel context.CancelFunc // ends hard

	slots   chan struct{} // one per message with a handler
	room    chan struct{} // one per record from the first unfinished one on
	workers sync.WaitGroup

	mu     sync.Mutex
	lanes  map[string]*lane
	prefix prefix
}

// lane is the queue of one key's records. It exists while a worker serves it.
type lane struct {
	queue []*sarama.ConsumerMessage
}

func newClaim(s *subscription, session sarama.ConsumerGroupSession, source sarama.ConsumerGroupClaim) *claim {
	c := &claim{
		subscription: s,
		session:      session,
		source:       source,
		stop:         session.Context().Done(),
		slots:        make(chan struct{}, s.config.Concurrency),
		room:         make(chan struct{}, s.config.MaxInFlight),
		lanes:        map[string]*lane{},
	}
	c.hard, c.cancel = context.WithCancel(s.base)
	return c
}

// run takes records until the session ends, then drains.
func (c *claim) run() {
	defer c.drain()
	for {
		select {
		case c.room <- struct{}{}:
		case <-c.stop:
			return
		}
		select {
		case m, ok := <-c.source.Messages():
			if !ok {
				return
			}
			c.accept(m)
		case <-c.stop:
			return
		}
	}
}

// accept puts m into its lane.
func (c *claim) accept(m *sarama.ConsumerMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.prefix.begin(m.Offset)
	key, shared := c.laneKey(m)
	if l := c.lanes[key]; shared && l != nil {
		l.queue = append(l.queue, m)
		return
	}
	l := &lane{queue: []*sarama.ConsumerMessage{m}}
	if shared {
		c.lanes[key] = l
	}
	c.workers.Go(func() { c.serve(key, l, m) })
}

// laneKey names m's lane; shared is false for a record that has a lane to itself.
func (c *claim) laneKey(m *sarama.ConsumerMessage) (key string, shared bool) {
	if c.config.Concurrency == 1 {
		return "", true
	}
	return string(m.Key), m.Key != nil
}

// serve delivers a lane's records, from first on, one after the other until none
// is left or the session ended.
func (c *claim) serve(key string, l *lane, first *sarama.ConsumerMessage) {
	for m := first; m != nil; m = c.advance(key, l) {
		if !c.deliver(fromWire(m)) {
			return
		}
	}
}

// advance finishes the lane's first record and returns the next one, or nil when
// the lane is empty and gone.
func (c *claim) advance(key string, l *lane) *sarama.ConsumerMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.finish(l.queue[0].Offset)
	if l.queue = l.queue[1:]; len(l.queue) > 0 {
		return l.queue[0]
	}
	if c.lanes[key] == l {
		delete(c.lanes, key)
	}
	return nil
}

// finish marks the finished prefix and makes room for as many records.
func (c *claim) finish(offset int64) {
	next, n := c.prefix.finish(offset)
	if n == 0 {
		return
	}
	c.session.MarkOffset(c.source.Topic(), c.source.Partition(), next, "")
	for range n {
		<-c.room
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
			"topic", c.topic, "partition", c.source.Partition(), "group", c.config.Group)
		c.cancel()
	})
	c.workers.Wait()
	timer.Stop()
	c.cancel()
}
