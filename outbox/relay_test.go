package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/outbox"
)

var errAway = errors.New("broker away")

func TestOrderUnderPublishErrors(t *testing.T) {
	t.Parallel()
	pool := database(t)
	b := &broker{fail: func(outbox.Row) (bool, error) {
		if rand.IntN(3) > 0 {
			return true, nil
		}
		return rand.IntN(2) == 0, errAway
	}}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.SweepEvery = 5 * time.Millisecond })
	for n := range 150 {
		rows := write(t, pool, message(fmt.Sprint("k", n%5), n), message(fmt.Sprint("k", n%5), n))
		if n%4 > 0 {
			r.Hand(rows)
		} else {
			r.Doubt(rows[0].Bucket)
		}
	}
	requireEmpty(t, pool)
	requireOrder(t, b.rows())
	seen := map[int64]bool{}
	for _, row := range b.rows() {
		seen[row.ID] = true
	}
	require.Len(t, seen, 300)
}

func TestAFailureStopsItsKeyOnly(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var mu sync.Mutex
	away := true
	b := &broker{fail: func(row outbox.Row) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if away && row.Key == "bad" {
			return false, errAway
		}
		return true, nil
	}}
	r := run(t, pool, b, nil)
	r.Hand(write(t, pool, message("bad", 1)))
	require.Eventually(t, func() bool { _, ok := r.Healthy(); return !ok }, wait, tick)
	for n := range 20 {
		r.Hand(write(t, pool, message("bad", 2+n), message("good", n)))
	}
	require.Eventually(t, func() bool { return len(b.payloads("good")) == 20 }, wait, tick)
	require.True(t, r.Unsent("bad"))
	require.Eventually(t, func() bool { return !r.Unsent("good") }, wait, tick)
	require.Empty(t, b.payloads("bad"))
	mu.Lock()
	away = false
	mu.Unlock()
	requireEmpty(t, pool)
	require.Len(t, b.payloads("bad"), 21)
	requireOrder(t, b.rows())
	_, ok := r.Healthy()
	require.True(t, ok)
	require.False(t, r.Unsent("bad"))
}

func TestTheEndOfAnOutageEndsEveryBackOff(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var mu sync.Mutex
	away := true
	b := &broker{fail: func(outbox.Row) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return false, errAway
		}
		return true, nil
	}}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.RetryMin, c.RetryMax = time.Hour, time.Hour })
	for n := range 10 {
		r.Hand(write(t, pool, message(fmt.Sprint("early", n), n)))
	}
	require.Eventually(t, func() bool {
		since, ok := r.Healthy()
		return !ok && time.Since(since) > 1100*time.Millisecond
	}, wait, tick)
	mu.Lock()
	away = false
	mu.Unlock()
	r.Hand(write(t, pool, message("late", 10)))
	require.Eventually(t, func() bool { return len(b.rows()) == 11 }, wait, tick)
	requireEmpty(t, pool)
}

func TestUndeliverableRowIsGivenAwayAndItsKeyGoesOn(t *testing.T) {
	t.Parallel()
	pool := database(t)
	b := &broker{fail: func(row outbox.Row) (bool, error) {
		if string(row.Payload) == "2" {
			return false, fmt.Errorf("topic gone: %w", outbox.ErrPermanent)
		}
		return true, nil
	}}
	var mu sync.Mutex
	var given []outbox.Row
	tries := 0
	r := run(t, pool, b, func(c *outbox.RelayConfig) {
		c.OnUndeliverable = func(_ context.Context, row outbox.Row, cause error) error {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries == 1 {
				return errors.New("no dead letter yet")
			}
			if errors.Is(cause, outbox.ErrPermanent) {
				given = append(given, row)
			}
			return nil
		}
	})
	r.Hand(write(t, pool, message("k", 1), message("k", 2), message("k", 3)))
	requireEmpty(t, pool)
	require.Equal(t, []string{"1", "3"}, b.payloads("k"))
	require.Len(t, given, 1)
	require.Equal(t, 2, tries)
}

func TestUnsentErrsOnTheSideOfTrue(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	b := &broker{fail: func(outbox.Row) (bool, error) { <-hold; return true, nil }}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.SweepEvery = 10 * time.Millisecond })
	require.False(t, r.Unsent("k"))
	rows := write(t, pool, message("k", 1))
	r.Hand(rows)
	require.True(t, r.Unsent("k"))
	close(hold)
	require.Eventually(t, func() bool { return !r.Unsent("k") }, wait, tick)

	r.Doubt(rows[0].Bucket)
	require.Eventually(t, func() bool { return !r.Unsent("k") }, wait, tick, "a sweep removes the doubt")
	r.Lose(rows[0].Bucket)
	require.True(t, r.Unsent("k"))
	write(t, pool, message("k", 2))
	require.NoError(t, r.Gain(t.Context(), rows[0].Bucket))
	require.Eventually(t, func() bool { return !r.Unsent("k") }, wait, tick)
	require.Equal(t, []string{"1", "2"}, b.payloads("k"))
}

// The ways of a key go side by side, each in order, and Unsent knows of all of them.
func TestTheWaysOfAKeyGoSideBySide(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var open atomic.Bool
	b := &broker{fail: func(row outbox.Row) (bool, error) {
		if string(row.Payload) == "1" && !open.Load() {
			return false, errors.New("not yet")
		}
		return true, nil
	}}
	lane := func(row *outbox.Row) string {
		if string(row.Payload) == "1" || string(row.Payload) == "3" {
			return "odd"
		}
		return ""
	}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.Lane, c.RetryMax = lane, 50*time.Millisecond })
	r.Hand(write(t, pool, message("k", 1), message("k", 2), message("k", 3), message("k", 4)))
	require.Eventually(t, func() bool { return len(b.payloads("k")) == 2 }, wait, tick)
	require.Equal(t, []string{"2", "4"}, b.payloads("k"))
	require.True(t, r.Unsent("k"))
	open.Store(true)
	require.Eventually(t, func() bool { return !r.Unsent("k") }, wait, tick)
	require.Equal(t, []string{"2", "4", "1", "3"}, b.payloads("k"))
}

