package travel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// statement is SQL with its arguments.
type statement struct {
	sql  string
	args []any
}

// undo runs statements that must change one row each: the guard calls an undo
// only for what was done, so anything else is a fault.
func undo(ctx context.Context, tx pgx.Tx, what string, statements ...statement) error {
	for _, s := range statements {
		tag, err := tx.Exec(ctx, s.sql, s.args...)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if n := tag.RowsAffected(); n != 1 {
			return fmt.Errorf("%s: %d rows are concerned, want 1", what, n)
		}
	}
	return nil
}
