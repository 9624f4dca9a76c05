package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// operator asks for a verb on the command line; it must be granted.
func (w *world) operator(t *testing.T, verb string, id saga.ID, args ...string) {
	t.Helper()
	args = append([]string{"saga", verb, id.String(), "--reason", "an operator's wish"}, args...)
	command(t, append(w.env(), "UNWIND_URL="+w.nodes[0].url), unwindBinary, args...)
}

// TestVerbs presses an operator's verbs on one coordinator, which is killed while a
// saga is paused.
func TestVerbs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	paused := w.start(t, "trip", script{"hotels": {"slow:1s"}})
	w.phase(t, paused, "hotel", saga.Doing.String())
	w.operator(t, "pause", paused)
	w.nodes[0].kill()
	w.begin(0)
	w.phase(t, paused, "charge", saga.Held.String()) // the answer came, and nothing was sent

	rests := w.start(t, "lazy", script{"flights": {"fail", "ok"}})
	w.phase(t, rests, "flight", saga.Resting.String())
	w.operator(t, "retry", rests, "flight")
	w.ended(t, rests, saga.Completed)
	byHand := w.start(t, "lazy", script{"flights": {"fail"}, "mails": {"fail"}})
	w.phase(t, byHand, "flight", saga.Resting.String())
	w.operator(t, "resolve", byHand, "flight", "--output", `{"number":"LH 400"}`)
	w.phase(t, byHand, "mail", saga.Resting.String())
	w.operator(t, "skip", byHand, "mail")
	w.until(t, byHand, "completed", client.Saga.Ended)
	require.Equal(t, "hotel charge", w.did(t, byHand))
	wished(t, w.history(t, byHand), "resolved", "skipped")
	urgent := w.start(t, "urgent", script{"flights": {"slow:1s"}})
	w.operator(t, "pause", urgent)
	undone := w.start(t, "lazy", script{"payments": {"reject"}, "hotels.undo": {"fail", "ok"}})
	w.phase(t, undone, "hotel", saga.UndoResting.String())
	w.operator(t, "retry", undone)
	w.ended(t, undone, saga.Compensated)

	w.until(t, urgent, "turned back by its deadline", func(s client.Saga) bool { return s.Status == "compensating" || s.Ended() })
	w.operator(t, "resume", urgent)
	w.ended(t, urgent, saga.Compensated)

	require.Equal(t, "flight hotel", w.did(t, paused))
	w.operator(t, "resume", paused)
	history := w.ended(t, paused, saga.Completed)
	require.Equal(t, "flight hotel charge mail", w.did(t, paused))
	wished(t, history, "paused", "resumed")
}

// wished: an operator's verbs are in the history, with the reason.
func wished(t *testing.T, history []client.Event, kinds ...string) {
	t.Helper()
	for _, e := range history {
		if len(kinds) > 0 && e.Kind == kinds[0] {
			require.Equal(t, "operator:local", e.Actor)
			require.Equal(t, "an operator's wish", e.Reason)
			kinds = kinds[1:]
		}
	}
	require.Empty(t, kinds, "not in the history")
}

// TestTerminate gives a saga up: nothing is undone, and what comes later changes
// nothing.
func TestTerminate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	id := w.start(t, "trip", script{"hotels": {"slow:1s"}})
	w.phase(t, id, "hotel", saga.Doing.String())
	w.operator(t, "terminate", id)
	eventually(t, "the hotel is booked all the same", func() bool { return w.did(t, id) == "flight hotel" })
	other := w.start(t, "trip", nil)
	w.ended(t, other, saga.Completed) // so the hotel's answer was read
	var s client.Saga
	answer := w.call(t, request{method: http.MethodPost, path: "/v1/sagas/" + id.String() + "/cancel", body: []byte(`{}`), want: http.StatusOK})
	require.NoError(t, json.Unmarshal(answer, &s))
	require.Equal(t, "abandoned", s.Status)
	for _, step := range s.Steps {
		require.Equal(t, step.Step == "flight" || step.Step == "hotel", step.LeftAlive, step.Step)
	}
	answer = w.call(t, request{method: http.MethodPost, path: "/v1/sagas/" + id.String() + "/pause", body: []byte(`{}`), want: http.StatusConflict})
	require.Contains(t, string(answer), client.Ended)
	wished(t, w.history(t, id), "terminated")
}
