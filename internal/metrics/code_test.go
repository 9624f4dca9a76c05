package metrics

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// codeStory runs one saga that is code and tells m of each change.
type codeStory struct {
	story
	code *saga.Code
	run  saga.Run
}

func newCodeStory(t *testing.T, fn func(c *code.Context, in int) (int, error)) *codeStory {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "trip", Version: "r1"}, fn)
	require.NoError(t, err)
	m, err := New(Config{Definition: func(string, string, string) (saga.Definition, bool) { return made.Definition(), true }})
	require.NoError(t, err)
	s := &codeStory{story: story{t: t, m: m, at: time.Unix(1_700_000_000, 0).UTC(), state: saga.State{ID: saga.ID{1}}}, code: made}
	t.Cleanup(s.run.Stop)
	s.tell(0, saga.Event{Kind: saga.Started, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}, Payload: saga.JSON([]byte(`1`))})
	return s
}

func (s *codeStory) tell(after time.Duration, e saga.Event) {
	s.t.Helper()
	s.at = s.at.Add(after)
	e.At = s.at
	state, effects, err := s.code.DecideIn(&s.run, s.state, nil, e)
	require.NoError(s.t, err)
	c := coordinator.Change{Namespace: "default", Before: s.state, After: state, Events: []coordinator.EventRow{{Saga: state.ID, Event: e.Stored(&state, effects)}}}
	s.state = state
	s.m.Change(&c)
}

// answer answers the last attempt of a step.
func (s *codeStory) answer(after time.Duration, ref saga.StepRef, direction saga.Direction, outcome saga.Outcome) {
	s.t.Helper()
	i, _, ok := s.state.Find(nil, ref)
	require.True(s.t, ok)
	st := s.state.Steps[i]
	s.tell(after, saga.Event{Kind: saga.Replied, Step: ref, Direction: direction, Attempt: st.Attempt, Epoch: st.Epoch, Outcome: outcome, Payload: saga.JSON([]byte(`1`))})
}

var seat = saga.Step{Name: "seat", Participant: "flights", Command: "reserve", Compensation: "release", Do: saga.Policy{Timeout: 10 * time.Second, Attempts: 2}}

// The steps of code are counted as those of a declared saga are, by the names that the
// function gives them.
func TestStepsOfCodeAreCounted(t *testing.T) {
	t.Parallel()
	s := newCodeStory(t, func(c *code.Context, _ int) (int, error) {
		for range 2 {
			if _, err := code.Do[int](c, seat, 1); err != nil {
				return 0, err
			}
		}
		return 0, errors.New("enough")
	})
	s.tell(11*time.Second, saga.Event{Kind: saga.Woke}) // no answer: tried again
	s.answer(2*time.Second, saga.StepRef{Name: "seat"}, saga.Do, saga.Succeeded)
	s.answer(3*time.Second, saga.StepRef{Name: "seat", Visit: 1}, saga.Do, saga.Succeeded)
	require.Equal(t, saga.Compensating, s.state.Status)
	s.answer(time.Second, saga.StepRef{Name: "seat", Visit: 1}, saga.Undo, saga.Succeeded)
	s.answer(time.Second, saga.StepRef{Name: "seat"}, saga.Undo, saga.Succeeded)
	require.Equal(t, saga.Compensated, s.state.Status)
	for labels, want := range map[[4]string]float64{
		{"flights", "reserve", "do", "timeout"}:     1,
		{"flights", "reserve", "do", "succeeded"}:   2,
		{"flights", "release", "undo", "succeeded"}: 2,
	} {
		require.InDelta(t, want, s.value(commandOutcomes, labels[:]...), 0, labels)
	}
	require.InDelta(t, 3, s.value(commandsSent, "flights", "reserve", "do"), 0)
	require.InDelta(t, 1, s.value(commandsRetried, "flights", "reserve", "do"), 0)
	require.InDelta(t, 2, s.value(commandsSent, "flights", "release", "undo"), 0)
	require.InDelta(t, 2, s.value(stepsEnded, "trip", "seat", "done"), 0)
	require.InDelta(t, 2, s.value(stepsEnded, "trip", "seat", "undone"), 0)
	require.Contains(t, show(t, s.m, ""), `unwind_command_duration_seconds_sum{command="reserve",direction="do",outcome="succeeded",participant="flights"} 5`)
}

// Steps that are over and leave nothing to undo are forgotten by the state, and are
// counted all the same.
func TestForgottenStepsAreCounted(t *testing.T) {
	t.Parallel()
	const rounds = 50
	look := seat
	look.Compensation, look.Reason = "", "it only looks"
	s := newCodeStory(t, func(c *code.Context, _ int) (int, error) {
		for range rounds {
			if _, err := code.Do[int](c, look, 1); err != nil && !errors.As(err, new(*code.Refused)) {
				return 0, err
			}
			c.Sleep(time.Second)
		}
		_, err := code.Await[int](c, "more", time.Second)
		return 0, err
	})
	for i := range rounds {
		outcome := saga.Succeeded
		if i%5 == 0 {
			outcome = saga.Rejected
		}
		s.answer(time.Second, saga.StepRef{Name: "seat", Visit: i}, saga.Do, outcome)
		s.tell(time.Second, saga.Event{Kind: saga.Woke})
	}
	s.tell(time.Second, saga.Event{Kind: saga.Woke})
	require.Equal(t, saga.Compensated, s.state.Status)
	require.Less(t, len(s.state.Steps), rounds)
	require.InDelta(t, rounds, s.value(commandsSent, "flights", "reserve", "do"), 0)
	require.InDelta(t, rounds*4/5, s.value(stepsEnded, "trip", "seat", "done"), 0)
	require.InDelta(t, rounds/5, s.value(stepsEnded, "trip", "seat", "refused"), 0)
	require.InDelta(t, rounds, s.value(stepsEnded, "trip", "sleep", "done"), 0)
	require.InDelta(t, 1, s.value(stepsEnded, "trip", "more", "expired"), 0)
}
