package sagapg

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
)

// Retention finds and deletes sagas that have ended. It implements retention.Store.
type Retention struct{ *Reader }

var _ retention.Store = (*Retention)(nil)

// NewRetention returns the Retention of a schema; pool should not be the writers'.
func NewRetention(pool *pgxpool.Pool, schema string) *Retention {
	return &Retention{NewReader(pool, schema)}
}

// Now implements retention.Store.
func (r *Retention) Now(ctx context.Context) (now time.Time, err error) {
	if err = r.pool.QueryRow(ctx, readClock).Scan(&now); err != nil {
		err = fmt.Errorf("read the clock: %w", err)
	}
	return now, err
}

// quietly runs do in a transaction whose statements keep to their indexes, whatever
// the planner believes of the tables' sizes, and whose commit waits for no disk: what
// a crash of the server takes back is deleted again.
func (r *Retention) quietly(ctx context.Context, what string, do func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, keepQuiet); err != nil {
			return err
		}
		return do(tx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Page implements retention.Store.
func (r *Retention) Page(ctx context.Context, part retention.Range, limit int) (page []retention.Saga, next saga.ID, more bool, err error) {
	seen := 0
	err = r.quietly(ctx, "look for ended sagas", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, r.sql(pageEnded), [16]byte(part.After), [16]byte(part.Before), limit)
		if err != nil {
			return err
		}
		var s retention.Saga
		var child bool
		_, err = pgx.ForEachRow(rows, append(endedInto(&s), &child), func() error {
			seen++
			if next = s.ID; !child {
				s.Root = s.ID
				page = append(page, s)
			}
			return nil
		})
		return err
	})
	return page, next, seen == limit, err
}

// endedInto is where the columns of pageEnded and readFamilies go.
func endedInto(s *retention.Saga) []any {
	return []any{(*[16]byte)(&s.ID), (*uint8)(&s.Class), &s.Ended, &s.Attention, &s.Changed, &s.Seq}
}

// Families implements retention.Store.
func (r *Retention) Families(ctx context.Context, roots []saga.ID, limit int) (members []retention.Saga, err error) {
	err = r.quietly(ctx, "read the families of ended sagas", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, r.sql(readFamilies), uuids(roots), limit)
		if err != nil {
			return err
		}
		var s retention.Saga
		_, err = pgx.ForEachRow(rows, append(endedInto(&s), (*[16]byte)(&s.Root), &s.Wanted), func() error {
			members = append(members, s)
			return nil
		})
		return err
	})
	return members, err
}

// Delete implements retention.Store.
func (r *Retention) Delete(ctx context.Context, sagas []retention.Saga, events int) (gone []saga.ID, more bool, err error) {
	err = r.quietly(ctx, "delete ended sagas", func(tx pgx.Tx) error {
		ids, err := r.lock(ctx, tx, sagas)
		if err != nil || len(ids) == 0 {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, r.sql(deleteEvents), uuids(ids), events).Scan(&n); err != nil {
			return err
		}
		if more = n == events; more {
			return nil
		}
		gone = ids
		return r.rest(ctx, tx, ids)
	})
	if err != nil {
		return nil, false, err
	}
	return gone, more, nil
}

// lock locks the sagas that are as they were read and that nobody else has locked,
// and returns those whose families are whole.
func (r *Retention) lock(ctx context.Context, tx pgx.Tx, sagas []retention.Saga) ([]saga.ID, error) {
	ids, seqs := make([]pgtype.UUID, len(sagas)), make([]int64, len(sagas))
	for i, s := range sagas {
		ids[i], seqs[i] = pgtype.UUID{Bytes: s.ID, Valid: true}, s.Seq
	}
	rows, err := tx.Query(ctx, r.sql(lockEnded), ids, seqs)
	if err != nil {
		return nil, err
	}
	locked, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (id saga.ID, err error) {
		err = row.Scan((*[16]byte)(&id))
		return id, err
	})
	if err != nil {
		return nil, err
	}
	broken := map[saga.ID]bool{}
	for _, s := range sagas {
		broken[s.Root] = broken[s.Root] || !slices.Contains(locked, s.ID)
	}
	var whole []saga.ID
	for _, s := range sagas {
		if !broken[s.Root] {
			whole = append(whole, s.ID)
		}
	}
	return whole, nil
}

// rest deletes what is left of sagas that have no events any more.
func (r *Retention) rest(ctx context.Context, tx pgx.Tx, ids []saga.ID) error {
	q := &pgx.Batch{}
	for _, query := range []string{forgetAttributes, forgetLocalSteps, forgetWaits, forgetLetters, forgetSagas} {
		q.Queue(r.sql(query), uuids(ids))
	}
	return tx.SendBatch(ctx, q).Close()
}

// Keys implements retention.Store.
func (r *Retention) Keys(ctx context.Context, after retention.Key, limit int) (deleted int, last retention.Key, err error) {
	err = r.quietly(ctx, "delete start keys", func(tx pgx.Tx) error {
		var seen int
		err := tx.QueryRow(ctx, r.sql(forgetKeys), after.Namespace, after.Key, limit).Scan(&deleted, &seen, &last.Namespace, &last.Key)
		if seen < limit {
			last = retention.Key{}
		}
		return err
	})
	return deleted, last, err
}
