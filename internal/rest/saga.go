package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// summary is a saga without its steps.
func summary(state *saga.State) client.Saga {
	extra := state.Extras()
	out := client.Saga{
		ID: state.ID.String(), Definition: state.Definition, Version: state.Version, Status: state.Status.String(),
		WaitingFor: state.WaitingFor(), Cause: state.Cause, PivotSent: state.PivotSent,
		StartedAt: moment(state.Started), ChangedAt: moment(state.Last), WakeAt: moment(state.WakeAt()),
		Key: extra.Key, BeginsAt: moment(extra.Begin), PausedAt: moment(state.Paused), Deadline: moment(state.Deadline),
	}
	if l := extra.Label; l != nil {
		out.Title, out.Subject, out.Retention, out.Priority = l.Title, l.Subject, unusual(l.Retention, saga.Standard), unusual(l.Priority, saga.Normal)
	}
	if state.Status.Ended() {
		out.WakeAt = nil
	}
	for _, a := range extra.Attributes {
		if out.Attributes == nil {
			out.Attributes = map[string]json.RawMessage{}
		}
		out.Attributes[a.Name] = a.Value
	}
	if f := state.Extras().Family; f != nil {
		out.Parent, out.ParentStep, out.Root = f.Parent.String(), f.Step.String(), f.Root.String()
	}
	if c := extra.Chain; c != nil {
		out.Chain = &client.Chain{First: c.First.String(), Run: c.Run, Before: idText(c.Before), Next: idText(c.Next)}
	}
	for _, a := range state.Attention {
		view := client.Attention{Reason: string(a.Reason), Step: a.Step, Text: a.Text}
		if h, ok := state.Heeded(a); ok {
			view.By, view.At, view.Until = h.By, moment(h.At), moment(h.Until)
		}
		out.Attention = append(out.Attention, view)
	}
	return out
}

// unusual is the word of what is not the default.
func unusual[T interface {
	comparable
	String() string
}](value, usual T) string {
	if value == usual {
		return ""
	}
	return value.String()
}

// full is a saga with its steps. A definition that cannot be read leaves the
// steps with their numbers instead of their names.
func (s *Server) full(ctx context.Context, row coordinator.Row) client.Saga {
	out := summary(&row.State)
	out.Output = row.State.Extras().Output
	out.Locks = s.locksOf(ctx, &row.State)
	def := s.definitionOf(ctx, row)
	out.Title = cmp.Or(out.Title, def.Title)
	steps := stepsOf(&def, &row.State)
	if row.State.Waits()&saga.ForBreaker != 0 {
		holds := s.holds(ctx)
		out.HeldBy, out.WaitingFor = heldBy(holds, row, def.Steps), waitingFor(holds, row, def.Steps)
	}
	for i := range row.State.Plain() {
		step := &row.State.Steps[i]
		view := client.Step{
			Step: fmt.Sprintf("step%d", i+1), Phase: step.Phase.String(),
			Attempt: step.Attempt, Epoch: step.Epoch, Visit: step.Extras().Again, Due: moment(step.Due),
			LeftAlive: row.State.Status == saga.Abandoned && step.Alive() || step.Phase == saga.Kept,
		}
		if p := step.Extras().Progress; p != nil {
			view.Progress, view.ProgressAt = p.Data, moment(p.At)
		}
		if i < len(steps) {
			view.Step = steps[i].called
			describe(&view, steps[i].step, step)
			showItems(&view, &row.State, i, steps[i].step)
		} else {
			showItems(&view, &row.State, i, &saga.Step{})
		}
		out.Steps = append(out.Steps, view)
	}
	return out
}

// namedStep is a step and what it is called.
type namedStep struct {
	step   *saga.Step
	called string
}

// stepsOf lists a saga's steps. One that is code brings them itself.
func stepsOf(def *saga.Definition, s *saga.State) []namedStep {
	var list []namedStep
	if plan := s.Extras().Plan; plan != nil {
		for _, p := range plan.Steps {
			list = append(list, namedStep{&p.Step, p.Ref().String()})
		}
		return list
	}
	for i := range def.Steps {
		list = append(list, namedStep{&def.Steps[i], def.Steps[i].Name})
	}
	return list
}

