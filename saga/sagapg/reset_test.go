package sagapg_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// A reset goes on with the next owner: what lies between is undone, then done anew with
// commands of other ids; a repeat of the request changes nothing.
func TestReset(t *testing.T) {
	t.Parallel()
	def := patient()
	w := setup(t, def)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.ID.Step.Name == "hotel" || cmd.Name == "charge" {
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	require.Eventually(t, func() bool { return len(w.bus.commands(id)) == 2 }, 10*time.Second, 5*time.Millisecond)
	reset := coordinator.Verb{Kind: saga.Reset, Saga: id, Step: "flight", Reason: "the wrong day", RequestID: "r"}
	for _, first := range []bool{true, false} {
		res, err := w.c.Do(t.Context(), reset)
		require.NoError(t, err)
		require.Equal(t, first, res.Changed)
		require.Equal(t, saga.Running, res.State.Status)
	}
	mine := []lease.Held{{Bucket: bucket.Of(id.String(), bucket.Count), ReadOffset: -1}}
	w.c.Lose(mine)
	w.c.Gain(context.Background(), mine)
	w.release([]saga.ID{id}) // the hotel's do, then its undo
	require.Eventually(t, func() bool { return len(w.bus.commands(id)) == 3 }, 10*time.Second, 5*time.Millisecond)
	w.release([]saga.ID{id})
	require.Eventually(t, func() bool { return len(w.bus.commands(id)) == 6 }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "hotel/undo@1", "flight/undo@1", "flight#2/do@1", "hotel#2/do@1"}, steps(w.bus.commands(id)))
	w.bus.answers(succeed)
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Completed)
	w.replays(t, def, id)
	reset.RequestID = "late"
	_, err := w.c.Do(t.Context(), reset)
	require.ErrorIs(t, err, saga.ErrEnded)
}
