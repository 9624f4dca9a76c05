package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
)

// Store keeps batches. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
}

// NewStore returns a Store on the tables of the migration set coordinator.
func NewStore(pool *pgxpool.Pool, schema string) *Store { return &Store{pool: pool, schema: schema} }

// Create freezes which sagas a batch has; nothing is asked before Run. The error is
// ErrTooMany above MaxSagas, or wraps that of Request.Fits.
func (s *Store) Create(ctx context.Context, r Request) (Batch, error) {
	r.Rate = min(max(cmp.Or(r.Rate, DefaultRate), 1), MaxRate)
	parameters, err := json.Marshal(r.Parameters)
	if err != nil {
		return Batch{}, fmt.Errorf("make a batch: %w", err)
	}
	var id int64
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, postgres.In(s.schema, insertBatch), r.Filter.Namespace, string(r.Verb), r.Step, r.Reason, r.Actor, r.Asked, r.Rate, parameters).Scan(&id)
		if err != nil {
			return err
		}
		where, args := r.Filter.Where(s.schema)
		query := fmt.Sprintf(postgres.In(s.schema, freeze), id) + where + fmt.Sprintf(" LIMIT %d", MaxSagas+1)
		frozen, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return err
		}
		if frozen.RowsAffected() > MaxSagas {
			return ErrTooMany
		}
		if err := s.fits(ctx, tx, id, r); err != nil {
			return err
		}
		large := r.ApproveAbove > 0 && frozen.RowsAffected() > int64(r.ApproveAbove)
		_, err = tx.Exec(ctx, postgres.In(s.schema, setTotal), id, frozen.RowsAffected(), large)
		return err
	})
	if err != nil {
		return Batch{}, fmt.Errorf("make a batch: %w", err)
	}
	return s.Get(ctx, id)
}

// fits asks whether what the verb says fits the sagas that were frozen.
func (s *Store) fits(ctx context.Context, tx pgx.Tx, id int64, r Request) error {
	if r.Fits == nil {
		return nil
	}
	rows, err := tx.Query(ctx, postgres.In(s.schema, selectKinds), id)
	if err != nil {
		return err
	}
	kinds, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Kind])
	if err != nil {
		return err
	}
	return r.Fits(ctx, kinds)
}

// Get returns a batch, or ErrNotFound.
func (s *Store) Get(ctx context.Context, id int64) (Batch, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectBatches+oneBatch), id)
	if err != nil {
		return Batch{}, fmt.Errorf("read batch %d: %w", id, err)
	}
	b, err := pgx.CollectExactlyOneRow(rows, scanBatch)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, ErrNotFound
	}
	return b, err
}

// List returns the newest batches of a namespace: those before the given id, or the
// newest for 0, at most limit.
func (s *Store) List(ctx context.Context, namespace string, before int64, limit int) ([]Batch, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectBatches+someBatches), namespace, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list batches: %w", err)
	}
	return pgx.CollectRows(rows, scanBatch)
}

func scanBatch(row pgx.CollectableRow) (Batch, error) {
	var b Batch
	var parameters []byte
	var done, unchanged, refused int
	err := row.Scan(&b.ID, &b.Namespace, &b.Verb, &b.Step, &b.Reason, &b.Actor, &b.Filter, &b.Rate, &b.State, &b.Total, &b.At, &b.ChangedAt, &b.ChangedBy,
		&parameters, &b.NeedsApproval, &b.ApprovedBy, &b.ApprovedAt,
		&done, &unchanged, &refused)
	if err == nil {
		err = json.Unmarshal(parameters, &b.Parameters)
	}
	b.Counts = map[Outcome]int{Asked: done, Unchanged: unchanged, Refused: refused}
	return b, err
}

// Items returns sagas of a batch by their ids: those after one, at most limit. An
// outcome chooses those that have fared so; nil chooses all.
func (s *Store) Items(ctx context.Context, id int64, after saga.ID, outcome *Outcome, limit int) ([]Item, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, selectItems), id, [16]byte(after), outcome, limit)
	if err != nil {
		return nil, fmt.Errorf("read the sagas of batch %d: %w", id, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Item, error) {
		var item Item
		err := row.Scan((*[16]byte)(&item.Saga), &item.Outcome, &item.Detail)
		return item, err
	})
}

