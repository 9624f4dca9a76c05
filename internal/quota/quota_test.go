package quota_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

const schema = "unwind"

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// process is one of a fleet.
type process struct {
	*quota.Keeper
	mu  sync.Mutex
	met map[string]int
}

func begin(t *testing.T, pool *pgxpool.Pool, node string) *process {
	t.Helper()
	_, err := pool.Exec(t.Context(), "INSERT INTO unwind.nodes (node, until) VALUES ($1, clock_timestamp() + interval '1 hour')", node)
	require.NoError(t, err)
	p := &process{met: map[string]int{}}
	book := quota.NewBook(func(namespace string, q quota.Name, waits bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.met[fmt.Sprint(namespace, " ", q, " ", waits)]++
	})
	p.Keeper = &quota.Keeper{Store: quota.NewStore(pool, schema), Book: book, Node: node, Every: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
	return p
}

// start lets a saga in, and commits it.
func (p *process) start(t *testing.T, namespace string) error {
	t.Helper()
	done, err := p.Book.Take(t.Context(), namespace, false)
	if err != nil {
		return err
	}
	p.Book.Change(changed(namespace, 0, saga.Running, "{}"))
	done()
	return nil
}

func changed(namespace string, before, after saga.Status, payload string) *coordinator.Change {
	return &coordinator.Change{
		Namespace: namespace, Before: saga.State{Status: before}, After: saga.State{Status: after},
		Events: []coordinator.EventRow{{Event: saga.Event{Payload: saga.JSON([]byte(payload))}}},
	}
}

func set(t *testing.T, p *process, c quota.Change) {
	t.Helper()
	_, err := p.Store.Set(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, p.Look(t.Context()))
}

// over is the quota that a start was refused by.
func over(t *testing.T, err error) *quota.Error {
	t.Helper()
	var e *quota.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestSetQuotas(t *testing.T) {
	t.Parallel()
	s := quota.NewStore(database(t), schema)
	ctx := t.Context()
	history, err := s.History(ctx, "shop")
	require.NoError(t, err)
	require.Empty(t, history)
	first, err := s.Set(ctx, quota.Change{Namespace: "shop", Starts: new(50), Open: new(int64(7)), Reason: "the contract", Actor: "operator:ann", RequestID: "q1"})
	require.NoError(t, err)
	require.Equal(t, quota.Limits{Starts: 50, Open: 7}, first.Limits)
	again, err := s.Set(ctx, quota.Change{Namespace: "shop", Starts: new(60), RequestID: "q1"})
	require.NoError(t, err)
	require.Equal(t, first, again, "a repeat changes nothing")
	second, err := s.Set(ctx, quota.Change{Namespace: "shop", Open: new(int64(0)), Bytes: new(int64(1e9))})
	require.NoError(t, err)
	require.Equal(t, quota.Limits{Starts: 50, Bytes: 1e9}, second.Limits, "what is not named stays; 0 takes away")
	_, err = s.Set(ctx, quota.Change{Namespace: "shop", Starts: new(0), Burst: new(5)})
	require.ErrorIs(t, err, quota.ErrBurstAlone)
	_, err = s.Set(ctx, quota.Change{Namespace: "shop", Starts: new(quota.MaxStarts + 1)})
	require.ErrorIs(t, err, quota.ErrRange)
	for i := range 30 {
		_, err = s.Set(ctx, quota.Change{Namespace: "shop", Starts: new(i + 1), Reason: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	history, err = s.History(ctx, "shop")
	require.NoError(t, err)
	require.Len(t, history, 20, "what is kept is bounded")
	require.Equal(t, "29", history[0].Reason)
}

// No second has more starts than the rate and the burst together allow, other
// namespaces notice nothing, and what is said helps.
func TestStartsQuota(t *testing.T) {
	t.Parallel()
	p := begin(t, database(t), "a")
	set(t, p, quota.Change{Namespace: "shop", Starts: new(2), Burst: new(5)})
	for range 5 {
		require.NoError(t, p.start(t, "shop"))
	}
	e := over(t, p.start(t, "shop"))
	require.Equal(t, quota.Error{Namespace: "shop", Quota: quota.Starts, Limit: 2, Burst: 5, Used: 2, Retry: time.Second}, *e)
	for range 100 {
		require.NoError(t, p.start(t, "other"))
	}
	require.Equal(t, map[string]int{"shop starts false": 1}, p.met)
	set(t, p, quota.Change{Namespace: "shop", Starts: new(0), Burst: new(0)})
	require.NoError(t, p.start(t, "shop"), "a quota that was taken away")
}

// Without a burst as many may come at once as in a second.
func TestStartsQuotaWithoutABurst(t *testing.T) {
	t.Parallel()
	p := begin(t, database(t), "a")
	set(t, p, quota.Change{Namespace: "shop", Starts: new(3)})
	for range 3 {
		require.NoError(t, p.start(t, "shop"))
	}
	require.Equal(t, int64(3), over(t, p.start(t, "shop")).Burst)
}

// A start that may wait has its turn within a second; one that has to wait longer
// comes again.
func TestAStartWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	p := begin(t, database(t), "a")
	set(t, p, quota.Change{Namespace: "shop", Starts: new(20), Burst: new(1)})
	began := time.Now()
	for range 11 {
		done, err := p.Book.Take(t.Context(), "shop", true)
		require.NoError(t, err)
		done()
	}
	require.GreaterOrEqual(t, time.Since(began), 450*time.Millisecond)
	require.Equal(t, 10, p.met["shop starts true"])
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := p.Book.Take(gone, "shop", true)
	require.ErrorIs(t, err, context.Canceled)
}

// Open sagas are those of all processes; whatever ends makes room at once, in the
// process that it ended in.
func TestOpenQuota(t *testing.T) {
	t.Parallel()
	pool := database(t)
	p := begin(t, pool, "a")
	for n, status := range []saga.Status{saga.Running, saga.Compensating, saga.Completed} {
		_, err := pool.Exec(t.Context(), `INSERT INTO unwind.sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
VALUES (gen_random_uuid(), 'shop', 'order', 'r1', 1, $1, $2, 1, now(), now(), '')`, int16(status), n)
		require.NoError(t, err)
	}
	set(t, p, quota.Change{Namespace: "shop", Open: new(int64(4))})
	require.NoError(t, p.start(t, "shop"))
	pending, err := p.Book.Take(t.Context(), "shop", false)
	require.NoError(t, err)
	e := over(t, p.start(t, "shop"))
	require.Equal(t, quota.Error{Namespace: "shop", Quota: quota.Open, Limit: 4, Used: 4, Retry: 2 * time.Second}, *e)
	pending() // it has failed
	require.NoError(t, p.start(t, "shop"))
	require.Error(t, p.start(t, "shop"))
	p.Book.Change(changed("shop", saga.Running, saga.Completed, ""))
	require.NoError(t, p.start(t, "shop"), "one has ended")
	p.Book.Change(changed("shop", saga.Completed, saga.Compensating, "")) // a child is undone
	p.Book.Change(changed("shop", saga.Running, saga.Abandoned, ""))
	require.Error(t, p.start(t, "shop"))

	use, err := p.Store.Use(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, int64(2), use.Open, "what is stored")
}

// Histories count with what they hold; what a process has not stored yet counts too.
func TestBytesQuota(t *testing.T) {
	t.Parallel()
	pool := database(t)
	p, other := begin(t, pool, "a"), begin(t, pool, "b")
	set(t, p, quota.Change{Namespace: "shop", Bytes: new(int64(3 * quota.EventBytes))})
	require.NoError(t, p.start(t, "shop"))
	require.NoError(t, p.start(t, "shop"))
	require.NoError(t, p.start(t, "shop"))
	e := over(t, p.start(t, "shop"))
	require.Equal(t, quota.Error{Namespace: "shop", Quota: quota.Bytes, Limit: 3 * quota.EventBytes, Used: 3 * (quota.EventBytes + 2), Retry: time.Minute}, *e)
	run(t, p, func() {}) // it stores at its end what it has counted
	require.NoError(t, other.Look(t.Context()))
	require.Equal(t, e.Used, over(t, other.start(t, "shop")).Used, "the other process has heard of it")
	require.NoError(t, p.start(t, "other"))
	use, err := p.Store.Use(t.Context(), "shop")
	require.NoError(t, err)
	require.Equal(t, e.Used, use.Bytes)
}

// run lets a process look again and again while something is done.
func run(t *testing.T, p *process, do func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { _ = p.Run(ctx) })
	do()
	cancel()
	ended.Wait()
}

// Every process hears of a quota, and has its share of it.
func TestAFleetSharesAQuota(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a, b := begin(t, pool, "a"), begin(t, pool, "b")
	run(t, a, func() {
		run(t, b, func() {
			_, err := a.Store.Set(t.Context(), quota.Change{Namespace: "shop", Starts: new(1), Burst: new(10), Open: new(int64(8))})
			require.NoError(t, err)
			for _, p := range []*process{a, b} {
				require.Eventually(t, func() bool { return len(p.Book.Levels()) == 2 }, 20*time.Second, 5*time.Millisecond)
			}
		})
	})
	require.Len(t, a.Book.Levels(), 2)
	for _, p := range []*process{a, b} {
		for range 4 {
			require.NoError(t, p.start(t, "shop"))
		}
		require.Equal(t, quota.Open, over(t, p.start(t, "shop")).Quota)
	}
}

func BenchmarkChange(b *testing.B) {
	book, c := quota.NewBook(nil), changed("shop", saga.Running, saga.Running, "{}")
	b.ReportAllocs()
	for b.Loop() {
		book.Change(c)
	}
}
