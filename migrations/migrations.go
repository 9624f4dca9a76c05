package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/unwindhq/unwind/internal/postgres"
)

//go:embed */*.sql
var files embed.FS

// Set names one group of tables that is migrated together.
type Set string

const (
	// Outbox is the set of the outbox, its leases (nodes and buckets) and the inbox.
	Outbox Set = "outbox"
	// Participant is the set of a participant's guard. It wants Outbox beside it.
	Participant Set = "participant"
	// Coordinator is the set of the sagas themselves. It wants Outbox beside it.
	Coordinator Set = "coordinator"
)

const (
	// lockTimeout bounds how long a statement of a migration waits for a table:
	// a migration queued behind a slow reader would stop everyone behind it.
	lockTimeout = "3s"
	// lockProbes is how many seconds Up waits for another Up of the same schema.
	lockProbes = 300
)

// Applied is one migration of a set.
type Applied struct {
	// Set is the set it belongs to.
	Set Set
	// Version is its number, rising within the set.
	Version int64
	// Name is its file's name.
	Name string
	// At is when it was applied, by the database's clock; zero if it is pending.
	At time.Time
}

// Pending tells whether the migration has yet to run.
func (a Applied) Pending() bool { return a.At.IsZero() }

// Up creates schema if it is missing and applies what is pending of sets, in the
// order given. It may run in several processes at once: one works, the others
// wait for it, at most five minutes. Each migration is a transaction of its own;
// an error leaves those before it applied, and a second Up goes on from there.
// databaseURL must lead to Postgres itself, not through a transaction pooler.
func Up(ctx context.Context, databaseURL, schema string, sets ...Set) error {
	db, err := open(databaseURL, schema)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // nothing of a closed pool is of use
	if err := createSchema(ctx, db, schema); err != nil {
		return err
	}
	for _, set := range sets {
		p, err := provider(db, schema, set)
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate set %s of schema %s: %w", set, schema, err)
		}
	}
	return nil
}

// Status lists every migration of sets, in order of set and version. It changes
// nothing but the version table, which it creates if schema has none yet; schema
// itself must exist.
func Status(ctx context.Context, databaseURL, schema string, sets ...Set) ([]Applied, error) {
	db, err := open(databaseURL, schema)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing of a closed pool is of use
	var all []Applied
	for _, set := range sets {
		p, err := provider(db, schema, set)
		if err != nil {
			return nil, err
		}
		found, err := p.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the versions of set %s in schema %s: %w", set, schema, err)
		}
		for _, m := range found {
			all = append(all, Applied{Set: set, Version: m.Source.Version, Name: path.Base(m.Source.Path), At: m.AppliedAt})
		}
	}
	return all, nil
}

// open returns a small pool whose search_path is schema alone.
func open(databaseURL, schema string) (*sql.DB, error) {
	if schema == "" {
		return nil, errors.New("migrate: the schema's name is empty")
	}
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("migrate: parse the database URL: %w", err)
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(postgres.Session(map[string]string{
		"application_name": "unwind migrate",
		"search_path":      pgx.Identifier{schema}.Sanitize(),
		"lock_timeout":     lockTimeout,
		// What a role or a database sets for its programs would end a long migration,
		// or read its texts otherwise.
		"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "standard_conforming_strings": "on",
	})))
	db.SetMaxOpenConns(2)
	return db, nil
}

// createSchema creates schema unless it is there. Several callers at once are
// serialised by an advisory lock, because IF NOT EXISTS alone can collide.
func createSchema(ctx context.Context, db *sql.DB, schema string) error {
	var there bool
	if err := db.QueryRowContext(ctx, schemaExists, schema).Scan(&there); err != nil {
		return fmt.Errorf("look for schema %s: %w", schema, err)
	}
	if there {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("create schema %s: %w", schema, err)
	}
	defer func() { _ = tx.Rollback() }() // a no-op after the commit
	if _, err := tx.ExecContext(ctx, lockSchema, lockID(schema)); err != nil {
		return fmt.Errorf("lock schema %s for its creation: %w", schema, err)
	}
	if _, err := tx.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
		return fmt.Errorf("create schema %s: %w", schema, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("create schema %s: %w", schema, err)
	}
	return nil
}

// provider returns goose's provider for one set in one schema.
func provider(db *sql.DB, schema string, set Set) (*goose.Provider, error) {
	dir, err := fs.Sub(files, string(set))
	if err != nil {
		return nil, fmt.Errorf("open migration set %q: %w", set, err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID(schema)), lock.WithLockTimeout(1, lockProbes))
	if err != nil {
		return nil, fmt.Errorf("prepare the lock of schema %s: %w", schema, err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithTableName(string(set)+"_version"),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("load migration set %q: %w", set, err)
	}
	return p, nil
}

// lockID is the advisory lock that stands for the migration of schema.
func lockID(schema string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, "unwind.migrate:"+schema) // a hash never fails
	return int64(h.Sum64())
}
