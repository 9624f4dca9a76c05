package sagatest

import (
	"time"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/saga"
)

// trail is what a world leaves behind outside its store, as topics and ledgers do.
type trail struct {
	commands []rules.Command
	replies  map[rules.Reply]bool
	letters  []rules.Letter
	effects  []rules.Effect
}

// published: a command was written to its topic.
func (t *trail) published(c saga.Command) {
	t.commands = append(t.commands, rules.Command{
		Place: rules.Place{Topic: c.Participant, Offset: int64(len(t.commands))}, Saga: c.ID.Saga.String(),
		Step: c.ID.Step.String(), Direction: c.ID.Direction.String(), Participant: c.Participant, Name: c.Name,
		Attempt: c.Attempt, Epoch: c.Epoch, Hash: saga.PayloadHash(c.Payload),
	})
}

// dropped: a command was given up before it was written.
func (t *trail) dropped(c saga.Command) {
	t.letters = append(t.letters, rules.Letter{Source: rules.Place{Partition: -1}, Command: c.ID.String()})
}

// answered: a participant has answered a command.
func (t *trail) answered(c saga.Command, outcome saga.Outcome) {
	t.replies[rules.Reply{
		Saga: c.ID.Saga.String(), Step: c.ID.Step.String(), Direction: c.ID.Direction.String(),
		Attempt: c.Attempt, Epoch: c.Epoch, Outcome: outcome.String(),
	}] = true
}

// happened: a participant's handler has had its effect.
func (t *trail) happened(p *participant, key effectKey, d saga.Direction, at time.Time) {
	t.effects = append(t.effects, rules.Effect{Participant: p.name, Saga: key.id.String(), Step: key.step, Direction: d.String(), At: at})
}

// checkRules holds the world, now at rest, to the rules of real runs: they tell the
// histories again with a fold that shares nothing with the core.
func (w *world) checkRules() {
	for _, f := range rules.Check(w.left()) {
		w.brokenf("%s (e2e/checker)", f)
	}
}

// left is what the world has left behind.
func (w *world) left() rules.Run {
	r := rules.Run{
		Definitions: map[rules.Pin]rules.Definition{}, Ledgers: map[string]bool{}, Topics: true,
		Commands: w.trail.commands, Replies: w.trail.replies, Letters: w.trail.letters, Effects: w.trail.effects,
	}
	for name := range w.participants {
		r.Ledgers[name] = true
	}
	for _, m := range w.deciders {
		def := m.Definition()
		ruled := ruled(def)
		_, ruled.Code = m.(*saga.Code)
		r.Definitions[pin(def.Name, versionOf(m))] = ruled
	}
	for _, id := range w.acked {
		r.Starts = append(r.Starts, rules.Start{ID: id.String()})
	}
	for _, id := range w.store.order {
		w.leave(&r, id)
	}
	return r
}

// leave adds a saga with its history.
func (w *world) leave(r *rules.Run, id saga.ID) {
	state, row := w.store.state(id), w.store.rows[id]
	s := rules.Saga{ID: id.String(), Pin: pin(state.Definition, versionOf(w.store.deciders[id])), Status: int(state.Status), Seq: state.Seq}
	for _, a := range state.Attention {
		s.Attention = append(s.Attention, string(a.Reason))
	}
	r.Sagas = append(r.Sagas, s)
	for i := range row.history {
		r.Events = append(r.Events, told(s.ID, &row.history[i]))
	}
	for _, o := range row.outbox {
		r.Unsent = append(r.Unsent, o.command.ID.String())
	}
}

// told is an event as its row says it.
func told(id string, e *saga.Event) rules.Event {
	extra := e.Extras()
	t := rules.Event{
		Saga: id, Seq: e.Seq, At: e.At, Kind: string(e.Kind), Attempt: e.Attempt, Epoch: e.Epoch,
		Hold: e.Hold, Signal: extra.Signal, Begin: extra.Begin, Healthy: extra.Healthy.Truncate(time.Microsecond),
	}
	if e.Step.Name != "" {
		t.Step, t.Direction, t.Outcome = e.Step.String(), e.Direction.String(), e.Outcome.String()
	}
	if e.Kind == saga.Granted {
		t.Lock = e.Extras().Key
	}
	if f := e.Extras().Family; f != nil {
		t.Family = &rules.Family{Parent: f.Parent.String(), Step: f.Step.String()}
	}
	for _, asked := range extra.Asked {
		t.Asked = append(t.Asked, asked.What)
	}
	if e.Actor.Kind == saga.Participant {
		t.From = e.Actor.Name
	}
	for _, way := range extra.Held {
		t.Held = append(t.Held, way.String())
	}
	for _, s := range e.Sent {
		lines, err := rules.ParseSent(s.String())
		if err != nil {
			panic(err) // one cannot read what the other writes
		}
		t.Sent = append(t.Sent, lines...)
	}
	return t
}

func pin(name, version string) rules.Pin { return rules.Pin{Name: name, Version: version} }

// ruled is a definition as the rules know it.
func ruled(def saga.Definition) rules.Definition {
	d := rules.Definition{Locked: len(def.Locks) > 0, Deadline: def.Deadline}
	for i, s := range def.Steps {
		after := s.After
		if after == nil && i > 0 {
			after = []string{def.Steps[i-1].Name}
		}
		d.Steps = append(d.Steps, rules.Step{
			Wait: waitOf(s), Child: childOf(s),
			Each: atOnce(s), Name: s.Name, Participant: s.Participant, Kind: s.Kind.String(), After: after, Conditional: s.When != nil,
			Compensation: s.Compensation, Uncompensated: s.Reason != "", Do: policyOf(s.Do), Undo: policyOf(s.Undo),
		})
	}
	return d
}

// atOnce is how many items of a step may be under way; 0: it has none.
func atOnce(s saga.Step) int {
	if s.ForEach == nil {
		return 0
	}
	return s.ForEach.Concurrency
}

func childOf(s saga.Step) *rules.ChildStep {
	if s.Child == nil {
		return nil
	}
	return &rules.ChildStep{Definition: s.Child.Definition, Undoable: s.UndoesChild()}
}

func waitOf(s saga.Step) *rules.Wait {
	switch {
	case s.Sleep != nil:
		return &rules.Wait{For: s.Sleep.For, Until: s.Sleep.Until != nil}
	case s.Await != nil:
		return &rules.Wait{For: s.Await.Timeout, Signals: signalsOf(s)}
	case s.Approval != nil:
		return &rules.Wait{For: s.Approval.Due, Approval: true, ApproveLate: s.Approval.ApproveWhenLate}
	}
	return nil
}

func policyOf(p saga.Policy) rules.Policy {
	return rules.Policy{Timeout: p.Timeout, Heartbeat: p.Heartbeat, Backoff: p.Backoff, Cap: p.Cap, Attempts: p.Attempts}
}
