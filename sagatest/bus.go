package sagatest

import (
	"cmp"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// keys sign the commands of the simulated coordinator; strangers forge with
// theirs.
var (
	keys      = saga.Keys{{ID: "k1", Secret: []byte("the secret of the simulated one.")}}
	strangers = saga.Keys{{ID: "k1", Secret: []byte("some other secret, as long as it")}}
)

// bus carries commands to participants and replies back. Within a lane (one
// participant, one saga, one direction of travel) messages keep their order, but
// a repeat of an earlier one may come late. Nothing that was written is lost.
type bus struct {
	w       *world
	down    bool
	stuck   []func()
	lanes   map[string]time.Time
	replies []record
}

// record is one message.
type record struct {
	headers []saga.Header
	value   []byte
}

// command writes a command to its participant's topic.
func (b *bus) command(c saga.Command) {
	w := b.w
	w.trail.published(c)
	c.Route = saga.Route{Namespace: "sim", Incarnation: 1, ReplyTopic: "replies"}
	c.Route.Token = keys.Token("sim", c.ID, c.Epoch, c.Participant)
	p := w.participant(c.Participant)
	r := record{saga.CommandHeaders(c, w.now), c.Payload.Data}
	lane := "to " + c.Participant + c.ID.Saga.String()
	delay := w.upTo(50 * time.Millisecond)
	if w.strikes(lateCommand, 0.03) {
		delay += w.upTo(30 * time.Second)
	}
	b.deliver(lane, delay, func() { p.receive(r) })
	if w.strikes(duplicateCommand, 0.1) {
		w.after(w.upTo(90*time.Second), func() { b.deliver(lane, 0, func() { p.receive(r) }) })
	}
}

// reply writes a participant's answer to the reply topic.
func (b *bus) reply(from string, id saga.ID, r record) {
	w := b.w
	lane := "of " + from + id.String()
	delay := w.upTo(50 * time.Millisecond)
	if w.strikes(lateReply, 0.03) {
		delay += w.upTo(30 * time.Second)
	}
	arrive := func() {
		b.replies = append(b.replies, r)
		w.coordinator.pollSoon()
	}
	b.deliver(lane, delay, arrive)
	if w.strikes(duplicateReply, 0.1) {
		w.after(w.upTo(90*time.Second), func() { b.deliver(lane, 0, arrive) })
	}
}

// deliver calls f after the delay, but not before what the lane carries already.
func (b *bus) deliver(lane string, delay time.Duration, f func()) {
	at := b.w.now.Add(delay)
	if last := b.lanes[lane]; last.After(at) {
		at = last
	}
	b.lanes[lane] = at
	b.w.after(at.Sub(b.w.now), func() { b.pass(f) })
}

// pass lets a message through, or keeps it until the bus is back.
func (b *bus) pass(f func()) {
	if b.down {
		b.stuck = append(b.stuck, f)
		return
	}
	f()
}

// fail stops all traffic for a while.
func (b *bus) fail(d time.Duration) {
	if b.down {
		return
	}
	b.down = true
	b.w.after(d, func() {
		b.down = false
		b.w.coordinator.healthy = b.w.now
		for _, f := range b.stuck {
			f()
		}
		b.stuck = nil
		b.w.coordinator.pollSoon()
	})
}

// forge writes a reply that looks right and that nobody was asked for.
func (w *world) forge() {
	if len(w.store.order) == 0 {
		return
	}
	id := w.store.order[w.rng.IntN(len(w.store.order))]
	state := w.store.state(id)
	if len(state.Steps) == 0 {
		return // a function that has asked for none yet
	}
	i := w.rng.IntN(len(state.Steps))
	step, ref := w.place(&state, i)
	direction := saga.Do
	if state.Steps[i].Epoch > 1 {
		direction = saga.Undo
	}
	reply := saga.Reply{
		ID:          saga.CommandID{Saga: id, Step: ref, Direction: direction},
		Participant: cmp.Or(step.Participant, participantName(0)), Attempt: max(state.Steps[i].Attempt, 1), Epoch: max(state.Steps[i].Epoch, 1),
		Outcome: saga.Succeeded, Payload: saga.JSON([]byte(`{"yes":true,"n":0}`)),
	}
	command := saga.Command{
		ID: reply.ID, Participant: reply.Participant, Name: "run", Definition: state.Definition, Version: state.Version,
		Attempt: reply.Attempt, Epoch: reply.Epoch, Deadline: w.now, Route: saga.Route{Namespace: "sim", Incarnation: 1, ReplyTopic: "replies"},
	}
	command.Route.Token = strangers.Token("sim", reply.ID, reply.Epoch, reply.Participant)
	w.bus.replies = append(w.bus.replies, record{saga.ReplyHeaders(saga.CommandHeaders(command, w.now), reply, w.now), reply.Payload.Data})
	w.coordinator.pollSoon()
}
