package sagapg

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// One row is written by a statement without arrays, any other number by the arrays.
func TestSized(t *testing.T) {
	t.Parallel()
	s := newSized(`INSERT INTO t (a, b) SELECT a, b FROM unnest($1::int8[], $2::text[]) AS n (a, b)`)
	require.Equal(t, `INSERT INTO t (a, b) SELECT a, b FROM (VALUES ($1::int8, $2::text)) AS n (a, b)`, s.one)
	var q pgx.Batch
	s.queue(&q, 1, []int64{7}, []string{"x"})
	s.queue(&q, 2, []int64{7, 8}, []string{"x", "y"})
	require.Equal(t, s.one, q.QueuedQueries[0].SQL)
	require.Equal(t, []any{int64(7), "x"}, q.QueuedQueries[0].Arguments)
	require.Equal(t, s.many, q.QueuedQueries[1].SQL)
	require.Equal(t, []any{[]int64{7, 8}, []string{"x", "y"}}, q.QueuedQueries[1].Arguments)
}
