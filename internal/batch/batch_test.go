package batch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const schema = "unwind"

// open returns a store, and n sagas of which every second is compensating.
func open(t *testing.T, n int) (*batch.Store, *pgxpool.Pool) {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(), `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
SELECT lpad(n::text, 32, '0')::uuid, 'default', 'trip', 'r1', 1, 1 + n % 2, 0, 1, now(), now(), '' FROM generate_series(1, $1) AS n`, n)
	require.NoError(t, err)
	return batch.NewStore(pool, schema), pool
}

// engine answers by the last digit of the saga's id.
type engine struct {
	mu    sync.Mutex
	verbs map[saga.ID][]coordinator.Verb
	away  bool
}

func (e *engine) Do(_ context.Context, v coordinator.Verb) (coordinator.VerbResult, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away {
		return coordinator.VerbResult{}, coordinator.ErrNotReady
	}
	if e.verbs == nil {
		e.verbs = map[saga.ID][]coordinator.Verb{}
	}
	e.verbs[v.Saga] = append(e.verbs[v.Saga], v)
	switch v.Saga[15] & 0xf {
	case 1:
		return coordinator.VerbResult{}, fmt.Errorf("saga: %w", saga.ErrPastPivot)
	case 3:
		return coordinator.VerbResult{}, nil
	}
	return coordinator.VerbResult{Changed: true}, nil
}

func (e *engine) asked() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.verbs)
}

func request() batch.Request {
	return batch.Request{
		Filter: sagapg.Filter{Namespace: "default", Definition: "trip", Status: saga.Compensating}, Asked: `{"status":"compensating"}`,
		Verb: saga.Retried, Reason: "the hotel is back", Actor: "operator:ann", Rate: batch.MaxRate,
	}
}

func run(t *testing.T, store *batch.Store, e *engine) {
	t.Helper()
	runs(t, batch.Runner{Store: store, Engine: e})
}

