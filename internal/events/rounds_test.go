package events

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	patience = 10 * time.Second
	tick     = time.Millisecond
)

// TestRounds: everybody gets an answer that was read after the question, and many
// share one.
func TestRounds(t *testing.T) {
	t.Parallel()
	var g rounds[int64]
	var now, reads atomic.Int64
	read := func(context.Context) (int64, error) {
		reads.Add(1)
		return now.Load(), nil
	}
	var all errgroup.Group
	const askers, times = 16, 500
	for range askers {
		all.Go(func() error {
			for range times {
				asked := now.Add(1)
				got, err := g.get(t.Context(), read)
				if err != nil || got < asked {
					return errors.Join(err, errors.New("an answer from before the question"))
				}
			}
			return nil
		})
	}
	require.NoError(t, all.Wait())
	require.LessOrEqual(t, reads.Load(), int64(askers*times))
}

// TestRoundsShare: those who ask while a reading is under way share the next one, and
// one of them may leave.
func TestRoundsShare(t *testing.T) {
	t.Parallel()
	var g rounds[int]
	var reads atomic.Int64
	begun, hold := make(chan struct{}), make(chan struct{})
	slow := func(context.Context) (int, error) {
		if reads.Add(1) == 1 {
			close(begun)
			<-hold
		}
		return 7, nil
	}
	var all errgroup.Group
	ask := func() error {
		got, err := g.get(t.Context(), slow)
		if got != 7 {
			return errors.New("no answer")
		}
		return err
	}
	all.Go(ask)
	<-begun
	for range 20 {
		all.Go(ask)
	}
	require.Eventually(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.next != nil }, patience, tick)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := g.get(gone, slow)
	require.ErrorIs(t, err, context.Canceled)
	close(hold)
	require.NoError(t, all.Wait())
	require.LessOrEqual(t, reads.Load(), int64(21))
}
