package tracing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// A saga that is code tells its story like any other.
func TestAStoryOfCode(t *testing.T) {
	t.Parallel()
	made, err := code.Func(saga.Definition{Name: "trip", Version: "r1"}, func(c *code.Context, in int) (int, error) {
		step := saga.Step{Name: "flight", Participant: "flights", Command: "reserve", Compensation: "release"}
		for range in {
			if _, err := code.Do[any](c, step, in); err != nil {
				return 0, err
			}
		}
		c.Sleep(time.Minute)
		return in, nil
	})
	require.NoError(t, err)
	var run saga.Run
	defer run.Stop()
	state, history := saga.State{ID: storyID}, saga.History{}
	tell := func(e saga.Event) []saga.Effect {
		e.At = time.Unix(int64(len(history)), 0)
		next, effects, err := made.DecideIn(&run, state, nil, e)
		require.NoError(t, err)
		state, history = next, append(history, e.Stored(&next, effects))
		return effects
	}
	effects := tell(saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte("40"))})
	for range 40 { // more than the state lists
		send, ok := effects[0].(saga.Send)
		require.True(t, ok)
		effects = tell(saga.ReplyEvent(saga.Reply{ID: send.Command.ID, Participant: "flights", Attempt: 1, Epoch: 1, Outcome: saga.Succeeded}, time.Time{}))
	}
	spans, err := Tell(Story{Saga: storyID, Namespace: "default", History: history, Decider: made})
	require.NoError(t, err)
	require.Equal(t, 1+40+1, len(spans)) //nolint:testifylint // Len prints them all
	called := func(i int) string {
		for _, a := range spans[i].Attributes {
			if a.Key == keyStep {
				return spans[i].Name + ": " + a.Value.AsString()
			}
		}
		return ""
	}
	require.Equal(t, []string{"do flight: flight", "do flight: flight#40", "sleep sleep: sleep"}, []string{called(1), called(40), called(41)})
}
