package e2e

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestABatchOutlivesItsCoordinator lets forty sagas rest, asks all to try again, and
// kills the coordinator while it does so.
func TestABatchOutlivesItsCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	ids := w.startMany(t, 40, func(int) (string, script) { return "lazy", script{"flights": {"fail", "ok"}} })
	for _, id := range ids {
		w.phase(t, id, "flight", saga.Resting.String())
	}
	c, err := client.New(client.Config{URL: w.nodes[0].url})
	require.NoError(t, err)
	b, err := c.CreateBatch(t.Context(), client.BatchRequest{
		Verb: "retry", Rate: 10, Reason: "an operator's wish", Filter: client.BatchFilter{Definition: "lazy", Status: "running"},
	})
	require.NoError(t, err)
	require.Equal(t, 40, b.Total)
	require.Equal(t, "frozen", b.State)
	command(t, append(w.env(), "UNWIND_URL="+w.nodes[0].url), unwindBinary, "batch", "run", strconv.FormatInt(b.ID, 10))
	eventually(t, "some were asked", func() bool {
		b, err := c.Batch(t.Context(), b.ID)
		return err == nil && b.Done > 0
	})
	w.again()
	c, err = client.New(client.Config{URL: w.nodes[0].url})
	require.NoError(t, err)
	eventually(t, "the batch is done", func() bool {
		now, err := c.Batch(t.Context(), b.ID)
		b.Done, b.Unchanged = now.Done, now.Unchanged
		return err == nil && now.State == "done"
	})
	require.Equal(t, 40, b.Done+b.Unchanged)
	for _, id := range ids {
		history := w.ended(t, id, saga.Completed)
		wished(t, history, "retried")
		require.Equal(t, "flight hotel charge mail", w.did(t, id))
	}
}
