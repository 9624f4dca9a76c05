package sagapg_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// An input that an operator has written outlives the process, is read from the
// history where it is large, and is what the compensation carries.
func TestEdit(t *testing.T) {
	t.Parallel()
	def := patient()
	w := setup(t, def)
	id := w.hold(t, "travel")
	large := `{"pad":"` + strings.Repeat("x", saga.InlineMax) + `"}`
	edit := coordinator.Verb{Kind: saga.StepEdited, Saga: id, Step: "flight", Payload: saga.JSON([]byte(large)), Reason: "row 13 is none", RequestID: "e"}
	for _, first := range []bool{true, false} {
		res, err := w.c.Do(t.Context(), edit)
		require.NoError(t, err)
		require.Equal(t, first, res.Changed)
	}
	sent := w.bus.commands(id)
	require.Len(t, sent, 2)
	require.Equal(t, []int{2, 2}, []int{sent[1].Attempt, sent[1].Epoch})
	require.Equal(t, sent[0].ID, sent[1].ID)
	require.Equal(t, large, string(sent[1].Payload.Data))
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "charge" {
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		}
		return succeed(cmd)
	})
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Compensated)
	sent = w.bus.commands(id)
	require.Equal(t, large, string(sent[len(sent)-1].Payload.Data))
	w.replays(t, def, id)
	edit.RequestID = "late"
	_, err := w.c.Do(t.Context(), edit)
	require.ErrorIs(t, err, saga.ErrEnded)
}

// A local step that has refused looks at another input anew.
func TestEditOfALocalStep(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url+"&pool_max_conns=20")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	free := sagapg.Local("free", func(_ context.Context, _ pgx.Tx, in entry) (entry, error) { return in, nil })
	runner := store.Locals(free, sagapg.Local("limit", func(_ context.Context, _ pgx.Tx, in entry) (entry, error) {
		if in.Cents > 100 {
			return in, sagapg.Refuse("over the limit")
		}
		return in, nil
	}))
	m, err := saga.Compile(saga.Definition{Name: "pay", Steps: []saga.Step{
		{Name: "go", Participant: saga.Local, Command: "free", Kind: saga.Pivot},
		{Name: "limit", Participant: saga.Local, Command: "limit", Kind: saga.Retriable, Do: saga.Policy{Backoff: 24 * time.Hour, Cap: 24 * time.Hour}},
	}})
	require.NoError(t, err)
	c := embed(t, pool, store, runner, library{"pay": m})
	res, err := c.Start(t.Context(), coordinator.StartRequest{Namespace: "default", Definition: "pay", Version: "r1", Input: saga.JSON([]byte(`{"cents":500}`))})
	require.NoError(t, err)
	w := &world{store: &faulty{Store: store}}
	require.Eventually(t, func() bool { return len(w.state(t, res.ID).Attention) > 0 }, 20*time.Second, 10*time.Millisecond)
	_, err = c.Do(t.Context(), coordinator.Verb{Kind: saga.StepEdited, Saga: res.ID, Step: "limit", Payload: saga.JSON([]byte(`{"cents":50}`))})
	require.NoError(t, err)
	w.ends(t, res.ID, saga.Completed)
}
