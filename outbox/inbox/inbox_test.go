package inbox_test

import (
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox/inbox"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestClaimIsFirstOncePerConsumerAndOnlyIfCommitted(t *testing.T) {
	t.Parallel()
	pool := database(t)
	aborted, err := pool.Begin(t.Context())
	require.NoError(t, err)
	first, err := inbox.Claim(t.Context(), aborted, "billing", "m1")
	require.NoError(t, err)
	require.True(t, first)
	require.NoError(t, aborted.Rollback(t.Context()))

	for _, c := range []struct {
		consumer string
		want     bool
	}{{"billing", true}, {"billing", false}, {"mail", true}, {"mail", false}} {
		require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			got, err := inbox.Claim(t.Context(), tx, c.consumer, "m1")
			require.Equal(t, c.want, got, c)
			return err
		}))
	}
}

func TestClaimRefusesEmptyNames(t *testing.T) {
	t.Parallel()
	_, err := inbox.Claim(t.Context(), nil, "", "m")
	require.ErrorContains(t, err, "must not be empty")
}

func TestPurgeForgetsTheOldOnly(t *testing.T) {
	t.Parallel()
	pool := database(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO unwind.inbox SELECT 'c', n, clock_timestamp() - interval '2 hours' FROM generate_series(1, $1) n`, inbox.PurgeRows+5)
	require.NoError(t, err)
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := inbox.Claim(t.Context(), tx, "c", "fresh")
		require.NoError(t, err)
		for _, want := range []int64{inbox.PurgeRows, 5, 0} {
			n, err := inbox.Purge(t.Context(), tx, time.Hour)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		return nil
	}))
	var left int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM unwind.inbox").Scan(&left))
	require.Equal(t, 1, left)
}
