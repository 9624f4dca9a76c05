package sagapg

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/saga/coordinator"
)

func (b *batch) queueTraced(q *pgx.Batch, traced []coordinator.Traced) {
	if len(traced) > 0 {
		ids, windows := tracedColumns(traced)
		q.Queue(b.s.in(insertTraced), ids, windows)
	}
}

func tracedColumns(traced []coordinator.Traced) (ids []pgtype.UUID, windows []int64) {
	for _, t := range traced {
		ids, windows = append(ids, pgtype.UUID{Bytes: t.Saga, Valid: true}), append(windows, t.Window)
	}
	return ids, windows
}

// Traces is the queue of the traces that are to be exported, and what has to be
// known to tell them. It implements tracing.Queue.
type Traces struct{ *Reader }

// NewTraces returns the queue in a schema; pool should not be the writers'.
func NewTraces(pool *pgxpool.Pool, schema string) *Traces {
	return &Traces{NewReader(pool, schema)}
}

// Claim takes at most limit notes for a time; those that are not Done by then are
// given out again.
func (t *Traces) Claim(ctx context.Context, limit int, lease time.Duration) ([]coordinator.Traced, error) {
	rows, err := t.pool.Query(ctx, t.sql(claimTraced), limit, lease.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("take traces to export: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (traced coordinator.Traced, err error) {
		err = row.Scan((*[16]byte)(&traced.Saga), &traced.Window)
		return traced, err
	})
	if err != nil {
		return nil, fmt.Errorf("take traces to export: %w", err)
	}
	return list, nil
}

// Done deletes notes.
func (t *Traces) Done(ctx context.Context, traced []coordinator.Traced) error {
	ids, windows := tracedColumns(traced)
	if _, err := t.pool.Exec(ctx, t.sql(deleteTraced), ids, windows); err != nil {
		return fmt.Errorf("forget exported traces: %w", err)
	}
	return nil
}

// Expire deletes notes above an age, and the oldest above a number, and returns
// how many.
func (t *Traces) Expire(ctx context.Context, age time.Duration, most int) (int64, error) {
	tag, err := t.pool.Exec(ctx, t.sql(expireTraced), age.Microseconds(), most-1)
	if err != nil {
		return 0, fmt.Errorf("drop old traces: %w", err)
	}
	return tag.RowsAffected(), nil
}
