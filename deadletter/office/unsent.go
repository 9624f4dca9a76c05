package office

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/postgres"
)

// unsent reads the oldest letters that have something to be sent, without those of
// the given topics: at most limit letters and so many bytes, but one. It is one
// statement, since two would see two moments: between them an earlier letter of the
// same saga may be redriven as well, and would be overtaken.
func (s *Store) unsent(ctx context.Context, without []string, limit, bytes int) ([]Letter, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, listUnsent), without, limit, bytes)
	if err != nil {
		return nil, fmt.Errorf("read unsent dead letters: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// sent writes down that what was unsent of l has been sent.
func (s *Store) sent(ctx context.Context, l *Letter) error {
	if _, err := s.pool.Exec(ctx, postgres.In(s.schema, markSent), l.ID, string(l.Unsent), l.Redrives); err != nil {
		return fmt.Errorf("mark dead letter %d as sent: %w", l.ID, err)
	}
	return nil
}

// troubled writes down that what was unsent of l can never be sent.
func (s *Store) troubled(ctx context.Context, l *Letter, cause error) error {
	why := plain(cause.Error(), deadletter.MaxReason)
	if _, err := s.pool.Exec(ctx, postgres.In(s.schema, markTrouble), l.ID, string(l.Unsent), l.Redrives, why); err != nil {
		return fmt.Errorf("mark dead letter %d as unsendable: %w", l.ID, err)
	}
	return nil
}
