package recording_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/saga"
)

// recorded is a saga of two steps, amid the first.
func recorded(t *testing.T) (recording.Saga, *saga.Machine) {
	t.Helper()
	m, err := saga.Compile(saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{
		{Name: "a", Participant: "p", Command: "do", Reason: "none"}, {Name: "b", Participant: "p", Command: "do", Reason: "none"},
	}})
	require.NoError(t, err)
	id, err := saga.ParseID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
	require.NoError(t, err)
	state, history := saga.State{ID: id}, saga.History{}
	at := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, e := range []saga.Event{
		{Kind: saga.Started, At: at, Extra: &saga.EventExtra{Definition: "order", Version: "r1"}, Payload: saga.JSON([]byte(`{}`))},
		{Kind: saga.Replied, At: at.Add(time.Second), Step: saga.StepRef{Name: "a"}, Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded, Payload: saga.JSON([]byte(`{}`))},
	} {
		next, effects, err := m.Decide(state, nil, e)
		require.NoError(t, err)
		history, state = append(history, e.Stored(&next, effects)), next
	}
	require.Len(t, history[1].Sent, 1)
	return recording.Of("default", &state, history), m
}

// TestRedecide: what an engine would send otherwise is said with the event, and so is an
// event that it would take for nothing, and another state.
func TestRedecide(t *testing.T) {
	t.Parallel()
	one, m := recorded(t)
	require.Nil(t, one.Redecide(m))
	require.Nil(t, one.Compare(m, m))

	one.History[1].Sent[0].Attempt = 2
	require.Contains(t, one.Redecide(m).String(), "order r1: event 2 (replied) sent b/do p/do 2 ")
	one.History[1].Sent = nil
	require.Contains(t, one.Redecide(m).String(), "sent nothing, and would send b/do p/do 1 ")

	one, m = recorded(t)
	one.History = append(one.History, saga.Event{Kind: saga.Woke, Seq: 3, At: one.History[1].At})
	require.Equal(t, "event 3 (woke) would change nothing", one.Redecide(m).Text)

	one, m = recorded(t)
	one.State = []byte("another")
	require.Equal(t, "the history leads to another state than it did", one.Redecide(m).Text)

	other, err := saga.Compile(saga.Definition{Name: "order", Version: "r1", Steps: []saga.Step{{Name: "a", Participant: "p", Command: "do", Reason: "none"}}})
	require.NoError(t, err)
	require.Contains(t, one.Compare(m, other).Text, "event 2 (replied) sent b/do p/do 1 ")
}