// from lists the states that a batch may be changed from.
var from = map[State][]string{
	Running: {string(Frozen), string(Paused)},
	Paused:  {string(Running)},
	Stopped: {string(Frozen), string(Running), string(Paused)},
}

// Change runs, pauses or stops a batch. The error wraps ErrState if it is not in a
// state for that.
func (s *Store) Change(ctx context.Context, id int64, to State, actor string) (Batch, error) {
	changed, err := s.pool.Exec(ctx, postgres.In(s.schema, setState), id, to, actor, from[to])
	if err != nil {
		return Batch{}, fmt.Errorf("change batch %d: %w", id, err)
	}
	b, err := s.Get(ctx, id)
	if err == nil && changed.RowsAffected() == 0 && to == Running && b.NeedsApproval && b.ApprovedBy == "" && b.State == Frozen {
		return b, ErrUnapproved
	}
	if err == nil && changed.RowsAffected() == 0 && b.State != to {
		err = fmt.Errorf("%w: it is %s", ErrState, b.State)
	}
	return b, err
}

// Approve lets a large batch run. The error is ErrSamePerson for who has made it, and
// wraps ErrState for a batch that needs no approval any more.
func (s *Store) Approve(ctx context.Context, id int64, actor string) (Batch, error) {
	changed, err := s.pool.Exec(ctx, postgres.In(s.schema, setApproved), id, actor)
	if err != nil {
		return Batch{}, fmt.Errorf("approve batch %d: %w", id, err)
	}
	b, err := s.Get(ctx, id)
	switch {
	case err != nil || changed.RowsAffected() > 0 || b.ApprovedBy == actor:
	case !b.NeedsApproval:
		err = fmt.Errorf("%w: it needs no approval", ErrState)
	case b.Actor == actor:
		err = ErrSamePerson
	case b.ApprovedBy != "":
		err = fmt.Errorf("%w: %s has approved it", ErrState, b.ApprovedBy)
	default:
		err = fmt.Errorf("%w: it is %s", ErrState, b.State)
	}
	return b, err
}

// take returns a running batch that nobody has been at for a while; ok is false
// without one.
func (s *Store) take(ctx context.Context, idle time.Duration) (b Batch, ok bool, err error) {
	var id int64
	err = s.pool.QueryRow(ctx, postgres.In(s.schema, takeBatch), idle.Microseconds()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return b, false, nil
	}
	if err == nil {
		b, err = s.Get(ctx, id)
	}
	return b, err == nil, err
}

// finish says that every saga of a batch was asked.
func (s *Store) finish(ctx context.Context, id int64) (ok bool, err error) {
	tag, err := s.pool.Exec(ctx, postgres.In(s.schema, setDone), id)
	return err == nil && tag.RowsAffected() > 0, err
}

// keep says that this process is still at a batch; ok is false if it is not running
// any more.
func (s *Store) keep(ctx context.Context, id int64) (ok bool, err error) {
	tag, err := s.pool.Exec(ctx, postgres.In(s.schema, stillMine), id)
	return err == nil && tag.RowsAffected() > 0, err
}

func (s *Store) open(ctx context.Context, id int64, limit int) ([]saga.ID, error) {
	rows, err := s.pool.Query(ctx, postgres.In(s.schema, openItems), id, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (saga.ID, error) {
		var found saga.ID
		err := row.Scan((*[16]byte)(&found))
		return found, err
	})
}

func (s *Store) settle(ctx context.Context, id int64, items []Item) error {
	ids, outcomes, details := make([][16]byte, len(items)), make([]string, len(items)), make([]string, len(items))
	for i, item := range items {
		ids[i], outcomes[i], details[i] = item.Saga, string(item.Outcome), saga.Clip(item.Detail)
	}
	_, err := s.pool.Exec(ctx, postgres.In(s.schema, settleItems), id, ids, outcomes, details)
	return err
}
