package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// Store keeps schedules. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
}

// NewStore returns a Store on the tables of the migration set coordinator.
func NewStore(pool *pgxpool.Pool, schema string) *Store { return &Store{pool: pool, schema: schema} }

// locked is a schedule's row under its lock.
type locked struct {
	spec   string
	paused *string
	next   time.Time
	now    time.Time
}

func (s *Store) lock(ctx context.Context, tx pgx.Tx, namespace, name string) (l locked, err error) {
	err = tx.QueryRow(ctx, postgres.In(s.schema, lockOne), namespace, name).Scan(&l.spec, &l.paused, &l.next, &l.now)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return l, err
}

// Apply stores a schedule in the place of an earlier one of its name. Its next time
// stays if expression and zone do; a new one never catches up on what was before it.
// The error is ErrTooMany above MaxSchedules.
func (s *Store) Apply(ctx context.Context, namespace string, spec *definition.Schedule, actor string) (Schedule, error) {
	text, err := spec.Canonical()
	if err != nil {
		return Schedule{}, fmt.Errorf("apply schedule %s: %w", spec.Schedule, err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		next, same, err := s.nextOf(ctx, tx, namespace, spec, string(text))
		if err != nil || same {
			return err
		}
		if _, err := tx.Exec(ctx, postgres.In(s.schema, upsert), namespace, spec.Schedule, string(text), next, actor); err != nil {
			return err
		}
		return s.note(ctx, tx, namespace, spec.Schedule, Change{What: "applied", Actor: actor, Detail: string(text)})
	})
	if err != nil {
		return Schedule{}, fmt.Errorf("apply schedule %s: %w", spec.Schedule, err)
	}
	return s.Get(ctx, namespace, spec.Schedule)
}

// nextOf is the next time of what is applied; same says that it is what there is.
func (s *Store) nextOf(ctx context.Context, tx pgx.Tx, namespace string, spec *definition.Schedule, text string) (next time.Time, same bool, err error) {
	before, err := s.lock(ctx, tx, namespace, spec.Schedule)
	switch {
	case errors.Is(err, ErrNotFound):
		if err := s.roomFor(ctx, tx, namespace); err != nil {
			return next, false, err
		}
	case err != nil:
		return next, false, err
	case before.spec == text:
		return next, true, nil
	default:
		old, err := definition.LoadSchedule("", []byte(before.spec))
		if err == nil && old.Cron == spec.Cron && old.Zone == spec.Zone {
			return before.next, false, nil
		}
	}
	next, err = s.after(ctx, tx, spec)
	return next, false, err
}

func (s *Store) roomFor(ctx context.Context, tx pgx.Tx, namespace string) error {
	var n int
	err := tx.QueryRow(ctx, postgres.In(s.schema, countAll), namespace, MaxSchedules).Scan(&n)
	if err == nil && n >= MaxSchedules {
		err = ErrTooMany
	}
	return err
}

// after is the first time from now on, by the database's clock.
func (s *Store) after(ctx context.Context, tx pgx.Tx, spec *definition.Schedule) (time.Time, error) {
	times, err := spec.Times()
	if err != nil {
		return time.Time{}, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, clock).Scan(&now); err != nil {
		return now, err
	}
	next, _ := times.Next(now) // there is one: the expression was checked
	return next, nil
}

// note writes down a change, within the limit.
func (s *Store) note(ctx context.Context, tx pgx.Tx, namespace, name string, c Change) error {
	_, err := tx.Exec(ctx, postgres.In(s.schema, insertChange), namespace, name, c.What, c.Actor, c.Detail)
	if err == nil {
		_, err = tx.Exec(ctx, postgres.In(s.schema, trimChanges), namespace, name, kept-1)
	}
	return err
}

// Pause lets a schedule start nothing until Resume. Times that pass meanwhile are left
// out, and one that waits stays queued. A second one replaces the reason.
func (s *Store) Pause(ctx context.Context, namespace, name, reason, actor string) (Schedule, error) {
	return s.change(ctx, namespace, name, Change{What: "paused", Actor: actor, Detail: reason}, func(tx pgx.Tx, l locked) error {
		_, err := tx.Exec(ctx, postgres.In(s.schema, setPaused), namespace, name, reason, l.next, actor)
		return err
	})
}

// Resume ends Pause: the next time is the first from now on.
func (s *Store) Resume(ctx context.Context, namespace, name, reason, actor string) (Schedule, error) {
	return s.change(ctx, namespace, name, Change{What: "resumed", Actor: actor, Detail: reason}, func(tx pgx.Tx, l locked) error {
		if l.paused == nil {
			return nil
		}
		spec, err := definition.LoadSchedule("", []byte(l.spec))
		if err != nil {
			return err
		}
		next, err := s.after(ctx, tx, spec)
		if err == nil {
			_, err = tx.Exec(ctx, postgres.In(s.schema, setPaused), namespace, name, nil, next, actor)
		}
		return err
	})
}

