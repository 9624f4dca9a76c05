package sagapg_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// tally is a coordinator.Meter that notes what it is told.
type tally struct {
	mu       sync.Mutex
	batches  coordinator.BatchReport // summed up
	count    int
	retries  int
	late     []time.Duration
	dead     []string
	statuses []string // of each change: before>after
	kinds    []saga.EventKind
}

func (m *tally) Batch(b *coordinator.BatchReport) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	m.batches.Items += b.Items
	m.batches.Messages += b.Messages
	m.batches.Replies += b.Replies
	m.batches.Repeated += b.Repeated
	m.batches.Forgotten += b.Forgotten
	m.batches.Took += b.Took
}

func (m *tally) Change(c *coordinator.Change) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statuses = append(m.statuses, c.Before.Status.String()+">"+c.After.Status.String())
	for _, row := range c.Events {
		m.kinds = append(m.kinds, row.Event.Kind)
	}
}

func (m *tally) Retry() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retries++
}

func (m *tally) Woken(late time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.late = append(m.late, late)
}

func (m *tally) DeadLetter(class string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = append(m.dead, class)
}

// view reads the tally under its lock.
func (m *tally) view(read func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	read()
}

func TestTheMeterIsToldWhatWasCommitted(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		return []saga.Reply{replyTo(cmd, saga.Succeeded), replyTo(cmd, saga.Succeeded)} // the second one changes nothing
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	require.Eventually(t, func() (all bool) {
		w.meter.view(func() { all = w.meter.batches.Replies == 6 })
		return all
	}, patience, 5*time.Millisecond)
	w.meter.view(func() {
		require.Equal(t, 3, w.meter.batches.Repeated)
		require.Equal(t, 7, w.meter.batches.Items)
		require.Equal(t, 3, w.meter.batches.Messages)
		require.Positive(t, w.meter.batches.Took)
		require.Equal(t, "none>running", w.meter.statuses[0])
		require.Equal(t, "running>completed", w.meter.statuses[len(w.meter.statuses)-1])
		require.Equal(t, []saga.EventKind{saga.Started, saga.Replied, saga.Replied, saga.Replied}, w.meter.kinds)
		require.Empty(t, w.meter.dead)
	})
}

func TestTheMeterIsToldOfTrouble(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	var failed atomic.Bool // once
	w.store.set(func(*coordinator.Writes) (before, after error) {
		if !failed.Swap(true) {
			return errors.New("the database hiccups"), nil
		}
		return nil, nil
	})
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Attempt == 1 {
			return nil // its time runs out
		}
		return succeed(cmd)
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	w.bus.mu.Lock()
	w.bus.put(nil, []byte("nothing that anybody reads"), 7)
	w.bus.mu.Unlock()
	require.Eventually(t, func() (all bool) {
		w.meter.view(func() { all = slices.Contains(w.meter.dead, "undecodable") })
		return all
	}, patience, 5*time.Millisecond)
	w.meter.view(func() {
		require.Equal(t, 1, w.meter.retries)
		require.Contains(t, w.meter.kinds, saga.Woke)
		require.NotEmpty(t, w.meter.late)
		for _, late := range w.meter.late {
			require.GreaterOrEqual(t, late, time.Duration(0))
		}
	})
}

func TestStats(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	w.start(t, "travel", `{}`)
	require.Eventually(t, func() bool { return len(w.c.Stats().Lag) == 64 }, patience, 5*time.Millisecond)
	stats := w.c.Stats()
	require.Equal(t, 64, stats.Buckets)
	require.Equal(t, 1, stats.Wakes)
	require.Len(t, stats.Queued, 4)
	require.Equal(t, 2048, stats.QueueMax)
	require.True(t, stats.Reached)
	for _, lag := range stats.Lag {
		require.Zero(t, lag)
	}
}
