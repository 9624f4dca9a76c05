package lease_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
)

const (
	schema = "unwind"
	wait   = 20 * time.Second
	tick   = 5 * time.Millisecond
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox))
	return connect(t, url)
}

func connect(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	cfg.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// node is one process of a test. It notes what it is told.
type node struct {
	*lease.Lease
	name string
	stop func() // ends Run in order and waits for it

	mu    sync.Mutex
	has   map[int]int64 // between OnGain and OnLoss
	fault []string
}

func start(t *testing.T, pool *pgxpool.Pool, name string, change func(*lease.Config)) *node {
	t.Helper()
	n := &node{name: name, has: map[int]int64{}}
	cfg := lease.Config{Pool: pool, Schema: schema, Node: name, Version: "test", Levels: 1, OnGain: n.gain, OnLoss: n.loss}
	if change != nil {
		change(&cfg)
	}
	l, err := lease.New(cfg)
	require.NoError(t, err)
	n.Lease = l
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(n.stop)
	return n
}

func (n *node) gain(_ context.Context, gained []lease.Held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range gained {
		if _, twice := n.has[h.Bucket]; twice {
			n.fault = append(n.fault, "gained twice")
		}
		n.has[h.Bucket] = h.Epoch
	}
}

func (n *node) loss(lost []lease.Held) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range lost {
		if n.has[h.Bucket] != h.Epoch {
			n.fault = append(n.fault, "lost what was not gained")
		}
		delete(n.has, h.Bucket)
	}
}

func (n *node) told() map[int]int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.has)
}

// requireShare waits until n holds count buckets, and OnGain has told of all.
func (n *node) requireShare(t *testing.T, count int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(n.Owned()) == count && len(n.told()) == count }, wait, tick,
		"%s should hold %d buckets", n.name, count)
	require.Empty(t, n.fault)
}

func owners(t *testing.T, pool *pgxpool.Pool) (named int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(owner) FROM unwind.buckets").Scan(&named))
	return named
}

func TestFairShareFromOneToThreeToOne(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)
	first := a.told()

	b := start(t, pool, "b", nil)
	b.requireShare(t, 32)
	a.requireShare(t, 32)
	for bucket, epoch := range b.told() {
		require.Greater(t, epoch, first[bucket], "a takeover raises the epoch")
		require.NotContains(t, a.told(), bucket)
	}
	c := start(t, pool, "c", nil)
	c.requireShare(t, 20)

	c.stop()
	b.stop()
	require.Empty(t, b.told(), "OnLoss comes before the end of Run")
	a.requireShare(t, 64)
	a.stop()
	require.Zero(t, owners(t, pool), "an orderly end leaves no owner behind")
	require.Empty(t, a.Owned())
}

func TestOfADeadNodeIsTakenOver(t *testing.T) {
	t.Parallel()
	pool := database(t)
	dying := connect(t, pool.Config().ConnString())
	a := start(t, dying, "a", nil)
	a.requireShare(t, 64)
	dying.Close() // from now on a cannot reach the database: as dead to the others
	b := start(t, pool, "b", nil)
	b.requireShare(t, 64)
	require.Empty(t, a.Owned(), "a stops to trust its lease before b may take it")
	require.Eventually(t, func() bool { return len(a.told()) == 0 }, wait, tick, "OnLoss after an expired lease")
	for bucket, epoch := range b.told() {
		require.EqualValues(t, 2, epoch, "bucket %d", bucket)
	}
}

// A node that died before the database's clock was set back is dead all the same.
func TestTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for _, query := range []string{
		"INSERT INTO unwind.nodes (node, until, version, levels) VALUES ('dead', clock_timestamp() + interval '1 hour', 'test', 1)",
		"UPDATE unwind.buckets SET owner = 'dead'",
	} {
		_, err := pool.Exec(t.Context(), query)
		require.NoError(t, err)
	}
	start(t, pool, "a", nil).requireShare(t, 64)
}

// A lease that cannot be renewed is not trusted to its end, even before anyone
// has noticed; and it comes back under a new epoch.
func TestExpiredTrustWindow(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)

	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE unwind.nodes IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(a.Owned()) == 0 }, wait, tick)
	_, ok := a.Holds(3)
	require.False(t, ok)
	require.Eventually(t, func() bool { return len(a.told()) == 0 }, wait, tick)

	require.NoError(t, tx.Rollback(t.Context()))
	a.requireShare(t, 64)
	epoch, ok := a.Holds(3)
	require.True(t, ok)
	require.Greater(t, epoch, int64(1), "regained under a new epoch, so that old transactions fail")
}

func TestOwnerChangedInTheDatabaseIsLost(t *testing.T) {
	t.Parallel()
	pool := database(t)
	a := start(t, pool, "a", nil)
	a.requireShare(t, 64)
	_, err := pool.Exec(t.Context(), "INSERT INTO unwind.nodes (node, until) VALUES ('z', clock_timestamp() + interval '1 minute')")
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), "UPDATE unwind.buckets SET owner = 'z', epoch = epoch + 1 WHERE bucket < 40")
	require.NoError(t, err)
	a.requireShare(t, 24)
	require.Equal(t, 40, slices.Min(slices.Collect(maps.Keys(a.told()))))
}

func TestReleaseComesAfterOnLoss(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var a *node
	entered, leave := make(chan struct{}, bucket.Count), make(chan struct{})
	a = start(t, pool, "a", func(c *lease.Config) {
		c.OnLoss = func(lost []lease.Held) {
			entered <- struct{}{}
			<-leave
			a.loss(lost)
		}
	})
	a.requireShare(t, 64)
	b := start(t, pool, "b", nil)
	<-entered
	require.Len(t, a.Owned(), 32, "what is being let go of is not owned any more")
	require.Equal(t, 64, owners(t, pool))
	require.Empty(t, b.Owned())
	close(leave)
	b.requireShare(t, 32)
}

// A gain that hangs holds up neither the renewal nor the loss of its buckets.
func TestLossEndsGain(t *testing.T) {
	t.Parallel()
	pool := database(t)
	entered := make(chan struct{}, bucket.Count)
	var lost sync.Map
	a := start(t, pool, "a", func(c *lease.Config) {
		c.OnGain = func(ctx context.Context, _ []lease.Held) {
			entered <- struct{}{}
			<-ctx.Done()
		}
		c.OnLoss = func(held []lease.Held) {
			for _, h := range held {
				lost.Store(h.Bucket, true)
			}
		}
	})
	<-entered
	require.Len(t, a.Owned(), 64, "held while it is being gained")
	a.stop()
	for b := range bucket.Count {
		_, ok := lost.Load(b)
		require.True(t, ok, "OnLoss for bucket %d", b)
	}
}

func TestConfigFaultsComeTogether(t *testing.T) {
	t.Parallel()
	err := lease.Config{TTL: time.Hour, Renew: 2 * time.Hour, Margin: -1}.Validate()
	for _, part := range []string{"Pool", "Node", "negative", "at most", "Renew + Margin"} {
		require.ErrorContains(t, err, part)
	}
}
