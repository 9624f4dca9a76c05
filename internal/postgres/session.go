package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Session returns what gives a new connection its settings, in one round trip, and
// makes it wait for the disk at each commit where server, database or role say
// otherwise. Settings that are parameters of the connection's start would be refused
// by a pooler, which knows few of them.
func Session(settings map[string]string) func(context.Context, *pgx.Conn) error {
	names := slices.Sorted(maps.Keys(settings))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = settings[name]
	}
	return func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, applySettings, pgx.QueryExecModeExec, names, values); err != nil {
			return fmt.Errorf("set up a session: %w", err)
		}
		return nil
	}
}

// Unsafe returns the names of the server's settings by which it loses or spoils, in a
// crash, what it has committed. A session cannot change them.
func Unsafe(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, readUnsafe)
	if err != nil {
		return nil, fmt.Errorf("read the server's settings: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the server's settings: %w", err)
	}
	return names, nil
}
