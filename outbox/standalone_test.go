package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/outbox"
)

// standalone starts a relay with leases; stop ends it in order and waits.
func standalone(t *testing.T, pool *pgxpool.Pool, b outbox.Publisher, name string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := outbox.Standalone{
		Relay: outbox.RelayConfig{Pool: pool, Publisher: b, SweepEvery: 20 * time.Millisecond, DeleteAfter: 20 * time.Millisecond, LoseWait: time.Second},
		Node:  name,
	}
	go func() { done <- s.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

func writeUntil(t *testing.T, pool *pgxpool.Pool, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		write(t, pool, message(fmt.Sprint("k", n%23), n))
	}
}

func owners(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(DISTINCT owner) FROM unwind.buckets").Scan(&n))
	return n
}

func TestRelaysShareAndHandOver(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	standalone(t, pool, b, "one")
	writeUntil(t, pool, 0, 100)
	stop := standalone(t, pool, b, "two")
	require.Eventually(t, func() bool { return owners(t, pool) == 2 }, wait, tick)
	writeUntil(t, pool, 100, 200)
	stop()
	writeUntil(t, pool, 200, 300)
	requireEmpty(t, pool)
	require.Len(t, b.rows(), 300, "an orderly hand-over publishes nothing twice")
	requireOrder(t, b.rows())
}

// One relay dies without releasing anything, with its rows half sent.
func TestKilledRelayIsTakenOver(t *testing.T) {
	t.Parallel()
	pool := database(t)
	cfg := pool.Config().Copy()
	dying, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	b := &broker{}
	standalone(t, dying, b, "dying")
	require.Eventually(t, func() bool { return owners(t, pool) == 1 }, wait, tick)
	writeUntil(t, pool, 0, 100)
	dying.Close()
	writeUntil(t, pool, 100, 200)
	standalone(t, pool, b, "heir")
	writeUntil(t, pool, 200, 300)
	requireEmpty(t, pool)
	requireOrder(t, b.rows())
	seen := map[int64]bool{}
	for _, row := range b.rows() {
		seen[row.ID] = true
	}
	require.Len(t, seen, 300)
}
