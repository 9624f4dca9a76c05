package sagapg

import (
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// sized is a statement about rows that come as an array for each column, and the
// same for the usual single row: Postgres then has no array to scan, which is half
// of what such a statement takes.
type sized struct{ many, one string }

// newSized makes both of a statement whose arrays are those of its first unnest.
func newSized(many string) sized {
	before, rest, _ := strings.Cut(many, "unnest(")
	arrays, after, _ := strings.Cut(rest, ")")
	return sized{many: many, one: before + "(VALUES (" + strings.ReplaceAll(arrays, "[]", "") + "))" + after}
}

// queue queues the statement for n rows.
func (s sized) queue(q *pgx.Batch, n int, columns ...any) {
	if n != 1 {
		q.Queue(s.many, columns...)
		return
	}
	for i, c := range columns {
		columns[i] = only(c)
	}
	q.Queue(s.one, columns...)
}

// only returns the element of a column of one row.
func only(column any) any {
	switch c := column.(type) {
	case []pgtype.UUID:
		return c[0]
	case []string:
		return c[0]
	case []*string:
		return c[0]
	case []int16:
		return c[0]
	case []int32:
		return c[0]
	case []int64:
		return c[0]
	case []time.Time:
		return c[0]
	case []*time.Time:
		return c[0]
	case [][]byte:
		return c[0]
	case int64: // not a column
		return c
	}
	panic(fmt.Sprintf("sagapg: a column of %T", column))
}
