package coordinator

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
)

// releaseEvery is how often held commands are looked at.
const releaseEvery = 50 * time.Millisecond

// out is a command that the gate let through, until its permit is returned.
type out struct {
	step    saga.StepRef
	way     saga.Way
	attempt int
	permit  breaker.Permit
}

func key(w saga.Way) breaker.Key {
	return breaker.Key{Participant: w.Participant, Undo: w.Direction == saga.Undo}
}

// The kinds of groups that commands can be held by, beside breaker.ParticipantGroup.
const (
	NamespaceGroup  = "namespace"  // NamespaceGroup is the commands of a namespace's sagas.
	DefinitionGroup = "definition" // DefinitionGroup is the commands of a definition's sagas, in one namespace.
)

// itemOf is what a saga is at the gate.
func itemOf(namespace string, s *saga.State) breaker.Item[saga.ID] {
	item := breaker.Item[saga.ID]{ID: s.ID, Groups: [2]breaker.Group{
		{Kind: NamespaceGroup, Name: namespace}, {Kind: DefinitionGroup, Within: namespace, Name: s.Definition},
	}}
	switch s.Labelled().Priority {
	case saga.High:
		item.Priority = 1
	case saga.Low:
		item.Priority = -1
	}
	return item
}

// gated decides an event. If the gate keeps a command back, the event is decided
// again and says so itself: the state follows from the stored event alone, and
// replay needs no gate.
func (f *fold) gated(s *folding, it *item, e *saga.Event) (saga.State, []saga.Effect, error) {
	history := f.historyOf(s)
	var spare []out
	defer func() { giveBack(spare) }()
	for {
		state, effects, err := f.decideOn(s, history, *e)
		if err != nil || e.Hold || f.r.c.cfg.Gate == nil || len(effects) == 0 {
			return state, effects, err
		}
		granted, shut := f.ask(s, it, itemOf(s.row.Namespace, &state), effects, &spare)
		if len(shut) == 0 {
			s.granted = append(s.granted, granted...)
			return state, effects, nil
		}
		spare = append(spare, granted...)
		extra := e.Own()
		extra.Held = slices.Concat(extra.Held, shut)
		extra.Passed = passed(granted, extra.Held)
	}
}

// passed lists what the gate has let through of the ways that it has closed to the
// rest: a half-open breaker wants its probe, and a ramp gives what it has.
func passed(granted []out, shut []saga.Way) (steps []saga.StepRef) {
	for _, o := range granted {
		if slices.Contains(shut, o.way) {
			steps = append(steps, o.step)
		}
	}
	return steps
}

// ask asks the gate for every command; spare permits are used first.
func (f *fold) ask(s *folding, it *item, at breaker.Item[saga.ID], effects []saga.Effect, spare *[]out) (granted []out, shut []saga.Way) {
	for _, effect := range effects {
		send, ok := effect.(saga.Send)
		if !ok {
			continue
		}
		cmd := &send.Command
		want := out{step: cmd.ID.Step, way: saga.Way{Participant: cmd.Participant, Direction: cmd.ID.Direction}, attempt: cmd.Attempt}
		if cmd.Participant == saga.Local && !f.r.c.cfg.Gate.Keeps(key(want.way), at) {
			continue
		}
		if i := slices.IndexFunc(*spare, func(o out) bool { return o.step == want.step && o.way == want.way }); i >= 0 {
			granted, *spare = append(granted, (*spare)[i]), slices.Delete(*spare, i, i+1)
			continue
		}
		if want.permit, ok = f.r.c.cfg.Gate.Ask(key(want.way), at, f.heldBefore(s, it, want.step)); ok {
			granted = append(granted, want)
		} else if !slices.Contains(shut, want.way) {
			shut = append(shut, want.way)
		}
	}
	return granted, shut
}

// heldBefore reports whether a gate has kept this command back. One that another
// node's verb left to us was never at a gate.
func (f *fold) heldBefore(s *folding, it *item, step saga.StepRef) bool {
	if !it.isWake() || !it.far.IsZero() {
		return false
	}
	held := func(p saga.Pending) bool { return p.Held && p.Step == step }
	return slices.ContainsFunc(s.decider.Pending(&s.row.State), held)
}

