package sagapg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Reader reads sagas for people: outside of the coordinator's transactions and
// without locks. It is safe for concurrent use.
type Reader struct {
	pool   *pgxpool.Pool
	schema string
}

// NewReader returns a Reader of the sagas in schema. Give it a pool of its own,
// apart from the writers'.
func NewReader(pool *pgxpool.Pool, schema string) *Reader {
	return &Reader{pool: pool, schema: schema}
}

// View is a saga as it was committed last: its namespace and its state, with
// the times of its start and of its last event.
type View = coordinator.Row

// MaxConditions is how many attributes a Filter may ask for.
const MaxConditions = 8

// MaxPage is the most sagas or events that are returned at once.
const MaxPage = 200

// Filter chooses sagas. The zero value of every field but Namespace chooses all.
type Filter struct {
	Namespace  string       // Namespace is the tenant; required.
	Definition string       // Definition is the definition's name.
	Status     saga.Status  // Status is the status to have.
	Parent     saga.ID      // Parent is the saga whose children to choose.
	Waiting    saga.Waits   // Waiting is what they wait for; all of it is to be had.
	Attention  bool         // Attention chooses only those that need attention which was not put off.
	Snoozed    bool         // Snoozed chooses only those that need attention which was put off.
	Attributes []saga.Match // Attributes are all to be had; at most MaxConditions.
	After      saga.ID      // After is the last saga of the page before.
	Limit      int          // Limit is the size of the page, 1 to MaxPage; 0 is MaxPage.
}

// Get returns one saga; the error is coordinator.ErrNotFound without one.
func (r *Reader) Get(ctx context.Context, id saga.ID) (View, error) {
	rows, err := r.pool.Query(ctx, r.sql(viewSaga), [16]byte(id))
	if err != nil {
		return View{}, fmt.Errorf("read saga %s: %w", id, err)
	}
	view, err := pgx.CollectExactlyOneRow(rows, scanView)
	if errors.Is(err, pgx.ErrNoRows) {
		return View{}, fmt.Errorf("saga %s: %w", id, coordinator.ErrNotFound)
	}
	if err != nil {
		return View{}, fmt.Errorf("read saga %s: %w", id, err)
	}
	return view, nil
}

// List returns a page of sagas, the newest first, and what Filter.After must be
// for the next page; zero at the end.
func (r *Reader) List(ctx context.Context, f Filter) (page []View, next saga.ID, err error) {
	return r.Changed(ctx, f, time.Time{})
}

// Changed is List of the sagas that have had an event after a time; zero is any time.
// Without a Filter that an index knows it reads every saga of the table once, by the
// primary key.
func (r *Reader) Changed(ctx context.Context, f Filter, after time.Time) (page []View, next saga.ID, err error) {
	if f.Limit < 1 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	query, args := r.listQuery(f, after)
	rows, err := r.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, next, fmt.Errorf("list sagas: %w", err)
	}
	if page, err = pgx.CollectRows(rows, scanView); err != nil {
		return nil, next, fmt.Errorf("list sagas: %w", err)
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		next = page[f.Limit-1].State.ID
	}
	return page, next, nil
}

// maxCount is the most that is counted.
const maxCount = 1000

// CountSnoozed counts the sagas that the filter would choose with Snoozed, at most
// 1,000. After and Limit are left out.
func (r *Reader) CountSnoozed(ctx context.Context, f Filter) (n int, err error) {
	f.Snoozed = true
	where, args := f.Where(r.schema)
	if err = r.pool.QueryRow(ctx, fmt.Sprintf(r.sql(countSagas), where, maxCount), args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count sagas whose attention was put off: %w", err)
	}
	return n, nil
}

// listQuery is the query of a page.
func (r *Reader) listQuery(f Filter, changed time.Time) (query string, args []any) {
	where, args := f.Where(r.schema)
	query = r.sql(listSagas) + where
	if !changed.IsZero() {
		args = append(args, changed)
		query += fmt.Sprintf(listChanged, len(args))
	}
	if !f.After.IsZero() {
		args = append(args, [16]byte(f.After))
		query += fmt.Sprintf(listAfter, len(args))
	}
	args = append(args, f.Limit+1)
	return query + fmt.Sprintf(listLimit, len(args)), args
}

// Where is the filter, without After and Limit, as a condition on the table sagas and
// its arguments from $1 on. It puts together only what the filter needs: a condition
// that is always there would keep the planner from the partial index on attention.
func (f Filter) Where(schema string) (condition string, args []any) {
	query, args := listNamespace, []any{f.Namespace}
	add := func(condition string, arg any) {
		args = append(args, arg)
		query += fmt.Sprintf(condition, len(args))
	}
	if f.Definition != "" {
		add(listDefinition, f.Definition)
	}
	if f.Status != 0 {
		add(listStatus, int16(f.Status))
	}
	if !f.Parent.IsZero() {
		add(listParent, [16]byte(f.Parent))
	}
	if f.Waiting != 0 {
		add(listWaiting, int16(f.Waiting))
	}
	switch {
	case f.Snoozed:
		query += postgres.In(schema, listSnoozed)
	case f.Attention:
		query += postgres.In(schema, listOpen)
	}
	for _, a := range f.Attributes {
		match(a, func(condition string, more ...any) {
			query += postgres.In(schema, numbered(condition, len(args)+1))
			args = append(args, more...)
		})
	}
	return query, args
}

// scanView reads a row of viewSaga or listSagas.
func scanView(row pgx.CollectableRow) (View, error) {
	var id saga.ID
	var view View
	var state []byte
	err := row.Scan((*[16]byte)(&id), &view.Namespace, &state)
	if err == nil {
		view.State, err = saga.DecodeState(id, state)
	}
	return view, err
}

// History returns a saga's stored events in order: those after a number, at most
// limit and at most MaxPage. An unknown saga has none.
func (r *Reader) History(ctx context.Context, id saga.ID, after int64, limit int) ([]saga.Event, error) {
	if limit < 1 || limit > MaxPage {
		limit = MaxPage
	}
	rows, err := r.pool.Query(ctx, r.sql(readHistory), [16]byte(id), after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the history of saga %s: %w", id, err)
	}
	defer rows.Close()
	var events []saga.Event
	for rows.Next() {
		row, err := scanEvent(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, row.Event)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the history of saga %s: %w", id, err)
	}
	return events, nil
}

func (r *Reader) sql(query string) string { return postgres.In(r.schema, query) }
