package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

var trip = saga.Definition{Name: "trip", Version: "r1", Owner: "team travel", Steps: []saga.Step{
	{Name: "flight", Participant: "flights", Command: "reserve", Compensation: "release", Do: saga.Policy{Timeout: 10 * time.Second, Attempts: 2}},
	{Name: "charge", Participant: "payments", Command: "charge", Kind: saga.Pivot},
}}

// story runs one saga on a real machine and tells m of each change.
type story struct {
	t       testing.TB
	m       *Metrics
	machine *saga.Machine
	state   saga.State
	at      time.Time
}

func newStory(t testing.TB) *story {
	t.Helper()
	machine, err := saga.Compile(trip)
	require.NoError(t, err)
	m, err := New(Config{Definition: func(string, string, string) (saga.Definition, bool) { return machine.Definition(), true }})
	require.NoError(t, err)
	return &story{t: t, m: m, machine: machine, at: time.Unix(1_700_000_000, 0).UTC()}
}

// begin begins a new saga.
func (s *story) begin() {
	s.state = saga.State{ID: saga.ID{1}}
	s.tell(0, saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}, Payload: saga.JSON([]byte(`{}`))})
}

// tell lets time pass and something happen.
func (s *story) tell(after time.Duration, e saga.Event) {
	s.t.Helper()
	if c := s.change(after, e); c != nil {
		s.m.Change(c)
	}
}

func (s *story) change(after time.Duration, e saga.Event) *coordinator.Change {
	s.t.Helper()
	s.at = s.at.Add(after)
	e.At = s.at
	state, effects, err := s.machine.Decide(s.state, nil, e)
	require.NoError(s.t, err)
	if state.Seq == s.state.Seq {
		return nil
	}
	c := &coordinator.Change{
		Namespace: "default", Before: s.state, After: state,
		Events: []coordinator.EventRow{{Saga: state.ID, Event: e.Stored(&state, effects)}},
	}
	s.state = state
	return c
}

// answer is the reply to the last attempt of a step.
func (s *story) answer(step int, direction saga.Direction, outcome saga.Outcome) saga.Event {
	st := s.state.Steps[step]
	return saga.Event{
		Kind: saga.Replied, Step: saga.StepRef{Name: trip.Steps[step].Name}, Direction: direction,
		Attempt: st.Attempt, Epoch: st.Epoch, Outcome: outcome, Payload: saga.JSON([]byte(`{}`)),
	}
}

// value reads one counter.
func (s *story) value(i id, labels ...string) float64 {
	s.t.Helper()
	all := map[id]*vec[prometheus.Counter]{
		sagasStarted: s.m.started, sagasEnded: s.m.ended, sagasTurned: s.m.turned, stepsEnded: s.m.steps, attentionsRaised: s.m.raised,
		commandsSent: s.m.sent, commandsRetried: s.m.retried, commandOutcomes: s.m.outcomes,
	}[i]
	return testutil.ToFloat64(all.with(labels...))
}

func TestASagaThatCompletes(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begin()
	s.tell(2*time.Second, s.answer(0, saga.Do, saga.Succeeded))
	s.tell(3*time.Second, s.answer(1, saga.Do, saga.Succeeded))
	require.Equal(t, saga.Completed, s.state.Status)
	require.InDelta(t, 1, s.value(sagasStarted, "trip"), 0)
	require.InDelta(t, 1, s.value(sagasEnded, "trip", "completed"), 0)
	require.InDelta(t, 0, s.value(sagasTurned, "trip"), 0)
	require.InDelta(t, 1, s.value(stepsEnded, "trip", "flight", "done"), 0)
	require.InDelta(t, 1, s.value(commandsSent, "payments", "charge", "do"), 0)
	page := show(t, s.m, "")
	require.Contains(t, page, `unwind_saga_duration_seconds_sum{definition="trip",status="completed"} 5`)
	require.Contains(t, page, `unwind_command_duration_seconds_sum{command="reserve",direction="do",outcome="succeeded",participant="flights"} 2`)
	require.Contains(t, page, `unwind_command_duration_seconds_sum{command="charge",direction="do",outcome="succeeded",participant="payments"} 3`)
}

func TestASagaThatTurnsBack(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begin()
	s.tell(11*time.Second, saga.Event{Kind: saga.Woke}) // no answer: tried again
	s.tell(time.Second, s.answer(0, saga.Do, saga.Succeeded))
	s.tell(time.Second, s.answer(1, saga.Do, saga.Rejected))
	s.tell(time.Second, s.answer(0, saga.Undo, saga.Failed))
	s.tell(time.Minute, saga.Event{Kind: saga.Woke})
	s.tell(time.Second, s.answer(0, saga.Undo, saga.Succeeded))
	require.Equal(t, saga.Compensated, s.state.Status)
	for labels, want := range map[[4]string]float64{
		{"flights", "reserve", "do", "timeout"}:     1,
		{"flights", "reserve", "do", "succeeded"}:   1,
		{"payments", "charge", "do", "rejected"}:    1,
		{"flights", "release", "undo", "failed"}:    1,
		{"flights", "release", "undo", "timeout"}:   0,
		{"flights", "release", "undo", "succeeded"}: 1,
	} {
		require.InDelta(t, want, s.value(commandOutcomes, labels[:]...), 0, labels)
	}
	require.InDelta(t, 1, s.value(commandsRetried, "flights", "reserve", "do"), 0)
	require.InDelta(t, 1, s.value(commandsRetried, "flights", "release", "undo"), 0)
	require.InDelta(t, 1, s.value(sagasTurned, "trip"), 0)
	require.InDelta(t, 1, s.value(sagasEnded, "trip", "compensated"), 0)
	require.InDelta(t, 1, s.value(stepsEnded, "trip", "flight", "undone"), 0)
	require.InDelta(t, 1, s.value(stepsEnded, "trip", "charge", "refused"), 0)
}

func TestAttentionIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.begin()
	s.tell(time.Second, saga.Event{Kind: saga.Poisoned, Reason: "it choked"})
	s.tell(time.Second, saga.Event{Kind: saga.Poisoned, Reason: "it choked again"})
	require.InDelta(t, 1, s.value(attentionsRaised, "trip", string(saga.TransitionFailed)), 0)
}

func TestAnUnknownDefinitionIsCountedWithoutItsSteps(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.m.cfg.Definition = func(string, string, string) (d saga.Definition, ok bool) { return d, false }
	s.begin()
	s.tell(time.Second, s.answer(0, saga.Do, saga.Succeeded))
	require.InDelta(t, 1, s.value(sagasStarted, "trip"), 0)
	require.InDelta(t, 0, s.value(commandsSent, "flights", "reserve", "do"), 0)
}

// TestAChangeAllocatesNothing: it is on the way of every message.
func TestAChangeAllocatesNothing(t *testing.T) {
	s := newStory(t)
	s.begin()
	c := s.change(time.Second, s.answer(0, saga.Do, saga.Succeeded))
	s.m.Change(c)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.m.Change(c) }))
	b := &coordinator.BatchReport{Items: 3, Replies: 2, Committed: true}
	require.Zero(t, testing.AllocsPerRun(100, func() { s.m.Batch(b); s.m.Woken(time.Second); s.m.Request("startSaga", 200, time.Second) }))
}

func BenchmarkChange(b *testing.B) {
	s := newStory(b)
	s.begin()
	c := s.change(time.Second, s.answer(0, saga.Do, saga.Succeeded))
	b.ReportAllocs()
	for b.Loop() {
		s.m.Change(c)
	}
}
