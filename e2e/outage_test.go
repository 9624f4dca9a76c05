package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

const (
	// outage is longer than the whole retry budget of a step of steady: two attempts of
	// six seconds and a pause.
	outage = 14 * time.Second
	// longOutage is that for steadier, whose attempts have fifteen.
	longOutage = 32 * time.Second
)

// inFlight starts sagas whose commands are with a participant that is at work.
func (w *world) inFlight(t *testing.T, n int, definition string) []saga.ID {
	t.Helper()
	ids := w.startMany(t, n, func(int) (string, script) { return definition, script{"hotels": {"slow:1s"}} })
	for _, id := range ids {
		w.phase(t, id, "hotel", saga.Doing.String())
	}
	return ids
}

// untouched checks that the sagas have completed as if nothing had happened.
func (w *world) untouched(t *testing.T, ids []saga.ID) {
	t.Helper()
	for _, id := range ids {
		unburned(t, w.ended(t, id, saga.Completed))
	}
}

// TestCoordinatorAway: the coordinator is away for longer than a step's whole retry
// budget. Participants answer meanwhile, or are away as well; no attempt is burned
// and nothing is compensated.
func TestCoordinatorAway(t *testing.T) {
	t.Parallel()
	t.Run("participants answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, testserver.Kafka(t), 1)
		ids := w.inFlight(t, 10, "steady")
		w.nodes[0].kill()
		<-time.After(outage)
		w.begin(0)
		w.untouched(t, ids)
	})
	t.Run("participants are away too", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, testserver.Kafka(t), 1)
		ids := w.inFlight(t, 10, "steady")
		w.nodes[0].kill()
		require.NoError(t, w.hands.pause())
		<-time.After(outage)
		require.NoError(t, w.hands.resume())
		w.begin(0)
		w.untouched(t, ids)
	})
}

// TestKafkaAway: the broker is killed and comes back after longer than a step's
// whole retry budget. Sagas in flight, and those started meanwhile, go on as if
// nothing had happened.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	broker := testserver.RestartableKafka(t)
	w := newWorld(t, broker.Brokers(), 1)
	ids := w.inFlight(t, 10, "steadier")
	broker.Kill()
	ids = append(ids, w.startMany(t, 10, func(int) (string, script) { return "steadier", nil })...)
	<-time.After(longOutage)
	for _, id := range ids {
		s, ok := w.look(id)
		require.True(t, ok)
		require.Equal(t, saga.Running.String(), s.Status)
	}
	require.NoError(t, broker.Start(t.Context()))
	w.untouched(t, ids)
}

// TestPostgresAway: the server under the coordinator and the participants is killed
// in mid-flight and comes back. What was committed is there, what was not is done
// once more, and nothing is compensated for it.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	postgres := testserver.RestartablePostgres(t)
	w := newWorldIn(t, postgres.URL(), testserver.Kafka(t), 1)
	started := w.crowd(70, anyFate)
	w.eachAtWork(t)
	postgres.Kill()
	<-time.After(outage)
	require.NoError(t, postgres.Start(t.Context()))
	w.ready(0)
	w.survived(t, started)
}
