package fleet_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
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

// node is one process of a test: it shows what list says.
type node struct {
	mu   sync.Mutex
	list []breaker.Status
	stop func()
}

func (n *node) show(list ...breaker.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = list
}

func start(t *testing.T, pool *pgxpool.Pool, name string, list ...breaker.Status) *node {
	t.Helper()
	alive(t, pool, name)
	n := &node{list: list}
	p, err := fleet.NewPublisher(fleet.Config{Pool: pool, Schema: schema, Node: name, Every: 10 * time.Millisecond, Breakers: func() []breaker.Status {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.list
	}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(n.stop)
	return n
}

// alive gives a node a lease that lasts as long as the test.
func alive(t *testing.T, pool *pgxpool.Pool, name string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `INSERT INTO unwind.nodes (node, until) VALUES ($1, clock_timestamp() + interval '1 hour')`, name)
	require.NoError(t, err)
}

func read(t *testing.T, pool *pgxpool.Pool) []fleet.Breaker {
	t.Helper()
	all, err := fleet.NewReader(pool, schema).Breakers(t.Context(), "")
	require.NoError(t, err)
	return all
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 20*time.Second, 5*time.Millisecond)
}

func TestEverybodySeesAll(t *testing.T) {
	t.Parallel()
	pool := database(t)
	since := time.Now().Add(-time.Hour)
	a := start(t, pool, "a", breaker.Status{Participant: "payments", Direction: "do", State: breaker.Open, Since: since, Held: 3, OldestHeld: since, Requests: 20, Failures: 20})
	b := start(t, pool, "b", breaker.Status{Participant: "payments", Direction: "do", Since: since, Rate: 20, InFlight: 4},
		breaker.Status{Participant: "flights", Direction: "undo", State: breaker.HalfOpen, Since: since})
	eventually(t, func() bool { return len(read(t, pool)) == 3 })
	all := read(t, pool)
	require.Equal(t, []string{"flights undo b half-open", "payments do a open", "payments do b closed"}, names(all))
	got := all[1]
	require.WithinDuration(t, got.At.Add(-time.Hour), got.Since, time.Minute)
	require.Equal(t, got.Since, got.OldestHeld)
	require.Equal(t, []int{3, 0, 0, 20, 20}, []int{got.Held, got.Rate, got.InFlight, got.Requests, got.Failures})
	require.Equal(t, []int{20, 4}, []int{all[2].Rate, all[2].InFlight})
	require.Zero(t, all[2].OldestHeld)

	one, err := fleet.NewReader(pool, schema).Breakers(t.Context(), "flights")
	require.NoError(t, err)
	require.Len(t, one, 1)

	a.show(breaker.Status{Participant: "payments", Direction: "do", Since: since})
	eventually(t, func() bool { return names(read(t, pool))[1] == "payments do a closed" })
	b.stop()
	require.Equal(t, []string{"payments do a closed"}, names(read(t, pool)), "it takes its rows along")
}

func names(all []fleet.Breaker) (list []string) {
	for _, b := range all {
		list = append(list, b.Participant+" "+b.Direction+" "+b.Node+" "+b.State.String())
	}
	return list
}

func TestTheDeadAreNotShownAndBuried(t *testing.T) {
	t.Parallel()
	pool := database(t)
	status := breaker.Status{Participant: "payments", Direction: "do", State: breaker.Open, Since: time.Now()}
	start(t, pool, "a", status)
	n := start(t, pool, "b", status)
	eventually(t, func() bool { return len(read(t, pool)) == 2 })
	_, err := pool.Exec(t.Context(), `UPDATE unwind.nodes SET until = clock_timestamp() WHERE node = 'b'`)
	require.NoError(t, err)
	require.Equal(t, []string{"payments do a open"}, names(read(t, pool)))

	n.show()
	_, err = pool.Exec(t.Context(), `DELETE FROM unwind.nodes WHERE node = 'b'`)
	require.NoError(t, err)
	eventually(t, func() bool {
		var rows int
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.breakers`).Scan(&rows))
		return rows == 1
	})

	alive(t, pool, "b")
	n.show(status) // it was only away
	eventually(t, func() bool { return len(read(t, pool)) == 2 })
}

func TestAnOutageIsSurvived(t *testing.T) {
	t.Parallel()
	pool := database(t)
	_, err := pool.Exec(t.Context(), `ALTER TABLE unwind.breakers RENAME TO gone`)
	require.NoError(t, err)
	start(t, pool, "a", breaker.Status{Participant: "payments", Direction: "do", Since: time.Now()})
	_, err = fleet.NewReader(pool, schema).Breakers(t.Context(), "")
	require.Error(t, err)
	_, err = pool.Exec(t.Context(), `ALTER TABLE unwind.gone RENAME TO breakers`)
	require.NoError(t, err)
	eventually(t, func() bool { return len(read(t, pool)) == 1 })
}

func TestConfig(t *testing.T) {
	t.Parallel()
	_, err := fleet.NewPublisher(fleet.Config{})
	require.Error(t, err)
}