// Trigger starts a saga of a schedule now, whatever its policies say and also while
// it is paused. The error is ErrBusy while too many wait to be started.
func (s *Store) Trigger(ctx context.Context, namespace, name, reason, actor string) (Schedule, error) {
	return s.change(ctx, namespace, name, Change{What: "triggered", Actor: actor, Detail: reason}, func(tx pgx.Tx, l locked) error {
		_, open, err := s.underWay(ctx, tx, namespace, name)
		if err == nil && open >= maxOpen {
			err = ErrBusy
		}
		if err != nil {
			return err
		}
		return s.insert(ctx, tx, namespace, name, Fire{At: l.now, Outcome: Due, Actor: actor})
	})
}

// Delete ends a schedule; sagas that were started go on.
func (s *Store) Delete(ctx context.Context, namespace, name, reason, actor string) error {
	return s.under(ctx, namespace, name, Change{What: "deleted", Actor: actor, Detail: reason}, func(tx pgx.Tx, _ locked) error {
		_, err := tx.Exec(ctx, postgres.In(s.schema, deleteOne), namespace, name)
		return err
	})
}

// change makes a change of a schedule and returns what it is then.
func (s *Store) change(ctx context.Context, namespace, name string, c Change, do func(pgx.Tx, locked) error) (Schedule, error) {
	if err := s.under(ctx, namespace, name, c, do); err != nil {
		return Schedule{}, err
	}
	return s.Get(ctx, namespace, name)
}

// under makes a change under the schedule's lock and writes it down.
func (s *Store) under(ctx context.Context, namespace, name string, c Change, do func(pgx.Tx, locked) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		l, err := s.lock(ctx, tx, namespace, name)
		if err == nil {
			err = do(tx, l)
		}
		if err == nil {
			err = s.note(ctx, tx, namespace, name, c)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("change schedule %s: %w", name, err)
	}
	return nil
}

// Get returns a schedule with its next times, fires and changes, or ErrNotFound.
func (s *Store) Get(ctx context.Context, namespace, name string) (Schedule, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectSchedules+oneSchedule), namespace, name)
	if err != nil {
		return Schedule{}, fmt.Errorf("read schedule %s: %w", name, err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, scanSchedule)
	if errors.Is(err, pgx.ErrNoRows) {
		return found, ErrNotFound
	}
	if err == nil {
		err = s.complete(ctx, &found)
	}
	if err != nil {
		return found, fmt.Errorf("read schedule %s: %w", name, err)
	}
	return found, nil
}

// complete adds what only Get tells.
func (s *Store) complete(ctx context.Context, of *Schedule) error {
	times, err := of.Spec.Times()
	if err != nil {
		return err
	}
	for next := of.Next; len(of.Times) < shown; next, _ = times.Next(next) {
		of.Times = append(of.Times, next)
	}
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectFires), of.Namespace, of.Spec.Schedule, showList)
	if err != nil {
		return err
	}
	if of.Fires, err = pgx.CollectRows(rows, scanFire); err != nil {
		return err
	}
	rows, err = s.pool.Query(ctx, postgres.In(s.schema, selectChanges), of.Namespace, of.Spec.Schedule, showList)
	if err != nil {
		return err
	}
	of.Changes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Change])
	return err
}

func scanFire(row pgx.CollectableRow) (Fire, error) {
	var f Fire
	var started *[16]byte
	err := row.Scan(&f.At, &f.Outcome, &started, &f.Detail, &f.Actor, &f.Decided)
	if started != nil {
		f.Saga = saga.ID(*started)
	}
	return f, err
}

// List returns schedules by name: those after one, at most limit and at most MaxList.
func (s *Store) List(ctx context.Context, namespace, after string, limit int) ([]Schedule, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectSchedules+someSchedules), namespace, after, min(limit, MaxList))
	if err != nil {
		return nil, fmt.Errorf("list schedules: %w", err)
	}
	return pgx.CollectRows(rows, scanSchedule)
}

func scanSchedule(row pgx.CollectableRow) (Schedule, error) {
	var s Schedule
	var spec string
	err := row.Scan(&s.Namespace, &spec, &s.Paused, &s.Next, &s.Created, &s.Changed, &s.ChangedBy)
	if err == nil {
		s.Spec, err = definition.LoadSchedule("", []byte(spec))
	}
	return s, err
}
