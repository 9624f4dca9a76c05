package office

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/deadletter"
)

// unsent reads the oldest letters that have something to be sent, without those of
// the given topics: at most limit letters and about so many bytes, but one.
func (s *Store) unsent(ctx context.Context, without []string, limit, bytes int) ([]Letter, error) {
	rows, err := s.pool.Query(ctx, in(s.schema, listUnsent), without, limit)
	if err != nil {
		return nil, fmt.Errorf("look for unsent dead letters: %w", err)
	}
	var ids []int64
	var id, size int64
	total := int64(0)
	_, err = pgx.ForEachRow(rows, []any{&id, &size}, func() error {
		if total += size; len(ids) == 0 || total <= int64(bytes) {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if rows, err = s.pool.Query(ctx, in(s.schema, readUnsent), ids); err != nil {
		return nil, fmt.Errorf("read unsent dead letters: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// sent writes down that what was unsent of l has been sent.
func (s *Store) sent(ctx context.Context, l *Letter) error {
	if _, err := s.pool.Exec(ctx, in(s.schema, markSent), l.ID, string(l.Unsent), l.Redrives); err != nil {
		return fmt.Errorf("mark dead letter %d as sent: %w", l.ID, err)
	}
	return nil
}

// troubled writes down that what was unsent of l can never be sent.
func (s *Store) troubled(ctx context.Context, l *Letter, cause error) error {
	why := plain(cause.Error(), deadletter.MaxReason)
	if _, err := s.pool.Exec(ctx, in(s.schema, markTrouble), l.ID, string(l.Unsent), l.Redrives, why); err != nil {
		return fmt.Errorf("mark dead letter %d as unsendable: %w", l.ID, err)
	}
	return nil
}