func runs(t *testing.T, r batch.Runner) {
	t.Helper()
	r.Every, r.Idle = 20*time.Millisecond, 100*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func is(t *testing.T, store *batch.Store, id int64, state batch.State) batch.Batch {
	t.Helper()
	var b batch.Batch
	require.Eventually(t, func() bool {
		var err error
		b, err = store.Get(t.Context(), id)
		return err == nil && b.State == state
	}, 20*time.Second, 10*time.Millisecond)
	return b
}

// Which sagas a batch has is decided when it is made; each is asked once, with who
// and why, and how it fared is kept.
func TestABatchAsksItsSagas(t *testing.T) {
	t.Parallel()
	store, pool := open(t, 200)
	made, err := store.Create(t.Context(), request())
	require.NoError(t, err)
	require.Equal(t, batch.Frozen, made.State)
	require.Equal(t, 100, made.Total)
	_, err = pool.Exec(t.Context(), `UPDATE unwind.sagas SET status = 2`) // more would be chosen now
	require.NoError(t, err)
	var e engine
	run(t, store, &e)
	_, err = store.Change(t.Context(), made.ID, batch.Paused, "operator:bob")
	require.ErrorIs(t, err, batch.ErrState)
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:bob")
	require.NoError(t, err)
	done := is(t, store, made.ID, batch.Done)
	require.Equal(t, 100, e.asked())
	for id, verbs := range e.verbs {
		require.Equal(t, []coordinator.Verb{{
			Kind: saga.Retried, Saga: id, Reason: "the hotel is back", RequestID: fmt.Sprintf("batch %d", made.ID),
			Actor: saga.Actor{Kind: saga.Operator, Name: "ann"},
		}}, verbs)
	}
	require.Equal(t, 100, done.Counts[batch.Asked]+done.Counts[batch.Unchanged]+done.Counts[batch.Refused])
	refused := batch.Refused
	items, err := store.Items(t.Context(), made.ID, saga.ID{}, &refused, 200)
	require.NoError(t, err)
	require.Len(t, items, done.Counts[batch.Refused])
	require.NotEmpty(t, items)
	require.Contains(t, items[0].Detail, "past-pivot")
	require.Positive(t, done.Counts[batch.Unchanged])
}

// A batch that is paused or stopped asks nobody, and one whose engine is away waits
// for it; another process goes on where one has died.
func TestABatchIsInterrupted(t *testing.T) {
	t.Parallel()
	store, pool := open(t, 400)
	r := request()
	r.Rate = 100 // two for each tick
	made, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	away := &engine{away: true}
	run(t, store, away)
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:ann")
	require.NoError(t, err)
	var e engine
	run(t, store, &e) // it takes over once the first is silent; that one is not: so both stay
	_, err = store.Change(t.Context(), made.ID, batch.Paused, "operator:ann")
	require.NoError(t, err)
	away.mu.Lock()
	away.away = false
	away.mu.Unlock()
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:ann")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return away.asked()+e.asked() > 3 }, 20*time.Second, 5*time.Millisecond)
	stopped, err := store.Change(t.Context(), made.ID, batch.Stopped, "operator:bob")
	require.NoError(t, err)
	require.Equal(t, "operator:bob", stopped.ChangedBy)
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:ann")
	require.ErrorIs(t, err, batch.ErrState)

	// A process that died a while ago had a batch: it is taken.
	second, err := store.Create(t.Context(), request())
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE unwind.batches SET state = 'running', worked_at = clock_timestamp() WHERE id = $1`, second.ID)
	require.NoError(t, err)
	is(t, store, second.ID, batch.Done)
}

func TestBatchesOfNoUse(t *testing.T) {
	t.Parallel()
	store, pool := open(t, 1)
	_, err := store.Get(t.Context(), 77)
	require.ErrorIs(t, err, batch.ErrNotFound)
	_, err = store.Change(t.Context(), 77, batch.Running, "operator:ann")
	require.ErrorIs(t, err, batch.ErrNotFound)
	_, err = pool.Exec(t.Context(), `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
SELECT lpad(n::text, 32, '0')::uuid, 'default', 'trip', 'r1', 1, 2, 0, 1, now(), now(), '' FROM generate_series(2, $1) AS n`, batch.MaxSagas+2)
	require.NoError(t, err)
	_, err = store.Create(t.Context(), request())
	require.ErrorIs(t, err, batch.ErrTooMany)
	list, err := store.List(t.Context(), "default", 0, 10)
	require.NoError(t, err)
	require.Empty(t, list, "a batch that is refused leaves nothing")
}

// What a verb says is held to the sagas that were frozen: whoever judges it is told of
// which versions they are, and which way they go, and a batch that does not fit is none.
func TestABatchMustFit(t *testing.T) {
	t.Parallel()
	store, pool := open(t, 20)
	_, err := pool.Exec(t.Context(), `UPDATE unwind.sagas SET version = 'r2' WHERE id < lpad('3', 32, '0')::uuid`)
	require.NoError(t, err)
	r := request()
	r.Filter.Status = 0
	misfit, kinds := errors.New("it does not fit"), []batch.Kind(nil)
	r.Fits = func(_ context.Context, k []batch.Kind) error { kinds = k; return misfit }
	_, err = store.Create(t.Context(), r)
	require.ErrorIs(t, err, misfit)
	require.Equal(t, []batch.Kind{{"trip", "r1", false}, {"trip", "r1", true}, {"trip", "r2", false}, {"trip", "r2", true}}, kinds)
	page, err := store.List(t.Context(), "default", 0, 10)
	require.NoError(t, err)
	require.Empty(t, page)
	misfit = nil
	made, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 20, made.Total)
}

// A batch may start sagas anew that have ended: no verb is asked of them, and who asks is
// told with a key that makes a repeat harmless.
func TestABatchStartsAnew(t *testing.T) {
	t.Parallel()
	store, _ := open(t, 20)
	r := request()
	r.Verb = batch.Restarted
	made, err := store.Create(t.Context(), r)
	require.NoError(t, err)
	var e engine
	var keys sync.Map
	runs(t, batch.Runner{Store: store, Engine: &e, Restart: func(_ context.Context, id saga.ID, key string, who saga.Actor) (bool, error) {
		require.Equal(t, saga.Actor{Kind: saga.Operator, Name: "ann"}, who)
		keys.Store(key, true)
		if id[15] == 1 {
			return false, fmt.Errorf("it is running: %w", saga.ErrNotNow)
		}
		return id[15] != 3, nil
	}})
	_, err = store.Change(t.Context(), made.ID, batch.Running, "operator:ann")
	require.NoError(t, err)
	done := is(t, store, made.ID, batch.Done)
	require.Equal(t, map[batch.Outcome]int{batch.Asked: 8, batch.Unchanged: 1, batch.Refused: 1}, done.Counts)
	require.Zero(t, e.asked())
	_, known := keys.Load(fmt.Sprintf("batch %d", made.ID))
	require.True(t, known)
}
