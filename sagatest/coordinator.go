package sagatest

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// coordinator is the process that owns every saga. What it keeps in memory is
// lost when it crashes.
type coordinator struct {
	w        *world
	up       bool
	life     int // counts its restarts; what an earlier life has scheduled is void
	position int // the replies read so far
	polling  bool
	sweeping bool
	healthy  time.Time // since when it can reach the participants and hear them
	wakes    map[saga.ID]time.Time
	shut     map[saga.Way]time.Time // until when its gate holds commands
	runs     map[saga.ID]*saga.Run  // the functions that wait for their next events
}

// input is one event for one saga.
type input struct {
	id    saga.ID
	event saga.Event
	mail  int // the message that it is; 0: it is none
}

func newCoordinator(w *world) *coordinator {
	c := &coordinator{w: w}
	c.begin()
	return c
}

// begin starts a life: it reads from the stored offset and rebuilds its wakes
// from the stored states.
func (c *coordinator) begin() {
	c.up, c.position, c.wakes, c.polling, c.sweeping = true, c.w.store.offset, map[saga.ID]time.Time{}, false, false
	c.healthy, c.shut, c.runs = c.w.now, map[saga.Way]time.Time{}, map[saga.ID]*saga.Run{}
	if c.w.options.Mutant != WakesLost {
		for _, id := range c.w.store.order {
			c.refresh(id)
		}
	}
	c.sweep()
	c.pollSoon()
}

// crash ends a life; a new one begins a little later.
func (c *coordinator) crash() {
	if !c.up {
		return
	}
	c.up = false
	c.life++
	c.stop()
	c.w.after(c.w.upTo(10*time.Second), c.begin)
}

// later calls f after d unless the coordinator has died in between.
func (c *coordinator) later(d time.Duration, f func()) {
	life := c.life
	c.w.after(d, func() {
		if c.up && c.life == life {
			f()
		}
	})
}

// submit decides a verb and reports whether it was committed. One with Hold is
// decided by another node, which may not send.
func (c *coordinator) submit(id saga.ID, e saga.Event) bool {
	if !e.Hold && !c.up {
		return false
	}
	e.At = c.clock()
	return c.transact([]input{{id: id, event: e}}, !e.Hold)
}

// clock is the database's clock. It may step back a little.
func (c *coordinator) clock() time.Time {
	if c.w.strikes(clockBack, 0.05) {
		return c.w.now.Add(-c.w.upTo(2 * time.Second))
	}
	return c.w.now
}

// transact decides a batch in one transaction and reports whether it knows that
// it was committed.
func (c *coordinator) transact(inputs []input, own bool) bool {
	changes := c.decide(inputs, own)
	if c.w.options.Mutant == PublishFirst && own {
		for _, ch := range changes {
			for _, command := range ch.sends {
				c.w.bus.command(command)
			}
		}
	}
	kept, known, dead := c.fate(own)
	if kept {
		for _, ch := range changes {
			c.w.store.commit(ch)
			c.w.store.queue(ch, c.w.options.Mutant)
			maps.Copy(c.w.heard, ch.heard)
			c.w.report.Transitions += ch.events
			c.w.grown(ch)
			if x := ch.state.Extras(); ch.before.Seq == 0 && (x.Family != nil || x.Chain != nil) {
				c.w.nurse(ch)
			}
		}
	}
	if dead {
		c.crash()
	}
	c.rest(changes, known && own)
	c.settle(changes, own, known)
	return known
}

// fate draws what becomes of a transaction.
func (c *coordinator) fate(own bool) (kept, known, dead bool) {
	w := c.w
	switch {
	case w.strikes(abort, 0.05), w.strikes(unknownLost, 0.03):
		return false, false, false
	case w.strikes(unknownKept, 0.03):
		return true, false, false
	case own && w.strikes(crashBeforeCommit, 0.01):
		return false, false, true
	case own && w.strikes(crashAfterCommit, 0.01):
		return true, false, true
	}
	return true, true, false
}

// settle hands fresh commands to the relay and sets the wakes. After an unknown
// end it looks again a little later; what another node has changed, it notices.
func (c *coordinator) settle(changes []*change, own, known bool) {
	if c.w.own != nil && c.up {
		c.sweepSoon()
	}
	for _, ch := range changes {
		switch {
		case !c.up:
		case !own || !known:
			c.later(c.w.upTo(time.Second), func() { c.refresh(ch.id) })
		default:
			c.relay(ch.id)
			c.refresh(ch.id)
			for _, to := range ch.granted {
				c.later(c.w.upTo(50*time.Millisecond), func() { c.deliver(to) })
			}
			for _, tell := range ch.tells {
				c.later(c.w.upTo(50*time.Millisecond), func() { c.deliver(tell.To) })
			}
		}
	}
}

// decide folds the inputs, each saga's in order.
func (c *coordinator) decide(inputs []input, own bool) []*change {
	var changes []*change
	byID := map[saga.ID]*change{}
	for _, in := range inputs {
		ch := byID[in.id]
		if ch == nil {
			ch = c.w.store.load(in.id)
			ch.foreign = !own
			byID[in.id] = ch
			changes = append(changes, ch)
		}
		if in.mail != 0 {
			ch.folded = append(ch.folded, in.mail)
		}
		if in.event.Kind == saga.Started && ch.decider == nil {
			if ch.decider = c.w.deciderOf(in.event.Extras().Definition); ch.decider != nil {
				c.w.store.deciders[in.id] = ch.decider
			}
		}
		if ch.decider == nil { // a message for nobody
			c.w.hit("mail-for-nobody")
			continue
		}
		if in.event.Kind == saga.Started && in.event.Extras().Version == "" {
			in.event.Own().Version = versionOf(ch.decider)
		}
		if _, code := ch.decider.(*saga.Code); code && ch.run == nil {
			c.take(ch, own)
		}
		c.decideOne(ch, c.w.options.Mutant.event(ch, in.event, c.w))
	}
	for _, ch := range changes {
		changes = append(changes, ch.next...)
	}
	return changes
}