// locksOf lists what keys a saga has or waits for. Who has them is read only for a
// saga with locks.
func (s *Server) locksOf(ctx context.Context, state *saga.State) []client.Lock {
	if state.Extras().Locks == nil {
		return nil
	}
	views, err := s.cfg.Reader.Locks(ctx, state.ID)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "locks not shown", "saga", state.ID, "error", err)
		return nil
	}
	locks := make([]client.Lock, len(views))
	for i, v := range views {
		locks[i] = client.Lock{Key: v.Key, Granted: v.Granted, Holder: v.Holder.String(), Ahead: v.Ahead}
	}
	return locks
}

// describe says what the step does: whom it asks, or what it waits for.
func describe(view *client.Step, step *saga.Step, is *saga.StepState) {
	view.Child = idText(is.Extras().Child)
	switch {
	case step.Child != nil:
		view.Kind, view.Saga = step.Kind.String(), strings.TrimSpace(step.Child.Definition+" "+step.Child.Version)
	case step.Sleep != nil:
		view.Waits = "sleep"
	case step.Await != nil:
		view.Waits = "signal " + strings.Join(step.Await.Signals, " or ")
	case step.Approval != nil:
		view.Waits = "approval"
		by := step.Approval.By
		if is.Attempt > 1 {
			by = slices.Concat(by, step.Approval.EscalateTo)
		}
		if len(by) > 0 {
			view.Waits += " by " + strings.Join(by, " or ")
		}
	default:
		view.Kind, view.Command = step.Kind.String(), step.Participant+"/"+step.Command
	}
}

// idText is a saga's id; empty for none.
func idText(id saga.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// maxListed is how many items of a step are shown one by one.
const maxListed = 200

// showItems counts a step's items and lists those that are under way or in trouble.
func showItems(view *client.Step, state *saga.State, number int, step *saga.Step) {
	items := state.Items(number)
	if state.Steps[number].Phase == saga.Spreading || len(items) > 0 {
		view.Items, view.LeftAlive = map[string]int{}, false
	}
	for k := range items {
		st := &items[k]
		view.Items[st.Phase.String()]++
		alive := state.Status == saga.Abandoned && st.Alive() || st.Phase == saga.Kept
		view.LeftAlive = view.LeftAlive || alive
		switch st.Phase {
		case saga.Waiting, saga.Done, saga.Undone, saga.Skipped:
			continue
		}
		if len(view.Listed) < maxListed {
			item := client.Item{Step: saga.StepRef{Name: view.Step, Item: k + 1}.String(), Phase: st.Phase.String(), Attempt: st.Attempt, Due: moment(st.Due)}
			if i, ok := state.At(number, k+1); ok {
				item.Child = idText(state.Child(i, step))
			}
			view.Listed = append(view.Listed, item)
		}
	}
}

func (s *Server) definitionOf(ctx context.Context, row coordinator.Row) saga.Definition {
	file, err := s.cfg.Registry.Get(ctx, row.Namespace, row.State.Definition, row.State.Version)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "steps shown without names", "saga", row.State.ID, "error", err)
		return saga.Definition{}
	}
	return file.Definition
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// eventView is an event as the API shows it.
func eventView(e *saga.Event) client.Event {
	out := client.Event{
		Seq: e.Seq, At: e.At.UTC(), Kind: string(e.Kind), Actor: actorText(e.Actor), Reason: e.Reason, RequestID: e.RequestID, Signal: e.Extras().Signal, Update: e.Extras().Update,
		Attempt: e.Attempt, Epoch: e.Epoch,
	}
	if e.Step.Name != "" {
		out.Step = e.Step.String()
	}
	if e.Direction != 0 {
		out.Direction = e.Direction.String()
	}
	if e.Outcome != 0 {
		out.Outcome = e.Outcome.String()
	}
	showPayload(&out, e.Payload)
	for _, w := range e.Extras().Held {
		out.Held = append(out.Held, w.String())
	}
	for _, a := range e.Extras().Asked {
		out.Asked = append(out.Asked, a.What)
	}
	for _, c := range e.Sent {
		out.Sent = append(out.Sent, client.Sent{
			Step: c.Step.String(), Direction: c.Direction.String(), Attempt: c.Attempt, Command: c.Name, Hash: fmt.Sprintf("%016x", c.Hash),
		})
	}
	return out
}

// showPayload shows JSON as it is and everything else as bytes.
func showPayload(out *client.Event, p saga.Payload) {
	switch {
	case len(p.Data) == 0:
	case p.IsJSON() && saga.ValidJSON(p.Data):
		out.Payload = p.Data
	default:
		out.PayloadBase64, out.ContentType = p.Data, p.ContentType
	}
}

func actorText(a saga.Actor) string {
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + ":" + a.Name
}
