package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// dueRow is a schedule whose time has come.
type dueRow struct {
	namespace, name, spec string
	next                  time.Time
	queued                *time.Time
	now                   time.Time
}

// unreadableError is a schedule that this build cannot read, such as one of a newer
// build. It is left to others and stops nobody.
type unreadableError struct {
	name  string
	cause error
}

// Error implements error.
func (e *unreadableError) Error() string { return "schedule " + e.name + ": " + e.cause.Error() }

// decide decides about one schedule that is due, and is not to be left out; ok is
// false without one. What was decided is there, or nothing of it is. The error may be
// an *unreadableError.
func (s *Store) decide(ctx context.Context, namespaces, without []string) (fires []Fire, ok bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var d dueRow
		err := tx.QueryRow(ctx, postgres.In(s.schema, lockDue), namespaces, append([]string{}, without...)).Scan(&d.namespace, &d.name, &d.spec, &d.next, &d.queued, &d.now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		fires, err = s.decideOn(ctx, tx, d)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("decide about a schedule: %w", err)
	}
	return fires, ok, nil
}

func (s *Store) decideOn(ctx context.Context, tx pgx.Tx, d dueRow) ([]Fire, error) {
	spec, err := definition.LoadSchedule(d.name, []byte(d.spec))
	if err != nil {
		return nil, &unreadableError{d.name, err}
	}
	times, err := spec.Times()
	if err != nil {
		return nil, &unreadableError{d.name, err}
	}
	m := moment{now: d.now, next: d.next}
	if d.queued != nil {
		m.queued = *d.queued
	}
	running, open, err := s.underWay(ctx, tx, d.namespace, d.name)
	if err != nil {
		return nil, err
	}
	m.busy, m.open = len(running)+open > 0, open
	return s.write(ctx, tx, d, decide(spec, times, m))
}

// write writes down what was decided.
func (s *Store) write(ctx context.Context, tx pgx.Tx, d dueRow, p plan) ([]Fire, error) {
	for i := range p.fires {
		p.fires[i].Actor = actorOf(d.name)
		if err := s.insert(ctx, tx, d.namespace, d.name, p.fires[i]); err != nil {
			return nil, err
		}
	}
	if !p.dropped.IsZero() {
		if _, err := tx.Exec(ctx, postgres.In(s.schema, setOutcome), d.namespace, d.name, p.dropped, Skipped, nil, replaced, []Outcome{Queued}); err != nil {
			return nil, err
		}
	}
	var queued *time.Time
	if !p.queued.IsZero() {
		queued = &p.queued
	}
	if _, err := tx.Exec(ctx, postgres.In(s.schema, setDecided), d.namespace, d.name, p.next, queued); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, postgres.In(s.schema, trimFires), d.namespace, d.name, kept-1)
	return p.fires, err
}

func (s *Store) insert(ctx context.Context, tx pgx.Tx, namespace, name string, f Fire) error {
	_, err := tx.Exec(ctx, postgres.In(s.schema, insertFire), namespace, name, f.At, f.Outcome, f.Detail, f.Actor)
	return err
}

func actorOf(name string) string { return string(saga.Scheduler) + ":" + name }

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// underWay returns the sagas of a schedule that have not ended, and how many of it
// wait to be started.
func (s *Store) underWay(ctx context.Context, q querier, namespace, name string) (running []saga.ID, open int, err error) {
	rows, err := q.Query(ctx, postgres.In(s.schema, selectBusy), namespace, name)
	if err != nil {
		return nil, 0, err
	}
	var id *[16]byte
	_, err = pgx.ForEachRow(rows, []any{&id, nil}, func() error {
		if id == nil {
			open++
		} else {
			running = append(running, saga.ID(*id))
		}
		return nil
	})
	return running, open, err
}

// waiting is a schedule of which a time waits.
type waiting struct {
	namespace string
	spec      *definition.Schedule
	at        time.Time
}

// queued returns schedules of which a time waits, the oldest first.
func (s *Store) queued(ctx context.Context, namespaces []string, limit int) ([]waiting, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectQueued), namespaces, limit)
	if err != nil {
		return nil, fmt.Errorf("read what waits: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (waiting, error) {
		var w waiting
		var name, spec string
		err := row.Scan(&w.namespace, &name, &spec, &w.at)
		w.spec, _ = definition.LoadSchedule(name, []byte(spec)) // nil: left to others
		return w, err
	})
	return slices.DeleteFunc(all, func(w waiting) bool { return w.spec == nil }), err
}

// release lets a time that waits be due.
func (s *Store) release(ctx context.Context, w waiting) error {
	_, err := s.pool.Exec(ctx, postgres.In(s.schema, release), w.namespace, w.spec.Schedule, w.at)
	return err
}

// claimed is a saga to be started.
type claimed struct {
	namespace string
	spec      *definition.Schedule
	at        time.Time
	actor     string
	now       time.Time
}

// claim returns sagas to be started that nobody has tried to start for a while.
func (s *Store) claim(ctx context.Context, namespaces []string, idle time.Duration, limit int) ([]claimed, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, claimFires), idle.Microseconds(), namespaces, limit)
	if err != nil {
		return nil, fmt.Errorf("claim what is due: %w", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (claimed, error) {
		var c claimed
		var spec string
		err := row.Scan(&c.namespace, &spec, &c.at, &c.actor, &c.now)
		c.spec, _ = definition.LoadSchedule("", []byte(spec)) // nil: left to others
		return c, err
	})
	return slices.DeleteFunc(all, func(c claimed) bool { return c.spec == nil }), err
}

// settle writes down how the start of a saga has gone. A second one changes nothing.
func (s *Store) settle(ctx context.Context, c claimed, outcome Outcome, id saga.ID, detail string) error {
	var started *[16]byte
	if id != (saga.ID{}) {
		started = (*[16]byte)(&id)
	}
	_, err := s.pool.Exec(ctx, postgres.In(s.schema, setOutcome), c.namespace, c.spec.Schedule, c.at, outcome, started, saga.Clip(detail), []Outcome{Due})
	return err
}

// startedBy returns the saga that a start key has started.
func (s *Store) startedBy(ctx context.Context, namespace, key string) (saga.ID, error) {
	var id saga.ID
	err := s.pool.QueryRow(ctx, postgres.In(s.schema, startedBy), namespace, key).Scan((*[16]byte)(&id))
	return id, err
}
