package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

const (
	// holdTakes is how long a hold may take until every process knows of it.
	holdTakes = time.Second
	// releaseRate is the rate of the release, in commands a second.
	releaseRate = 20
)

// unwind runs a command of the binary against the node that lives.
func (w *world) unwind(t *testing.T, args ...string) {
	t.Helper()
	command(t, []string{"UNWIND_URL=" + w.nodes[w.alive()].url}, unwindBinary, args...)
}

// heldAt waits until so many sagas wait for flights, as the fleet shows it.
func (w *world) heldAt(t *testing.T, least int) {
	t.Helper()
	eventually(t, "commands for flights are held", func() bool {
		b, ok := w.flights()
		return ok && b.State == "closed" && b.Held >= least
	})
}

// TestHoldUnderLoad: a participant is held under load, and the coordinator killed
// meanwhile. Nothing leaves until the release, not by the next coordinator either;
// then all of it goes at the rate that was asked for, each command once.
func TestHoldUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	w.ended(t, w.start(t, "patient", nil), saga.Completed)
	stop := w.load()
	w.unwind(t, "hold", "participant", "flights", "--reason", "the airline moves")
	held := time.Now()
	w.heldAt(t, 80)
	ids, err := stop()
	require.NoError(t, err)
	w.nodes[0].kill()
	w.nodes = append(w.nodes, &node{})
	w.begin(1)
	late, err := w.insist("late", "patient", nil) // a start is accepted, and held
	require.NoError(t, err)
	ids = append(ids, late)
	w.heldAt(t, 80)
	w.saysWhy(t, late)
	released := time.Now()
	w.unwind(t, "release", "participant", "flights", "--rate", "20/s")

	var after []time.Time
	for _, s := range w.completed(t, ids) {
		require.Equal(t, 1, s.attempt, "no attempt is burned")
		require.False(t, s.at.After(held.Add(holdTakes)) && s.at.Before(released), "sent while flights was held: %+v", s)
		if s.at.After(released) {
			after = append(after, s.at)
		}
	}
	require.GreaterOrEqual(t, len(after), 80)
	steady(t, after)
}

// saysWhy: the saga says what it waits for, and who has said so.
func (w *world) saysWhy(t *testing.T, id saga.ID) {
	t.Helper()
	eventually(t, "the saga says why it waits", func() bool {
		status, data, err := w.send(request{method: http.MethodGet, path: "/v1/sagas/" + id.String(), node: w.alive()})
		var s client.Saga
		return err == nil && status == http.StatusOK && json.Unmarshal(data, &s) == nil &&
			len(s.HeldBy) == 1 && s.HeldBy[0].Name == "flights" && s.HeldBy[0].Reason == "the airline moves" && slices.Equal(s.WaitingFor, []string{"hold"})
	})
}

// steady checks that no second had more than the rate, but for what the moments that
// are written down may be apart from those at which the gate was asked.
func steady(t *testing.T, moments []time.Time) {
	t.Helper()
	const room = 1.5
	most, first := 0, 0
	for last, at := range moments {
		for at.Sub(moments[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	t.Logf("%d commands in %v, at most %d in a second", len(moments), moments[len(moments)-1].Sub(moments[0]), most)
	require.LessOrEqual(t, float64(most), room*releaseRate)
	require.Greater(t, moments[len(moments)-1].Sub(moments[0]), time.Duration(float64(len(moments))/releaseRate*0.7*float64(time.Second)))
}
