package participant

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// wireSQL is the SQL of the guard as the wire contract prints it for other
// languages.
func wireSQL(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/wire-contract.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```sql\n")
	require.True(t, found, "docs/wire-contract.md has an SQL block")
	sql, _, _ := strings.Cut(rest, "```")
	return sql
}

// The printed SQL decides every cell of the guard as the Go code does.
func TestPrintedSQLDecidesEveryCell(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), testserver.Postgres(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), wireSQL(t))
	require.NoError(t, err)
	positions := map[string]position{"below": {1, 9}, "same": {2, 5}, "above": {2, 6}}
	for _, c := range cells {
		t.Run(fmt.Sprintf("%s/undo=%v/%s", cmp.Or(c.state, "none"), c.undo, c.where), func(t *testing.T) {
			checkPrinted(t, pool, c, positions[c.where])
		})
	}
}

func checkPrinted(t *testing.T, pool *pgxpool.Pool, c cell, at position) {
	ctx, id := context.Background(), newSaga().String()
	stored := position{2, 5}
	if c.state != "" {
		outcome := saga.Succeeded
		if c.state == "rejected" {
			outcome = saga.Rejected
		}
		_, err := pool.Exec(ctx, `INSERT INTO guard (saga, step, state, incarnation, epoch, outcome, reason) VALUES ($1, 'fly', $2, 2, 5, $3, 'kept')`,
			id, c.state, outcome.String())
		require.NoError(t, err)
	}
	direction := saga.Do
	if c.undo {
		direction = saga.Undo
	}
	var ruling, outcome, reason string
	require.NoError(t, pool.QueryRow(ctx, `SELECT ruling, outcome, reason FROM guard_enter($1, 'fly', $2, $3, $4)`, id, direction.String(), at.incarnation, at.epoch).
		Scan(&ruling, &outcome, &reason))
	require.Equal(t, c.runs, ruling == "run")
	if c.runs {
		_, err := pool.Exec(ctx, `CALL guard_leave($1, 'fly', $2, $3, $4)`, id, c.after, at.incarnation, at.epoch)
		require.NoError(t, err)
	} else {
		require.Equal(t, []string{c.outcome.String(), c.reason}, []string{outcome, reason})
	}
	var state string
	var now position
	require.NoError(t, pool.QueryRow(ctx, `SELECT state, incarnation, epoch FROM guard WHERE saga = $1`, id).Scan(&state, &now.incarnation, &now.epoch))
	if c.moved {
		stored = at
	}
	require.Equal(t, c.after, state)
	require.Equal(t, stored, now)
}
