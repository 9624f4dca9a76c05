package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// List returns the latest version of every definition of a namespace, by name:
// those after the given name, at most limit and at most MaxList.
func (r *Registry) List(ctx context.Context, namespace, after string, limit int) ([]Entry, error) {
	rows, err := r.pool.Query(ctx, r.sql(list), namespace, after, clamp(limit))
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		var e Entry
		var number int
		err := row.Scan(&e.Name, &number, &e.Hash, &e.At, &e.Disabled)
		return e.finish(number), err
	})
	if err != nil {
		return nil, fmt.Errorf("list definitions: %w", err)
	}
	return entries, nil
}

// Versions returns the newest versions of one definition, the highest number
// first, at most limit and at most MaxList. An unknown name is an *UnknownError.
func (r *Registry) Versions(ctx context.Context, namespace, called string, limit int) ([]Entry, error) {
	rows, err := r.pool.Query(ctx, r.sql(versions), namespace, called, clamp(limit))
	if err != nil {
		return nil, fmt.Errorf("list the versions of definition %s: %w", called, err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Entry, error) {
		e := Entry{Name: called}
		var number int
		err := row.Scan(&number, &e.Hash, &e.At)
		return e.finish(number), err
	})
	if err != nil {
		return nil, fmt.Errorf("list the versions of definition %s: %w", called, err)
	}
	if len(entries) == 0 {
		return nil, r.unknown(ctx, namespace, called)
	}
	return entries, nil
}

func (e Entry) finish(number int) Entry {
	e.Version, e.At = versionName(number), e.At.UTC().Truncate(time.Microsecond)
	return e
}

func clamp(limit int) int {
	if limit < 1 || limit > MaxList {
		return MaxList
	}
	return limit
}
