package sagapg

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Config configures a Store.
type Config struct {
	// Pool is the writers' pool. Required. It needs a connection for each of the
	// coordinator's writers and a few more. Where default_transaction_isolation is not
	// read committed, all that is decided from memory is decided twice.
	Pool   *pgxpool.Pool
	Schema string // Schema holds the tables of the migration sets outbox and coordinator. Default unwind.
	Node   string // Node names this process in the dead letters that it writes. Default coordinator.
}

// Store implements coordinator.Store on Postgres.
type Store struct {
	pool   *pgxpool.Pool
	schema string
	node   string
	sql    statements
	read   shelf // histories
}

var _ coordinator.Store = (*Store)(nil)

// New returns a Store.
func New(cfg Config) (*Store, error) {
	if cfg.Pool == nil {
		return nil, errors.New("sagapg: Pool is missing")
	}
	if cfg.Schema == "" {
		cfg.Schema = "unwind"
	}
	if cfg.Node == "" {
		cfg.Node = "coordinator"
	}
	s := &Store{pool: cfg.Pool, schema: cfg.Schema, node: cfg.Node}
	s.sql = s.prepare()
	return s, nil
}

// statements are the hot path's, with the schema put in once.
type statements struct {
	lockSagas, compareKnown, claimKeys, readKeys, readEvents string
	insertSagas, updateSagas, moveSagas, insertEvents        sized
	dropKeys, insertMail, deleteMail, insertFar, delFar      string
}

func (s *Store) prepare() statements {
	return statements{
		lockSagas: s.in(lockSagas), compareKnown: s.in(compareKnown), claimKeys: s.in(claimKeys), readKeys: s.in(readKeys), readEvents: s.in(readEvents),
		insertSagas: newSized(s.in(insertSagas)), updateSagas: newSized(s.in(updateSagas)), moveSagas: newSized(s.in(moveSagas)), insertEvents: newSized(s.in(insertEvents)),
		dropKeys: s.in(dropKeys), insertMail: s.in(insertMail), deleteMail: s.in(deleteMail),
		insertFar: s.in(insertFar), delFar: s.in(deleteFar),
	}
}

// Settings are what a database says of itself.
type Settings struct {
	Incarnation int64     // Incarnation is the generation of the database.
	Keys        saga.Keys // Keys are those of the reply tokens, the newest first.
}

// Settings reads the database's settings.
func (s *Store) Settings(ctx context.Context) (Settings, error) {
	rows, err := s.pool.Query(ctx, s.in(readSettings))
	if err != nil {
		return Settings{}, fmt.Errorf("read settings of schema %s: %w", s.schema, err)
	}
	var out Settings
	var name string
	var value []byte
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		if id, isKey := strings.CutPrefix(name, "token."); isKey {
			key := saga.Key{ID: id, Secret: append([]byte(nil), value...)}
			out.Keys = append(saga.Keys{key}, out.Keys...)
		}
		if name != "incarnation" {
			return nil
		}
		var bad error
		out.Incarnation, bad = strconv.ParseInt(string(value), 10, 64)
		return bad
	})
	if err != nil {
		return Settings{}, fmt.Errorf("read settings of schema %s: %w", s.schema, err)
	}
	if len(out.Keys) == 0 || out.Incarnation < 1 {
		return Settings{}, fmt.Errorf("schema %s has no incarnation or no token key: run unwind migrate up", s.schema)
	}
	return out, nil
}

// Now implements coordinator.Store.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := s.pool.QueryRow(ctx, readClock).Scan(&now); err != nil {
		return now, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}

// Wakes implements coordinator.Store.
func (s *Store) Wakes(ctx context.Context, bucket int, after saga.ID, limit int) ([]coordinator.Wake, error) {
	return s.wakes(ctx, readWakes, bucket, pgtype.UUID{Bytes: after, Valid: true}, limit)
}

// FarWakes implements coordinator.Store.
func (s *Store) FarWakes(ctx context.Context, buckets []int, limit int) ([]coordinator.Wake, error) {
	return s.wakes(ctx, readFar, buckets, limit)
}

func (s *Store) wakes(ctx context.Context, query string, args ...any) ([]coordinator.Wake, error) {
	rows, err := s.pool.Query(ctx, s.in(query), args...)
	if err != nil {
		return nil, fmt.Errorf("read wakes: %w", err)
	}
	var list []coordinator.Wake
	var id pgtype.UUID
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		wake := coordinator.Wake{Saga: id.Bytes}
		if at != nil {
			wake.At = *at
		}
		list = append(list, wake)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read wakes: %w", err)
	}
	return list, nil
}

// Mail implements coordinator.Store.
func (s *Store) Mail(ctx context.Context, buckets []int, after coordinator.Mail, limit int) ([]coordinator.Mail, error) {
	from := int16(-1)
	if after.ID > 0 {
		from = bucketOf(after.Saga)
	}
	rows, err := s.pool.Query(ctx, s.in(readMail), buckets, from, pgtype.UUID{Bytes: after.Saga, Valid: true}, after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("read kept messages: %w", err)
	}
	var list []coordinator.Mail
	var id pgtype.UUID
	var n int64
	var record []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &n, &record}, func() error {
		list = append(list, coordinator.Mail{Saga: id.Bytes, ID: n, Record: append([]byte(nil), record...)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read kept messages: %w", err)
	}
	return list, nil
}

// classify marks an error with what the coordinator has to know of it.
func classify(err error, committing bool) error {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &pg):
		if committing && pg.SeverityUnlocalized != "ERROR" { // a session that is ended may have committed before
			return fmt.Errorf("%w: %w", coordinator.ErrUnknownOutcome, err)
		}
		if class := pg.Code[:2]; class == "22" || class == "23" || class == "54" {
			return fmt.Errorf("%w: %w", coordinator.ErrGuilty, err)
		}
		return err
	case committing && !errors.Is(err, coordinator.ErrLeaseLost):
		return fmt.Errorf("%w: %w", coordinator.ErrUnknownOutcome, err)
	}
	return err
}
