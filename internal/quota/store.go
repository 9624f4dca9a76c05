package quota

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
)

const (
	maxNamespaces = 1000 // that are remembered
	maxHistory    = 20   // changes of each
)

// Store keeps quotas in Postgres. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
}

// NewStore returns a Store of a schema that is up to date.
func NewStore(pool *pgxpool.Pool, schema string) *Store { return &Store{pool, schema} }

// Set changes the quotas of a namespace. The error may be ErrBurstAlone, ErrRange or
// ErrTooMany.
func (s *Store) Set(ctx context.Context, c Change) (set Setting, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		set, err = s.set(ctx, tx, c)
		return err
	})
	if err != nil && !errors.Is(err, ErrBurstAlone) && !errors.Is(err, ErrRange) && !errors.Is(err, ErrTooMany) {
		err = fmt.Errorf("set the quotas of namespace %s: %w", c.Namespace, err)
	}
	return set, err
}

func (s *Store) set(ctx context.Context, tx pgx.Tx, c Change) (set Setting, err error) {
	if _, err := tx.Exec(ctx, postgres.In(s.schema, lockQuotas)); err != nil {
		return set, err
	}
	history, err := s.read(ctx, tx, c.Namespace, 1)
	if err != nil {
		return set, err
	}
	if len(history) > 0 {
		set = history[0]
	}
	if c.RequestID != "" && set.RequestID == c.RequestID {
		return set, nil
	}
	limits, err := c.apply(set.Limits)
	if err != nil {
		return set, err
	}
	if len(history) == 0 {
		var n int
		if err := tx.QueryRow(ctx, postgres.In(s.schema, countNamespaces)).Scan(&n); err != nil {
			return set, err
		}
		if n >= maxNamespaces {
			return set, ErrTooMany
		}
	}
	return s.insert(ctx, tx, c, limits)
}

// insert writes a change and forgets those of the namespace that are too many.
func (s *Store) insert(ctx context.Context, tx pgx.Tx, c Change, l Limits) (set Setting, err error) {
	rows, err := tx.Query(ctx, postgres.In(s.schema, insertQuota), c.Namespace, l.Starts, l.Burst, l.Open, l.Bytes, c.Reason, c.Actor, c.RequestID)
	if err != nil {
		return set, err
	}
	if set, err = pgx.CollectExactlyOneRow(rows, scanSetting); err != nil {
		return set, err
	}
	_, err = tx.Exec(ctx, postgres.In(s.schema, forgetQuotas), c.Namespace, maxHistory)
	return set, err
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) read(ctx context.Context, q querier, namespace string, most int) ([]Setting, error) {
	rows, err := q.Query(ctx, postgres.In(s.schema, readLast), namespace, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanSetting)
}

// History returns the last changes of a namespace's quotas, the newest first; the
// first is what counts. Empty: nobody has set any.
func (s *Store) History(ctx context.Context, namespace string) ([]Setting, error) {
	list, err := s.read(ctx, s.pool, namespace, maxHistory)
	if err != nil {
		return nil, fmt.Errorf("read the quotas of namespace %s: %w", namespace, err)
	}
	return list, nil
}

func scanSetting(row pgx.CollectableRow) (q Setting, err error) {
	err = row.Scan(&q.Namespace, &q.Starts, &q.Burst, &q.Open, &q.Bytes, &q.ID, &q.Reason, &q.Actor, &q.RequestID, &q.At)
	return q, err
}

// Use returns what a namespace uses now. It reads all its open sagas.
func (s *Store) Use(ctx context.Context, namespace string) (u Use, err error) {
	open, err := s.open(ctx, []string{namespace})
	if err != nil {
		return u, err
	}
	if err := s.pool.QueryRow(ctx, postgres.In(s.schema, readBytes), namespace).Scan(&u.Bytes); err != nil {
		return u, fmt.Errorf("read the bytes of namespace %s: %w", namespace, err)
	}
	u.Open = open[namespace]
	return u, nil
}

// effective is the quotas of one namespace as they stand.
type effective struct {
	namespace string
	limits    Limits
	stored    int64 // bytes, if there is a limit
	nodes     int   // processes that live
}

func (s *Store) effective(ctx context.Context) ([]effective, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readEffective))
	if err != nil {
		return nil, fmt.Errorf("read quotas: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e effective, err error) {
		err = row.Scan(&e.namespace, &e.limits.Starts, &e.limits.Burst, &e.limits.Open, &e.limits.Bytes, &e.stored, &e.nodes)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read quotas: %w", err)
	}
	return list, nil
}

// open counts the open sagas of namespaces.
func (s *Store) open(ctx context.Context, namespaces []string) (map[string]int64, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, countOpen), namespaces)
	if err != nil {
		return nil, fmt.Errorf("count open sagas: %w", err)
	}
	counts := make(map[string]int64, len(namespaces))
	var namespace string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&namespace, &n}, func() error { counts[namespace] = n; return nil })
	if err != nil {
		return nil, fmt.Errorf("count open sagas: %w", err)
	}
	return counts, nil
}

// add adds to what the histories of namespaces hold.
func (s *Store) add(ctx context.Context, part int16, bytes map[string]int64) error {
	names, sums := make([]string, 0, len(bytes)), make([]int64, 0, len(bytes))
	for name, n := range bytes {
		names, sums = append(names, name), append(sums, n)
	}
	if _, err := s.pool.Exec(ctx, postgres.In(s.schema, addBytes), part, names, sums); err != nil {
		return fmt.Errorf("add what histories hold: %w", err)
	}
	return nil
}
