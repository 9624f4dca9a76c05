package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestStepsThatWait lets sagas sleep, await and ask while their only coordinator is
// killed, twice, and goes on from the command line.
func TestStepsThatWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	approved, refused, slept := w.start(t, "claim", nil), w.start(t, "claim", nil), w.start(t, "nap", nil)
	early := w.start(t, "claim", script{"flights": {"slow:2s"}})
	w.operator(t, "signal", early, "paid", "--payload", `{"ref":"E1"}`)
	for _, id := range []saga.ID{approved, refused} {
		w.phase(t, id, "sign", saga.Asking.String())
	}
	w.phase(t, slept, "rest", saga.Sleeping.String())
	w.again()

	w.until(t, slept, "woken by its new owner", client.Saga.Ended)
	w.operator(t, "approve", approved, "sign")
	w.operator(t, "refuse", refused, "sign")
	w.phase(t, early, "sign", saga.Asking.String())
	w.operator(t, "approve", early, "sign")
	w.phase(t, approved, "paid", saga.Awaiting.String())
	w.again()
	w.operator(t, "signal", approved, "paid", "--payload", `{"ref":"P1"}`)

	history := w.ended(t, approved, saga.Completed)
	wished(t, history, "decided", "signalled")
	require.Equal(t, "flight charge mail", w.did(t, approved))
	require.Equal(t, "flight -flight", w.did(t, refused))
	w.ended(t, refused, saga.Compensated)
	w.ended(t, early, saga.Completed)
	require.Equal(t, "flight charge mail", w.did(t, early))
	w.ended(t, slept, saga.Completed)
	require.Equal(t, "flight charge", w.did(t, slept))
}

// again kills the coordinator and begins another.
func (w *world) again() {
	w.nodes[0].kill()
	w.begin(0)
}
