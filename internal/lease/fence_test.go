package lease_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/lease"
)

func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(t.Context()) })
	return tx
}

func TestFenceLetsTheOwnerPassAndStopsAZombie(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)
	held := a.Owned()
	owner := begin(t, pool)
	require.NoError(t, lease.Fence(t.Context(), owner, schema, held))
	require.NoError(t, owner.Commit(t.Context()))

	a.stop()
	b := start(t, pool, "b", nil)
	b.requireShare(t, 64)

	var batch pgx.Batch
	var bad []int
	lease.QueueFence(&batch, schema, []lease.Held{held[7], held[3]}, func(buckets []int) { bad = buckets })
	err := begin(t, pool).SendBatch(t.Context(), &batch).Close()
	require.ErrorIs(t, err, lease.ErrLost)
	require.Equal(t, []int{3, 7}, bad)
	require.NoError(t, lease.Fence(t.Context(), begin(t, pool), schema, b.Owned()))
}

// The new owner's OnGain must not run while a transaction that has passed the
// fence under the old epoch can still commit.
func TestTakeoverWaitsForFencedTransactions(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)
	tx := begin(t, pool)
	require.NoError(t, lease.Fence(t.Context(), tx, schema, a.Owned()[:1]))
	a.stop() // in order, though one of its transactions is still open

	b := start(t, pool, "b", nil)
	require.Eventually(t, func() bool { return owners(t, pool) == 64 }, wait, tick)
	var waiting int
	require.Eventually(t, func() bool {
		const locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
		require.NoError(t, pool.QueryRow(t.Context(), locks).Scan(&waiting))
		return waiting == 1
	}, wait, tick, "b waits the old transaction out")
	require.Empty(t, b.Owned())
	require.Empty(t, b.told())

	require.NoError(t, tx.Commit(t.Context()))
	b.requireShare(t, 64)
}

// A transaction whose fence waits behind the takeover must see the new epoch.
func TestFenceComparesAfterItsLock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fence   func(ctx context.Context, tx pgx.Tx, schema string, held []lease.Held) error
		buckets int
		refusal string
	}{
		"fence":                {lease.Fence, 1, lease.ErrLost.Error()},
		"guard of one bucket":  {lease.Guard, 1, "SQLSTATE 21000"},
		"guard of two buckets": {lease.Guard, 2, "SQLSTATE 21000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := database(t)
			a := start(t, pool, "a", nil)
			a.requireShare(t, 64)
			held := a.Owned()[:c.buckets]
			require.NoError(t, c.fence(t.Context(), begin(t, pool), schema, a.Owned()[62:62+c.buckets]), "others pass")
			taker := begin(t, pool)
			_, err := taker.Exec(t.Context(), lease.WaitOut, lease.Class(schema), []int32{0})
			require.NoError(t, err)
			_, err = taker.Exec(t.Context(), "UPDATE unwind.buckets SET epoch = epoch + 1 WHERE bucket = 0")
			require.NoError(t, err)

			got := make(chan error, 1)
			tx := begin(t, pool)
			go func() { got <- c.fence(t.Context(), tx, schema, held) }()
			require.Eventually(t, func() bool {
				var waiting int
				const locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
				require.NoError(t, pool.QueryRow(t.Context(), locks).Scan(&waiting))
				return waiting == 1
			}, wait, tick)
			require.NoError(t, taker.Commit(t.Context()))
			require.ErrorContains(t, <-got, c.refusal)
		})
	}
}

func TestOffsetsAreSavedUnderTheirEpoch(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)
	require.EqualValues(t, -1, a.Owned()[5].ReadOffset)
	require.NoError(t, a.SaveOffsets(t.Context(), map[int]int64{5: 100, 6: 7}))
	require.EqualValues(t, 100, a.Owned()[5].ReadOffset)
	old := a.Owned()[5]
	a.stop()

	b := start(t, pool, "b", nil)
	b.requireShare(t, 64)
	require.EqualValues(t, 100, b.Owned()[5].ReadOffset, "handed over")

	old.ReadOffset = 5000
	mine := b.Owned()[6]
	mine.ReadOffset = 8
	var batch pgx.Batch
	lease.QueueOffsets(&batch, schema, []lease.Held{mine, old})
	require.NoError(t, pool.SendBatch(t.Context(), &batch).Close())
	var stored []int64
	rows, err := pool.Query(t.Context(), "SELECT read_offset FROM unwind.buckets WHERE bucket IN (5, 6) ORDER BY bucket")
	require.NoError(t, err)
	stored, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	require.Equal(t, []int64{100, 8}, stored, "a zombie's offset is not taken")
}