func (c *coordinator) decideOne(ch *change, e saga.Event) {
	w := c.w
	w.cover(ch.state, ch.decider.Definition(), e)
	ch.hear(e)
	next, effects, err := c.gated(ch, &e)
	switch {
	case errors.Is(err, saga.ErrPastPivot):
		w.hit("past-pivot")
		return
	case saga.IsRefusal(err):
		w.hit("verb-refused")
		return
	case err != nil && e.Kind == saga.Started && e.Extras().Family != nil:
		w.hit("child-refused")
		ch.refused(e, err)
		return
	case err != nil:
		w.brokenf("saga %s: %s: %s", ch.id, e.Kind, err)
		return
	case next.Seq == ch.state.Seq:
		return
	}
	next = w.options.Mutant.held(ch.state, next)
	w.checkTransition(ch.state, next, e)
	if w.options.Mutant != HistoryGap || w.rng.IntN(200) > 0 {
		ch.stored = append(ch.stored, e.Stored(&next, effects))
	}
	for _, effect := range effects {
		if ch.tell(effect) || ch.lock(effect) || c.aside(ch, effect) || c.follow(ch, effect) {
			continue
		}
		command := effect.(saga.Send).Command
		w.checkSend(ch.state, next, e, command)
		if w.options.Mutant.send(ch, e, command, w) {
			ch.sends = append(ch.sends, command)
		}
	}
	ch.state = next
	ch.events++
	w.checkWatched(ch)
}

// aside takes an effect that is no command, and reports whether it is one.
func (c *coordinator) aside(ch *change, effect saga.Effect) bool {
	switch effect := effect.(type) {
	case saga.Noted:
		c.w.noted(effect)
	case saga.Announce:
		ch.ends = append(ch.ends, effect)
		c.w.hit("announced")
	case saga.Watch:
		ch.watched = slices.DeleteFunc(slices.Clone(ch.watched), func(step string) bool { return step == effect.Step })
		if !effect.Over {
			ch.watched = append(ch.watched, effect.Step)
		}
		c.w.hit("watched")
	default:
		return false
	}
	return true
}

// gated decides an event, again with more ways closed as long as the gate keeps
// one of its commands back.
func (c *coordinator) gated(ch *change, e *saga.Event) (saga.State, []saga.Effect, error) {
	for {
		next, effects, err := ch.decide(nil, *e)
		if errors.Is(err, saga.ErrNeedHistory) {
			c.w.hit("history-asked")
			next, effects, err = ch.decide(ch.stored, *e)
		}
		if err != nil || e.Hold || !c.holds(e, effects) {
			return next, effects, err
		}
	}
}

// holds closes the way of each command that the gate keeps back.
func (c *coordinator) holds(e *saga.Event, effects []saga.Effect) (closed bool) {
	for _, effect := range effects {
		send, ok := effect.(saga.Send)
		if !ok {
			continue
		}
		command := send.Command
		way := saga.Way{Participant: command.Participant, Direction: command.ID.Direction}
		if c.w.strikes(breakerOpen, 0.01) {
			c.shut[way] = c.w.now.Add(c.w.upTo(2 * time.Minute))
		}
		if !c.w.now.Before(c.shut[way]) || slices.Contains(e.Extras().Passed, command.ID.Step) {
			continue
		}
		if c.w.rng.IntN(4) == 0 { // a ramp has something for some of them
			e.Own().Passed = append(slices.Clip(e.Extras().Passed), command.ID.Step)
			continue
		}
		e.Own().Held, closed = append(slices.Clip(e.Extras().Held), way), true
	}
	return closed
}

// setWake keeps when a saga is to be woken; zero means never.
func (c *coordinator) setWake(id saga.ID, at time.Time) {
	if at.IsZero() {
		delete(c.wakes, id)
		return
	}
	if at.Equal(c.wakes[id]) {
		return
	}
	c.wakes[id] = at
	c.later(at.Sub(c.w.now)+c.w.upTo(200*time.Millisecond), func() {
		if at.Equal(c.wakes[id]) {
			c.wake(id)
		}
	})
}

// wake lets a saga look at its timers. While our own way is not whole its
// commands are not late.
func (c *coordinator) wake(id saga.ID) {
	delete(c.wakes, id)
	e := saga.Event{Kind: saga.Woke, At: c.clock(), Actor: saga.Actor{Kind: saga.Engine}, Extra: &saga.EventExtra{Healthy: c.healthy}}
	if c.w.bus.down || c.w.store.unsent(id) {
		e.Extra.Healthy = c.w.now
	}
	if c.w.options.Mutant == OutageIsTimeout {
		e.Extra.Healthy = time.Time{}
	}
	if c.transact([]input{{id: id, event: e}}, true) {
		c.refresh(id)
	}
}

// refresh sets a saga's wake from its stored state.
func (c *coordinator) refresh(id saga.ID) {
	state := c.w.store.state(id)
	at := state.WakeAt()
	if !at.IsZero() && !at.After(c.w.now) {
		pause := 10 * time.Millisecond
		if !at.Equal(state.TimerAt()) { // a held command: the gate is asked again later
			pause = time.Second
		}
		at = c.w.now.Add(pause)
	}
	c.setWake(id, at)
}
