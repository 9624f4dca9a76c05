package e2e

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestResetOutlivesItsCoordinator resets a saga whose hotel is being booked, and kills
// the coordinator while the hotel is undone: each run has one effect, and its undo.
func TestResetOutlivesItsCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	id := w.start(t, "trip", script{"hotels": {"slow:700ms"}, "hotels.undo": {"slow:700ms"}})
	w.phase(t, id, "hotel", saga.Doing.String())
	w.operator(t, "reset", id, "flight")
	w.phase(t, id, "hotel", saga.Undoing.String())
	w.again()
	wished(t, w.ended(t, id, saga.Completed), "reset")
	require.Equal(t, "flight hotel -hotel -flight flight#2 hotel#2 charge mail", w.did(t, id))
}

// TestABatchOfEditsOutlivesItsCoordinator lets forty sagas be refused after their pivot,
// gives all of them another input, and kills the coordinator while it does so.
func TestABatchOfEditsOutlivesItsCoordinator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testserver.Kafka(t), 1)
	ids := w.startMany(t, 40, func(int) (string, script) { return "lazy", script{"mails": {"reject"}} })
	for _, id := range ids {
		w.phase(t, id, "mail", saga.Resting.String())
	}
	c, err := client.New(client.Config{URL: w.nodes[0].url})
	require.NoError(t, err)
	b, err := c.CreateBatch(t.Context(), client.BatchRequest{
		Verb: "edit", Step: "mail", Input: json.RawMessage(`{"script":{}}`), Rate: 10, Reason: "an operator's wish",
		Filter: client.BatchFilter{Definition: "lazy", Attention: true},
	})
	require.NoError(t, err)
	require.Equal(t, 40, b.Total)
	command(t, append(w.env(), "UNWIND_URL="+w.nodes[0].url), unwindBinary, "batch", "run", strconv.FormatInt(b.ID, 10))
	eventually(t, "some were asked", func() bool {
		b, err := c.Batch(t.Context(), b.ID)
		return err == nil && b.Done > 0
	})
	w.again()
	for _, id := range ids {
		wished(t, w.ended(t, id, saga.Completed), "edited")
		require.Equal(t, "flight hotel charge mail", w.did(t, id))
	}
}
