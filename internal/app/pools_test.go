package app

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

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
