package e2e

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// fates are what the sagas of a crash test have to come to, in turn.
var fates = []fate{
	{"trip", nil, saga.Completed, "flight hotel charge mail"},
	{"trip", script{"payments": {"slow:2s"}}, saga.Completed, "flight hotel charge mail"},
	{"trip", script{"hotels": {"reject"}}, saga.Compensated, "flight -flight"},
	{"pair", script{"flights": {"slow:200ms"}, "hotels": {"reject"}}, saga.Compensated, "flight -flight"},
	{"trip", script{"payments": {"reject"}, "hotels.undo": {"slow:200ms"}}, saga.Compensated, "flight hotel -hotel -flight"},
	{"trip", script{"flights": {"reject"}}, saga.Compensated, ""},
	{"pair", script{"hotels": {"slow:500ms"}}, saga.Completed, "flight hotel charge"},
}

// anyFate gives each saga of a crowd its fate.
func anyFate(i int) (string, script) {
	f := fates[i%len(fates)]
	return f.definition, f.script
}

// survived checks a crowd: each saga has come to its fate, and no command had to
// be sent again, since no participant was late.
func (w *world) survived(t *testing.T, started func() ([]saga.ID, error)) {
	t.Helper()
	ids, err := started()
	require.NoError(t, err)
	for i, id := range ids {
		f := fates[i%len(fates)]
		unburned(t, w.ended(t, id, f.status))
		require.ElementsMatch(t, strings.Fields(f.did), strings.Fields(w.did(t, id)))
	}
}

// TestCrashAtEachPlace ends the only coordinator between a commit, a send and an
// acknowledgement, in mid-flight, and starts it again.
func TestCrashAtEachPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	for _, place := range []string{
		failpoint.BeforeCommit + ":5", failpoint.AfterCommit + ":5", failpoint.BeforeSend + ":3", failpoint.AfterSend + ":3",
		failpoint.BeforeCommit + ":20", failpoint.AfterCommit + ":20", failpoint.BeforeSend + ":12", failpoint.AfterSend + ":12",
	} {
		t.Run(place, func(t *testing.T) {
			w.nodes[0].kill()
			w.begin(0, "UNWIND_FAILPOINT="+place)
			started := w.crowd(21, anyFate)
			select {
			case <-w.nodes[0].ended:
			case <-time.After(patience):
				require.Fail(t, "the coordinator has not come to that place")
			}
			require.Equal(t, failpoint.ExitCode, w.nodes[0].cmd.ProcessState.ExitCode())
			w.begin(0)
			w.survived(t, started)
		})
	}
}

// TestCrashAtAnyMoment kills the only coordinator again and again while sagas are
// in flight.
func TestCrashAtAnyMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	started := w.crowd(70, anyFate)
	for range 4 {
		moment := time.Duration(100+rand.IntN(400)) * time.Millisecond
		<-time.After(moment)
		w.nodes[0].kill()
		w.begin(0)
		t.Logf("killed after %v", moment)
	}
	w.survived(t, started)
}

// TestTakeover kills one of two coordinators, twice: the other takes its buckets
// over and ends its sagas.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 2)
	for victim := range w.nodes {
		started := w.crowd(70, anyFate)
		w.eachAtWork(t)
		w.nodes[victim].kill()
		w.survived(t, started)
		w.begin(victim)
	}
}

// TestHandover asks one of two coordinators to end in mid-flight, as a deployment
// does: it ends in good order and the other takes over.
func TestHandover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 2)
	started := w.crowd(70, anyFate)
	w.eachAtWork(t)
	require.NoError(t, w.nodes[0].terminate())
	select {
	case <-w.nodes[0].ended:
	case <-time.After(patience):
		require.Fail(t, "the coordinator does not end")
	}
	require.Zero(t, w.nodes[0].cmd.ProcessState.ExitCode())
	w.survived(t, started)
}

// eachAtWork waits until every coordinator owns buckets with sagas in flight.
func (w *world) eachAtWork(t *testing.T) {
	t.Helper()
	eventually(t, "each coordinator has sagas in flight", func() bool {
		var busy int
		err := w.pool.QueryRow(t.Context(), `SELECT count(DISTINCT b.owner) FROM unwind.sagas s JOIN unwind.buckets b USING (bucket)
			WHERE s.status < 3`).Scan(&busy)
		require.NoError(t, err)
		return busy == len(w.nodes)
	})
}
