package hold

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/postgres"
)

const (
	maxTargets = 1000 // that are remembered
	maxHistory = 20   // changes of each
)

// Store keeps holds in Postgres. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
}

// NewStore returns a Store of a schema that is up to date.
func NewStore(pool *pgxpool.Pool, schema string) *Store { return &Store{pool, schema} }

// Hold lets nothing of a target leave until Release. A second one replaces the
// reason.
func (s *Store) Hold(ctx context.Context, c Change) (Hold, error) {
	return s.change(ctx, c, true)
}

// Release lets what is held of a target go, the oldest first. A second one changes
// the rate. The error wraps ErrNotHeld if the target was never held, or its release
// had no rate.
func (s *Store) Release(ctx context.Context, c Change) (Hold, error) {
	return s.change(ctx, c, false)
}

func (s *Store) change(ctx context.Context, c Change, held bool) (h Hold, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, postgres.In(s.schema, lockHolds)); err != nil {
			return err
		}
		last, found, err := s.last(ctx, tx, c.Target)
		switch {
		case err != nil:
			return err
		case found && c.RequestID != "" && last.RequestID == c.RequestID && last.Held == held:
			h = last
			return nil
		case !held && (!found || !last.Held && last.Rate == 0):
			return fmt.Errorf("%s: %w", c.Target, ErrNotHeld)
		}
		h, err = s.insert(ctx, tx, c, held, found)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotHeld) && !errors.Is(err, ErrTooMany) {
		err = fmt.Errorf("change the hold of %s: %w", c.Target, err)
	}
	return h, err
}

// insert writes a change and forgets those of the target that are too many.
func (s *Store) insert(ctx context.Context, tx pgx.Tx, c Change, held, found bool) (h Hold, err error) {
	if !found {
		var n int
		if err := tx.QueryRow(ctx, postgres.In(s.schema, countTargets)).Scan(&n); err != nil {
			return h, err
		}
		if n >= maxTargets {
			return h, ErrTooMany
		}
	}
	rows, err := tx.Query(ctx, postgres.In(s.schema, insertHold), c.Kind, c.Namespace, c.Name, held, c.Rate, c.Reason, c.Actor, c.RequestID)
	if err != nil {
		return h, err
	}
	if h, err = pgx.CollectExactlyOneRow(rows, scanHold); err != nil {
		return h, err
	}
	_, err = tx.Exec(ctx, postgres.In(s.schema, forgetHolds), c.Kind, c.Namespace, c.Name, maxHistory)
	return h, err
}

func (s *Store) last(ctx context.Context, tx pgx.Tx, t Target) (h Hold, found bool, err error) {
	rows, err := tx.Query(ctx, postgres.In(s.schema, readLast), t.Kind, t.Namespace, t.Name)
	if err != nil {
		return h, false, err
	}
	h, err = pgx.CollectExactlyOneRow(rows, scanHold)
	if errors.Is(err, pgx.ErrNoRows) {
		return h, false, nil
	}
	return h, err == nil, err
}

// List returns how everything stands that was ever held, sorted by kind, namespace
// and name.
func (s *Store) List(ctx context.Context) ([]Hold, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readHolds))
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanHold)
	if err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	return list, nil
}

// History returns the last changes of a target, the newest first.
func (s *Store) History(ctx context.Context, t Target) ([]Hold, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readHistory), t.Kind, t.Namespace, t.Name)
	if err != nil {
		return nil, fmt.Errorf("read the holds of %s: %w", t, err)
	}
	list, err := pgx.CollectRows(rows, scanHold)
	if err != nil {
		return nil, fmt.Errorf("read the holds of %s: %w", t, err)
	}
	return list, nil
}

func scanHold(row pgx.CollectableRow) (h Hold, err error) {
	err = row.Scan(&h.Kind, &h.Namespace, &h.Name, &h.ID, &h.Held, &h.Rate, &h.Reason, &h.Actor, &h.RequestID, &h.At)
	return h, err
}

// effective returns what a gate has to know. The rate of a release is shared out to
// the processes that live now, at least one a second to each.
func (s *Store) effective(ctx context.Context) ([]breaker.Hold, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readEffective))
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (breaker.Hold, error) {
		var h Hold
		var nodes int
		err := row.Scan(&h.Kind, &h.Namespace, &h.Name, &h.ID, &h.Held, &h.Rate, &h.Reason, &h.Actor, &h.RequestID, &h.At, &nodes)
		b := breaker.Hold{ID: h.ID, Group: h.group()}
		if !h.Held {
			b.Rate = share(h.Rate, nodes)
		}
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("read holds: %w", err)
	}
	return list, nil
}

// limits returns what the participants' contracts allow at once, shared out to the
// processes that live now, at least one to each.
func (s *Store) limits(ctx context.Context) (map[string]breaker.Limit, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, readLimits))
	if err != nil {
		return nil, fmt.Errorf("read the limits of participants: %w", err)
	}
	limits := map[string]breaker.Limit{}
	var participant string
	var concurrency, rate, nodes int
	_, err = pgx.ForEachRow(rows, []any{&participant, &concurrency, &rate, &nodes}, func() error {
		limits[participant] = breaker.Limit{Concurrency: share(concurrency, nodes), Rate: share(rate, nodes)}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the limits of participants: %w", err)
	}
	return limits, nil
}

// share is one process's part of a limit; 0 stays none.
func share(limit, nodes int) int {
	if limit == 0 {
		return 0
	}
	return max(1, limit/max(1, nodes))
}
