package main

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// The money is all there in the end, whoever was refused, and no account was touched
// by two transfers at a time: what each has left is a balance that nobody has seen.
func TestTheMoneyIsAllThere(t *testing.T) {
	t.Parallel()
	const transfers = 40
	url := testserver.Postgres(t)
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, url, transfers))
	require.Contains(t, out.String(), "40000 cents in all")
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var completed, compensated, credits, held int
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4),
		(SELECT sum(credits) FROM bank.accounts), (SELECT count(*) FROM unwind.saga_locks) FROM unwind.sagas`).Scan(&completed, &compensated, &credits, &held))
	require.Equal(t, transfers, completed+compensated)
	require.Equal(t, completed, credits)
	require.GreaterOrEqual(t, compensated, transfers/4, "carl's account is closed")
	require.Positive(t, completed)
	require.Zero(t, held)
}