// What does not fit goes by the sweep, and nothing overtakes it.
func TestOverflowKeepsOrder(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold := make(chan struct{})
	b := &broker{fail: func(outbox.Row) (bool, error) { <-hold; return true, nil }}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.MaxHanded, c.SweepRows, c.MaxInFlight = 10, 7, 4 })
	for n := range 100 {
		r.Hand(write(t, pool, message(fmt.Sprint("k", n%3), n)))
	}
	require.LessOrEqual(t, r.Stats().Unsent, 10)
	close(hold)
	for n := range 50 {
		r.Hand(write(t, pool, message(fmt.Sprint("k", n%3), 100+n)))
	}
	requireEmpty(t, pool)
	require.Len(t, b.rows(), 150)
	requireOrder(t, b.rows())
	require.Positive(t, r.Stats().Swept)
}

func TestLoseWaitsForTheRowsInFlightAndDeletesThem(t *testing.T) {
	t.Parallel()
	pool := database(t)
	hold, entered := make(chan struct{}), make(chan struct{}, 1)
	b := &broker{fail: func(outbox.Row) (bool, error) { entered <- struct{}{}; <-hold; return true, nil }}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.DeleteAfter = time.Hour })
	rows := write(t, pool, message("k", 1), message("k", 2))
	r.Hand(rows)
	<-entered
	lost := make(chan struct{})
	go func() { r.Lose(all()...); close(lost) }()
	require.Eventually(t, func() bool { return r.Unsent("another") }, wait, tick) // the bucket has gone
	select {
	case <-lost:
		t.Fatal("Lose returned with a row in flight")
	default:
	}
	close(hold)
	<-lost
	require.Equal(t, 1, left(t, pool), "the sent row is deleted, the other one is the next owner's")
	require.Len(t, b.rows(), 1)
	require.Zero(t, r.Stats().Unsent)
}

// A few rows wait for more, or until the relay would soon delete them itself.
func TestFewSentRowsAreNotWorthADelete(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.DeleteAfter = time.Minute })
	r.Hand(write(t, pool, message("a", 1), message("b", 2)))
	require.Eventually(t, func() bool { return r.Stats().Sent == 2 }, wait, tick)
	require.Empty(t, r.TakeSent(nil, 3, 10))
	require.Len(t, r.TakeSent(nil, 2, 10), 2)

	pool, b = database(t), &broker{}
	r = run(t, pool, b, func(c *outbox.RelayConfig) { c.DeleteAfter = 2 * time.Second })
	r.Hand(write(t, pool, message("c", 3)))
	require.Eventually(t, func() bool { return len(r.TakeSent(nil, 3, 10)) == 1 }, wait, tick)
}

func TestSentRowsAreDeletedByWhoeverTakesThem(t *testing.T) {
	t.Parallel()
	pool, b := database(t), &broker{}
	r := run(t, pool, b, func(c *outbox.RelayConfig) {
		c.DeleteAfter, c.SweepEvery = 400*time.Millisecond, 5*time.Millisecond
	})
	rows := write(t, pool, message("a", 1), message("b", 2))
	r.Hand(rows)
	require.Eventually(t, func() bool { return r.Stats().Sent == 2 }, wait, tick)
	ids := r.TakeSent(nil, 1, 1)
	require.Len(t, ids, 1)
	other := r.TakeSent(func(b int) bool { return true }, 1, 10)
	require.Len(t, other, 1)
	require.Empty(t, r.TakeSent(nil, 1, 10), "none is given out twice")

	var batch pgx.Batch
	outbox.DefaultSchema.QueueDelete(&batch, ids)
	require.NoError(t, pool.SendBatch(t.Context(), &batch).Close())
	r.Deleted(ids)
	r.ReturnSent(other)
	requireEmpty(t, pool)
	require.Eventually(t, func() bool { return r.Stats().Sent == 0 }, wait, tick)
	require.Len(t, b.rows(), 2, "the sweeps left taken rows alone")
}

// A publisher that keeps its promise may carry several rows of a key.
func TestKeyRowsResendsFromTheFirstFailure(t *testing.T) {
	t.Parallel()
	pool := database(t)
	var mu sync.Mutex
	stopped, failures := map[string]bool{}, 3
	b := publish(func(rows []outbox.Row, out *broker, done func(int, error)) {
		mu.Lock()
		defer mu.Unlock()
		clear(stopped)
		for i, row := range rows {
			if stopped[row.Key] || failures > 0 && i == 2 {
				failures--
				stopped[row.Key] = true
				done(i, errAway)
				continue
			}
			done(i, out.take(row))
		}
	})
	r := run(t, pool, b, func(c *outbox.RelayConfig) { c.KeyRows = 10 })
	var messages []outbox.Message
	for n := range 40 {
		messages = append(messages, message("k", n))
	}
	r.Hand(write(t, pool, messages...))
	requireEmpty(t, pool)
	require.Len(t, b.rows(), 40)
	requireOrder(t, b.rows())
}

// publisher is a broker with a Publish of the test's own.
type publisher struct {
	*broker
	f func(rows []outbox.Row, out *broker, done func(int, error))
}

func publish(f func([]outbox.Row, *broker, func(int, error))) publisher {
	return publisher{broker: &broker{}, f: f}
}

func (p publisher) Publish(_ context.Context, rows []outbox.Row, done func(int, error)) {
	go p.f(rows, p.broker, done)
}
