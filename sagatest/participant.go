package sagatest

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// participant is one service: the guard of the participant's contract (DESIGN.md
// section 10) around a handler that may refuse, fail or take its time.
type participant struct {
	w           *world
	name        string
	silentUntil time.Time
	busy        map[saga.ID]time.Time
	guards      map[effectKey]*guard
	effects     map[effectKey]*effect
}

// effectKey names what a step or item does, once.
type effectKey struct {
	id   saga.ID
	step string
}

// guardPhase is how far a guard row is: none, then done or rejected, then undone.
type guardPhase int

const (
	guardDone guardPhase = iota + 1
	guardRejected
	guardUndone // undone, or never done: then it is a tombstone
)

// guard is the guard row of one step.
type guard struct {
	phase   guardPhase
	epoch   int
	outcome saga.Outcome
	payload []byte
}

// effect is the ledger of what really happened.
type effect struct {
	done, undone int
	alive        bool
}

func newParticipant(w *world, name string) *participant {
	return &participant{
		w: w, name: name, busy: map[saga.ID]time.Time{}, guards: map[effectKey]*guard{}, effects: map[effectKey]*effect{},
	}
}

// receive takes a command off the topic. One saga's commands are run one after
// the other; a silent participant runs them when it is back.
func (p *participant) receive(r record) {
	w := p.w
	cmd, err := saga.DecodeCommand(r.headers, r.value)
	if err != nil {
		w.brokenf("a command of the core cannot be read: %s", err)
		return
	}
	begin := w.now
	for _, t := range []time.Time{p.silentUntil, p.busy[cmd.ID.Saga]} {
		if t.After(begin) {
			begin = t
		}
	}
	takes := w.upTo(200 * time.Millisecond)
	if w.strikes(slowHandler, 0.06) {
		takes += w.upTo(25 * time.Second)
		p.heartbeat(r, cmd, begin, takes)
	}
	end := begin.Add(takes)
	p.busy[cmd.ID.Saga] = end
	w.after(end.Sub(w.now), func() { p.handle(r, cmd) })
	if w.strikes(redelivery, 0.05) {
		w.after(end.Sub(w.now)+w.upTo(5*time.Second), func() { p.handle(r, cmd) })
	}
}

// heartbeat says ongoing every two seconds, if this handler does so at all.
func (p *participant) heartbeat(r record, cmd saga.Command, begin time.Time, takes time.Duration) {
	if p.w.rng.IntN(2) == 0 {
		return
	}
	const every = 2 * time.Second
	for at := every; at < takes; at += every {
		p.w.after(begin.Add(at).Sub(p.w.now), func() {
			p.w.hit("ongoing")
			p.answer(r, cmd, saga.Ongoing, p.w.document())
		})
	}
}

// handle runs a command in one transaction: guard, effect and stored reply.
func (p *participant) handle(r record, cmd saga.Command) {
	if cmd.ID.Direction == saga.Do {
		if outcome, payload := p.do(cmd); outcome != 0 {
			p.answer(r, cmd, outcome, payload)
		}
		return
	}
	p.answer(r, cmd, p.undo(cmd), nil)
}

func (p *participant) answer(r record, cmd saga.Command, outcome saga.Outcome, payload []byte) {
	p.w.trail.answered(cmd, outcome)
	reply := saga.Reply{ID: cmd.ID, Participant: p.name, Outcome: outcome, Payload: saga.JSON(payload)}
	p.w.bus.reply(p.name, cmd.ID.Saga, record{saga.ReplyHeaders(r.headers, reply, p.w.now), payload})
}

func (p *participant) do(cmd saga.Command) (saga.Outcome, []byte) {
	key := effectKey{cmd.ID.Saga, cmd.ID.Step.String()}
	g := p.guards[key]
	again := g != nil && (g.phase == guardDone && p.w.options.Mutant == NoStoredReply ||
		g.phase == guardRejected && p.w.options.Mutant == NoStickyRejection)
	switch {
	case g == nil || again:
		return p.first(key, cmd)
	case g.phase == guardUndone:
		p.w.hit("do-after-undo")
		return saga.Rejected, nil
	case cmd.Epoch < g.epoch:
		p.w.hit("stale-do")
		return saga.Rejected, nil
	case cmd.Epoch > g.epoch && g.phase == guardRejected:
		p.w.hit("refusal-reopened")
		return p.first(key, cmd)
	}
	g.epoch = cmd.Epoch
	p.w.hit("stored-reply")
	return g.outcome, g.payload
}

// first runs a do that was not run before.
func (p *participant) first(key effectKey, cmd saga.Command) (saga.Outcome, []byte) {
	w := p.w
	switch mayRefuse := w.mayRefuse(key); {
	case w.strikes(technicalFailure, 0.1):
		return saga.Failed, nil
	case !mayRefuse && w.strikes(retriableRefusal, 0.1):
		return saga.Rejected, nil
	}
	g := &guard{phase: guardDone, epoch: cmd.Epoch, outcome: saga.Succeeded}
	if w.own != nil {
		g.outcome, g.payload = w.ownAnswer(cmd)
	} else if g.payload = w.document(); w.mayRefuse(key) && w.rng.IntN(10) == 0 {
		g.outcome, g.payload = saga.Rejected, nil
	}
	switch {
	case g.outcome == saga.Rejected && w.mayRefuse(key):
		w.hit("rejected")
		g.phase = guardRejected
	case g.outcome != saga.Succeeded: // nothing was done, and the next attempt may get another answer
		return g.outcome, nil
	}
	p.guards[key] = g
	if g.phase == guardRejected {
		return g.outcome, nil
	}
	w.happened(p, key)
	if w.strikes(failedButDone, 0.05) {
		return saga.Failed, nil
	}
	return g.outcome, g.payload
}

func (p *participant) undo(cmd saga.Command) saga.Outcome {
	w, key := p.w, effectKey{cmd.ID.Saga, cmd.ID.Step.String()}
	g := p.guards[key]
	switch {
	case g == nil && w.options.Mutant == NoTombstone:
		return saga.Succeeded
	case g == nil:
		w.hit("tombstone")
		p.guards[key] = &guard{phase: guardUndone, epoch: cmd.Epoch}
		return saga.Succeeded
	case cmd.Epoch < g.epoch:
		w.hit("stale-undo")
		return saga.Rejected
	case g.phase != guardDone:
		g.phase, g.epoch = guardUndone, cmd.Epoch
		return saga.Succeeded
	case w.strikes(undoFailure, 0.3):
		return saga.Failed
	case w.strikes(undoRefused, 0.2):
		return saga.Rejected
	}
	g.phase, g.epoch = guardUndone, cmd.Epoch
	w.unhappened(p, key)
	return saga.Succeeded
}
