package sagapg_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// TestTraces: notes are written with a batch, given to one process at a time, come
// again unless they are done, and are dropped when they are too old or too many.
func TestTraces(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	var notes []coordinator.Traced
	for i := 1; i <= 5; i++ {
		notes = append(notes, coordinator.Traced{Saga: numbered(i), Window: int64(i)})
	}
	for range 2 { // the second time changes nothing
		b, err := store.Begin(t.Context(), coordinator.Load{})
		require.NoError(t, err)
		require.NoError(t, b.Commit(t.Context(), &coordinator.Writes{Traced: notes}))
	}
	traces := sagapg.NewTraces(pool, "unwind")
	claim := func(lease time.Duration) []coordinator.Traced {
		taken, err := traces.Claim(t.Context(), 3, lease)
		require.NoError(t, err)
		return taken
	}
	first, second := claim(time.Hour), claim(0)
	require.Len(t, first, 3)
	require.ElementsMatch(t, notes, append(append([]coordinator.Traced{}, first...), second...))
	require.ElementsMatch(t, second, claim(0), "its lease is over: it comes again")
	require.NoError(t, traces.Done(t.Context(), second))
	require.Empty(t, claim(0))

	expire := func(age time.Duration, most int) int64 {
		n, err := traces.Expire(t.Context(), age, most)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, expire(time.Hour, 3))
	_, err = pool.Exec(t.Context(), `UPDATE unwind.trace_queue SET at = at - interval '2 hours' WHERE saga = $1`, first[0].Saga.String())
	require.NoError(t, err)
	require.EqualValues(t, 1, expire(time.Hour, 3))
	_, err = pool.Exec(t.Context(), `UPDATE unwind.trace_queue SET at = at - interval '1 minute' WHERE saga = $1`, first[1].Saga.String())
	require.NoError(t, err)
	require.EqualValues(t, 1, expire(time.Hour, 1), "of the others only the newest is kept")
	require.Zero(t, expire(time.Hour, 1))
}
