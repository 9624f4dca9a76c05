package sagatest

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// sweep sends, each second, what is left in the outbox.
func (c *coordinator) sweep() {
	c.sweeping = false
	active := c.w.own == nil && !c.w.calm() || len(c.w.store.mail) > 0
	c.deliverAll()
	for _, id := range c.w.store.order {
		c.relay(id)
		active = active || c.w.own == nil && !c.w.store.rows[id].ended || c.w.store.unsent(id)
	}
	if active {
		c.sweepSoon()
	}
}

// sweepSoon sweeps in a second. In a user's world, whose sagas may sleep for months, it is
// called by what leaves something there.
func (c *coordinator) sweepSoon() {
	if !c.sweeping {
		c.sweeping = true
		c.later(time.Second, c.sweep)
	}
}

// relay sends a saga's commands in order. One that fails stops the ones behind
// it; it is sent again later, perhaps a second time.
func (c *coordinator) relay(id saga.ID) {
	w, r := c.w, c.w.store.rows[id]
	for r != nil && len(r.outbox) > 0 && !w.bus.down {
		if w.strikes(publishLost, 0.05) {
			return
		}
		if w.strikes(undeliverable, 0.01) {
			c.drop(id, r)
			continue
		}
		w.bus.command(r.outbox[0].command)
		if w.strikes(publishWritten, 0.05) || w.strikes(ackLost, 0.05) {
			return
		}
		r.outbox = r.outbox[1:]
	}
}

// drop gives up a command that can never be sent, and says so to its saga.
func (c *coordinator) drop(id saga.ID, r *row) {
	command := r.outbox[0].command
	r.outbox = r.outbox[1:]
	c.w.trail.dropped(command)
	e := saga.Event{
		Kind: saga.Undeliverable, Actor: saga.Actor{Kind: saga.Engine}, Reason: "the record is too large",
		Step: command.ID.Step, Direction: command.ID.Direction, Attempt: command.Attempt, Epoch: command.Epoch,
	}
	c.later(time.Millisecond, func() { c.submit(id, e) })
}

// pollSoon reads replies in a moment.
func (c *coordinator) pollSoon() {
	if c.polling || !c.up {
		return
	}
	c.polling = true
	c.later(10*time.Millisecond+c.w.upTo(100*time.Millisecond), func() {
		c.polling = false
		c.poll()
	})
}

// poll decides a batch of replies and then moves on, never before. The stored
// offset lags behind, so that a restart reads some of them again.
func (c *coordinator) poll() {
	const most = 20
	w := c.w
	batch := w.bus.replies[c.position:min(len(w.bus.replies), c.position+most)]
	if w.bus.down || len(batch) == 0 {
		return
	}
	var inputs []input
	for _, r := range batch {
		if in, ok := c.decode(r); ok {
			inputs = append(inputs, in)
		}
	}
	if c.transact(inputs, true) {
		c.position += len(batch)
		if w.rng.IntN(8) == 0 {
			w.store.offset = c.position
		}
	}
	c.pollSoon()
}

// decode reads a reply; what is not one, or is forged, is a dead letter.
func (c *coordinator) decode(r record) (input, bool) {
	reply, err := saga.DecodeReply(r.headers, r.value)
	if err != nil {
		c.w.brokenf("a reply of the simulator's own cannot be read: %s", err)
		return input{}, false
	}
	if err := keys.Verify(reply); err != nil {
		c.w.hit("dead-letter")
		if c.w.options.Mutant != NoToken {
			return input{}, false
		}
	}
	return input{id: reply.ID.Saga, event: saga.ReplyEvent(reply, c.clock())}, true
}
