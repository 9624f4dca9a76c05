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

func (w *world) verb(t *testing.T, id saga.ID, kind saga.EventKind) saga.State {
	t.Helper()
	res, err := w.c.Do(t.Context(), coordinator.Verb{Kind: kind, Saga: id, Reason: "a wish", RequestID: string(kind)})
	require.NoError(t, err)
	require.True(t, res.Changed)
	return res.State
}

// A paused saga takes its answer, and so does its next owner; nothing is sent
// until it is resumed.
func TestPauseOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	require.False(t, w.verb(t, id, saga.Paused).Paused.IsZero())
	w.release([]saga.ID{id})
	require.Eventually(t, func() bool { return w.state(t, id).Steps[0].Phase == saga.Done }, 10*time.Second, 5*time.Millisecond)
	mine := []lease.Held{{Bucket: bucket.Of(id.String(), bucket.Count), ReadOffset: -1}}
	w.c.Lose(mine)
	w.c.Gain(context.Background(), mine)
	require.Len(t, w.bus.commands(id), 1)
	require.Equal(t, []string{"operator"}, new(w.state(t, id)).WaitingFor())
	w.bus.answers(succeed)
	w.verb(t, id, saga.Resumed)
	w.ends(t, id, saga.Completed)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Paused, Saga: id, RequestID: "late"})
	require.ErrorIs(t, err, saga.ErrEnded)
}

// Retry sends at once what would rest for a day.
func TestRetryNow(t *testing.T) {
	t.Parallel()
	def := patient()
	def.Steps[0].Do.Backoff, def.Steps[0].Do.Cap = 24*time.Hour, 24*time.Hour
	w := setup(t, def)
	w.bus.answers(func(cmd saga.Command) []saga.Reply { return []saga.Reply{replyTo(cmd, saga.Failed)} })
	id := w.start(t, "travel", `{}`)
	require.Eventually(t, func() bool { return w.state(t, id).Steps[0].Phase == saga.Resting }, 10*time.Second, 5*time.Millisecond)
	w.bus.answers(succeed)
	w.verb(t, id, saga.Retried)
	w.ends(t, id, saga.Completed)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Retried, Saga: id, RequestID: "late"})
	require.ErrorIs(t, err, saga.ErrEnded)
}

// What is terminated takes no answer any more, and says what is left alive.
func TestTerminate(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	state := w.verb(t, id, saga.Terminated)
	require.Equal(t, saga.Abandoned, state.Status)
	require.True(t, state.Steps[0].Alive(), "it was sent")
	require.False(t, state.Steps[1].Alive())
	w.bus.answers(succeed)
	w.release([]saga.ID{id})
	other := w.start(t, "travel", `{}`) // the engine goes on
	w.ends(t, other, saga.Completed)
	require.Equal(t, state.Seq, w.state(t, id).Seq)
}
