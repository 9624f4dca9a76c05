package hold_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/hold"
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

var (
	payments = hold.Target{Kind: hold.Participant, Name: "payments"}
	order    = hold.Target{Kind: hold.Definition, Namespace: "shop", Name: "order"}
)

func TestHoldAndRelease(t *testing.T) {
	t.Parallel()
	s := hold.NewStore(database(t), schema)
	ctx := t.Context()
	_, err := s.Release(ctx, hold.Change{Target: payments})
	require.ErrorIs(t, err, hold.ErrNotHeld)
	require.EqualError(t, err, "participant payments: it is not held")

	first, err := s.Hold(ctx, hold.Change{Target: payments, Reason: "the bank moves", Actor: "operator:ann", RequestID: "q1"})
	require.NoError(t, err)
	require.True(t, first.Held)
	again, err := s.Hold(ctx, hold.Change{Target: payments, Reason: "another", RequestID: "q1"})
	require.NoError(t, err)
	require.Equal(t, first, again, "a repeat changes nothing")
	_, err = s.Hold(ctx, hold.Change{Target: order, Reason: "a look", Actor: "operator:bob"})
	require.NoError(t, err)
	list, err := s.List(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"definition order of shop", "participant payments"}, []string{list[0].String(), list[1].String()})

	released, err := s.Release(ctx, hold.Change{Target: payments, Rate: 20, Actor: "operator:ann"})
	require.NoError(t, err)
	require.Equal(t, 20, released.Rate)
	_, err = s.Release(ctx, hold.Change{Target: payments, Rate: 50})
	require.NoError(t, err, "a release under way may have another rate")
	_, err = s.Release(ctx, hold.Change{Target: payments})
	require.NoError(t, err)
	_, err = s.Release(ctx, hold.Change{Target: payments})
	require.ErrorIs(t, err, hold.ErrNotHeld)

	history, err := s.History(ctx, payments)
	require.NoError(t, err)
	require.Len(t, history, 4)
	require.Equal(t, "the bank moves", history[3].Reason)
	require.Equal(t, "operator:ann", history[3].Actor)
	for i := range 50 {
		_, err = s.Hold(ctx, hold.Change{Target: payments, Reason: fmt.Sprint(i)})
		require.NoError(t, err)
	}
	history, err = s.History(ctx, payments)
	require.NoError(t, err)
	require.Len(t, history, 20, "what is kept is bounded")
	require.Equal(t, "49", history[0].Reason)
}

// gate remembers what it was told last.
type gate struct {
	mu     sync.Mutex
	holds  []breaker.Hold
	limits map[string]breaker.Limit
}

func (g *gate) SetHolds(holds []breaker.Hold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = holds
}

func (g *gate) SetLimits(limits map[string]breaker.Limit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = limits
}

func (g *gate) is(want ...string) func() bool {
	return func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		var got []string
		for _, h := range g.holds {
			got = append(got, fmt.Sprintf("%s %s/%s %d", h.Group.Kind, h.Group.Within, h.Group.Name, h.Rate))
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	}
}

// The latest contract of each namespace counts, and the least of them.
func TestLimitsOfContracts(t *testing.T) {
	t.Parallel()
	pool := database(t)
	for _, c := range [][4]string{
		{"shop", "payments", "1", `{"limits":{"concurrency":5}}`},
		{"shop", "payments", "2", `{"limits":{"concurrency":20,"rate":50}}`},
		{"other", "payments", "1", `{"limits":{"rate":10}}`},
		{"shop", "mail", "1", `{"limits":{"rate":1}}`},
		{"shop", "mail", "2", `{}`},
	} {
		_, err := pool.Exec(t.Context(), "INSERT INTO unwind.contracts (namespace, participant, number, canonical, actor) VALUES ($1, $2, $3::text::int, $4, '')", c[0], c[1], c[2], c[3])
		require.NoError(t, err)
	}
	for _, n := range []string{"a", "b"} {
		_, err := pool.Exec(t.Context(), "INSERT INTO unwind.nodes (node, until) VALUES ($1, clock_timestamp() + interval '1 hour')", n)
		require.NoError(t, err)
	}
	var g gate
	w := hold.Watcher{Store: hold.NewStore(pool, schema), Gate: &g, Log: slog.New(slog.DiscardHandler)}
	require.NoError(t, w.Look(t.Context()))
	require.Equal(t, map[string]breaker.Limit{"payments": {Concurrency: 10, Rate: 5}}, g.limits)
}

// A process learns what is held before it does anything, and what changes soon; the
// rate of a release is shared out to those that live.
func TestEveryProcessLearnsOfAHold(t *testing.T) {
	t.Parallel()
	pool := database(t)
	s := hold.NewStore(pool, schema)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.Hold(ctx, hold.Change{Target: order})
	require.NoError(t, err)
	var gates [2]gate
	var ended sync.WaitGroup
	for i := range gates {
		_, err := pool.Exec(ctx, "INSERT INTO unwind.nodes (node, until) VALUES ($1, clock_timestamp() + interval '1 hour')", fmt.Sprint("n", i))
		require.NoError(t, err)
		w := hold.Watcher{Store: s, Gate: &gates[i], Every: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
		require.NoError(t, w.Look(ctx))
		require.True(t, gates[i].is("definition shop/order 0")())
		ended.Go(func() { _ = w.Run(ctx) })
	}
	both := func(want ...string) {
		t.Helper()
		for i := range gates {
			require.Eventually(t, gates[i].is(want...), 20*time.Second, 5*time.Millisecond)
		}
	}
	_, err = s.Hold(ctx, hold.Change{Target: payments})
	require.NoError(t, err)
	both("definition shop/order 0", "participant /payments 0")
	_, err = s.Release(ctx, hold.Change{Target: payments, Rate: 20})
	require.NoError(t, err)
	both("definition shop/order 0", "participant /payments 10")
	_, err = s.Release(ctx, hold.Change{Target: order})
	require.NoError(t, err)
	both("participant /payments 10")
	cancel()
	ended.Wait()
}
