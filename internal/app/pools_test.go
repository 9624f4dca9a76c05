package app

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

// A commit waits for the disk whatever the database says, and a choice that is stricter
// than ours stays.
func TestCommitsAreDurable(t *testing.T) {
	t.Parallel()
	for theirs, want := range map[string]string{"off": "on", "local": "local", "remote_apply": "remote_apply"} {
		url := testserver.Postgres(t)
		conn, err := pgx.Connect(t.Context(), url)
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{conn.Config().Database}.Sanitize()+" SET synchronous_commit = "+theirs)
		require.NoError(t, err)
		require.NoError(t, conn.Close(t.Context()))
		p, err := openPools(t.Context(), Config{DatabaseURL: url}.withDefaults())
		require.NoError(t, err)
		defer p.close()
		for _, pool := range []*pgxpool.Pool{p.write, p.read, p.lease} {
			var is, idle string
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')").Scan(&is, &idle))
			require.Equal(t, want, is)
			require.Equal(t, "2s", idle)
		}
	}
}

// The writers' pool plans a statement once per connection, by its indexes, and a
// table without one is read without a compiler's help.
func TestWritersPlansAreMadeOnce(t *testing.T) {
	t.Parallel()
	p, err := openPools(t.Context(), Config{DatabaseURL: testserver.Postgres(t)}.withDefaults())
	require.NoError(t, err)
	defer p.close()
	conn, err := p.write.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, prepare := range []string{
		"CREATE TEMPORARY TABLE known (id bigint PRIMARY KEY, state int)",
		"CREATE TEMPORARY TABLE plain (id bigint)",
		"PREPARE change (bigint[], int[]) AS UPDATE known k SET state = n.state FROM unnest($1, $2) AS n (id, state) WHERE k.id = n.id",
	} {
		_, err := conn.Exec(t.Context(), prepare)
		require.NoError(t, err)
	}
	for range 10 {
		_, err := conn.Exec(t.Context(), "EXECUTE change ('{1}', '{2}')")
		require.NoError(t, err)
	}
	var anew int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT custom_plans FROM pg_prepared_statements WHERE name = 'change'").Scan(&anew))
	require.Zero(t, anew)

	rows, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE) SELECT FROM plain WHERE id = 1")
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotContains(t, strings.Join(plan, "\n"), "JIT")
}
