package office

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
)

// MaxPage is the most letters or groups that are returned at once.
const MaxPage = 200

// StoreConfig configures a Store.
type StoreConfig struct {
	Pool   *pgxpool.Pool // Pool is any pool but the writers'. Required.
	Schema string        // Schema holds the tables of the migration set coordinator. Default unwind.
}

// Store reads letters and writes decisions about them. It is safe for concurrent
// use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
}

// NewStore returns a Store.
func NewStore(cfg StoreConfig) (*Store, error) {
	if cfg.Pool == nil {
		return nil, errors.New("office: Pool is missing")
	}
	if cfg.Schema == "" {
		cfg.Schema = "unwind"
	}
	return &Store{pool: cfg.Pool, schema: cfg.Schema}, nil
}

// Filter chooses letters. The zero value of every field chooses all.
type Filter struct {
	Namespace   string  // Namespace is the tenant.
	Topic       string  // Topic is the record's topic.
	Class       string  // Class is the class.
	Fingerprint string  // Fingerprint is the group.
	Saga        saga.ID // Saga is the saga that the record names.
	Status      Status  // Status is the status.
	After       int64   // After is the next of the page before.
	Limit       int     // Limit is the size of the page, 1 to MaxPage; 0 is MaxPage.
}

// Group is the letters that died alike.
type Group struct {
	Fingerprint string    // Fingerprint is what they share.
	Topic       string    // Topic is their records' topic.
	Class       string    // Class is their class.
	Reason      string    // Reason is that of Example.
	Count       int64     // Count is how many there are.
	Sagas       int64     // Sagas is how many sagas they name.
	First, Last time.Time // First and Last are when the oldest and the newest were given up.
	Example     int64     // Example is the id of the newest.
}

// Get returns a letter with its record; the error is ErrNotFound without one.
func (s *Store) Get(ctx context.Context, id int64) (Letter, error) {
	return s.get(ctx, s.pool, readLetter, id)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) get(ctx context.Context, from querier, query string, id int64) (Letter, error) {
	rows, err := from.Query(ctx, postgres.In(s.schema, query), id)
	if err != nil {
		return Letter{}, fmt.Errorf("read dead letter %d: %w", id, err)
	}
	l, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Letter{}, fmt.Errorf("dead letter %d: %w", id, ErrNotFound)
	}
	return l, err
}

// List returns a page of letters, the newest first, without keys, headers and
// values, and what Filter.After must be for the next page; 0 at the end.
func (s *Store) List(ctx context.Context, f Filter) (page []Letter, next int64, err error) {
	if f.Limit < 1 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	where, args := conditions(f)
	if f.After > 0 {
		args = append(args, f.After)
		where += fmt.Sprintf(whereBefore, len(args))
	}
	args = append(args, f.Limit+1)
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, listLetters+where+fmt.Sprintf(newestFirst, len(args))), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list dead letters: %w", err)
	}
	if page, err = pgx.CollectRows(rows, scan); err != nil {
		return nil, 0, fmt.Errorf("list dead letters: %w", err)
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		next = page[f.Limit-1].ID
	}
	return page, next, nil
}

// oldest returns the ids of the letters that f chooses, after a given one, in the
// order of their ids.
func (s *Store) oldest(ctx context.Context, f Filter) ([]int64, error) {
	where, args := conditions(f)
	args = append(args, f.After, f.Limit)
	query := listIDs + where + fmt.Sprintf(oldestFirst, len(args)-1, len(args))
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, query), args...)
	if err != nil {
		return nil, fmt.Errorf("choose dead letters: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("choose dead letters: %w", err)
	}
	return ids, nil
}

// Groups returns the groups of the letters that f chooses, the largest first, at
// most f.Limit.
func (s *Store) Groups(ctx context.Context, f Filter) ([]Group, error) {
	if f.Limit < 1 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	where, args := conditions(f)
	args = append(args, f.Limit)
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, groupLetters+where+fmt.Sprintf(largestFirst, len(args))), args...)
	if err != nil {
		return nil, fmt.Errorf("group dead letters: %w", err)
	}
	groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Group])
	if err != nil {
		return nil, fmt.Errorf("group dead letters: %w", err)
	}
	return groups, nil
}

// conditions puts together what a filter needs: a condition that is always there
// would keep the planner from the partial indexes.
func conditions(f Filter) (where string, args []any) {
	where = "true"
	add := func(used bool, condition string, arg any) {
		if used {
			args = append(args, arg)
			where += fmt.Sprintf(condition, len(args))
		}
	}
	add(f.Namespace != "", whereNamespace, f.Namespace)
	add(f.Topic != "", whereTopic, f.Topic)
	add(f.Class != "", whereClass, f.Class)
	add(f.Fingerprint != "", whereFingerprint, f.Fingerprint)
	add(!f.Saga.IsZero(), whereSaga, pgtype.UUID{Bytes: f.Saga, Valid: true})
	if f.Status == Open { // as text, or the partial index is not seen
		where += whereOpen
	} else {
		add(f.Status != "", whereStatus, string(f.Status))
	}
	return where, args
}