// giveBack returns permits of commands that were never sent.
func giveBack(list []out) {
	for _, o := range list {
		o.permit.Done(breaker.Excluded)
	}
}

// giveBack returns the permits of a try that was not committed.
func (f *fold) giveBack() {
	for _, s := range f.sagas {
		s.giveBack()
	}
}

func (s *folding) giveBack() {
	giveBack(s.granted)
	s.granted = nil
}

// gateBook knows what a writer's sagas have at the gate.
type gateBook struct {
	gate  Gate // nil lets everything pass
	mu    sync.Mutex
	sagas map[saga.ID]*atGate
}

// atGate is one saga's commands: those out with a permit, and whether some are
// held.
type atGate struct {
	bucket int
	out    []out
	held   bool
}

func newGateBook(gate Gate) *gateBook { return &gateBook{gate: gate, sagas: map[saga.ID]*atGate{}} }

// settled takes over what a committed batch did to a saga: permits of commands
// that are not out any more go back with their outcome, and the gate learns what
// is held.
func (b *gateBook) settled(s *folding) {
	if b.gate == nil || s.decider == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.sagas[s.id]
	if at == nil {
		at = &atGate{bucket: s.bucket}
	}
	pending := s.decider.Pending(&s.row.State)
	at.out = append(at.out, s.granted...)
	s.granted = nil
	at.out = slices.DeleteFunc(at.out, func(o out) bool {
		if slices.ContainsFunc(pending, o.is) {
			return false
		}
		o.permit.Done(o.outcome(s.events))
		return true
	})
	b.hold(s, at, pending)
	if len(at.out) > 0 || at.held {
		b.sagas[s.id] = at
	} else {
		delete(b.sagas, s.id)
	}
}

// hold tells the gate which commands of the saga wait. One that takes no messages
// waits for an operator instead, and one that this node cannot decide for another
// node: to release it would change nothing, again and again.
func (b *gateBook) hold(s *folding, at *atGate, pending []saga.Pending) {
	var keys []breaker.Key
	for _, p := range pending {
		if p.Held && !s.row.State.Blocked() && !s.lacking {
			keys = append(keys, key(p.Way))
		}
	}
	if at.held || len(keys) > 0 {
		b.gate.Held(itemOf(s.row.Namespace, &s.row.State), keys)
	}
	at.held = len(keys) > 0
}

// forget gives back what the sagas of a lost bucket have: whether their commands
// succeed is the new owner's to see.
func (b *gateBook) forget(bucket int) {
	if b.gate == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, at := range b.sagas {
		if at.bucket != bucket {
			continue
		}
		giveBack(at.out)
		b.gate.Held(breaker.Item[saga.ID]{ID: id}, nil)
		delete(b.sagas, id)
	}
}

// is reports whether p is this command, still out.
func (o out) is(p saga.Pending) bool {
	return !p.Held && p.Step == o.step && p.Way == o.way && p.Attempt == o.attempt
}

// outcome says how the command went, by the events that ended its wait. Only a
// technical failure and silence count against a participant; a refusal is an
// answer (DESIGN.md 12).
func (o out) outcome(events []EventRow) breaker.Outcome {
	result := breaker.Excluded
	for i := range events {
		e := &events[i].Event
		mine := e.Kind == saga.Replied && e.Step == o.step && e.Direction == o.way.Direction
		switch {
		case mine && e.Outcome == saga.Failed:
			return breaker.Failure
		case mine && e.Outcome != saga.Ongoing:
			return breaker.Success
		case e.Kind == saga.Woke:
			result = breaker.Failure
		}
	}
	return result
}

// release wakes the sagas whose held commands may go.
func (c *Coordinator) release(ctx context.Context) {
	for sleep(ctx, releaseEvery) {
		for _, id := range c.cfg.Gate.Release(c.cfg.BatchMax) {
			// Nobody has looked at the way: no other command's time is up by this wake.
			event := saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}, Extra: &saga.EventExtra{Healthy: c.now()}}
			if !c.enqueue(ctx, &item{bucket: bucket.Of(id.String(), bucket.Count), saga: id, event: event}) {
				return
			}
		}
	}
}
