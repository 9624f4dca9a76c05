package sagapg_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// A cancel reaches the function at the node that takes it, whether it has the saga's
// bucket or not, and also behind a takeover; then its steps are undone.
func TestACancelReachesTheCode(t *testing.T) {
	t.Parallel()
	f := &counted{before: func(c *code.Context) error {
		ctx, cancel := context.WithCancel(c)
		defer cancel()
		_, err := code.Await[any](c, "go", 0)
		select {
		case <-ctx.Done():
			if errors.Is(err, code.ErrCanceled) && errors.Is(err, context.Canceled) {
				c.SetAttribute("stopped", "before the charge")
			}
		default:
		}
		return err
	}}
	w, shelf := written(t, f.book, nil)
	other, err := coordinator.New(coordinator.Config{Store: w.store, Definitions: shelf, Relay: w.bus, Keys: keys, Incarnation: 1})
	require.NoError(t, err)
	for name, by := range map[string]func() *coordinator.Coordinator{
		"owner":    func() *coordinator.Coordinator { return w.c },
		"takeover": func() *coordinator.Coordinator { w.c.Lose(all()); w.c.Gain(t.Context(), all()); return w.c },
		"other":    func() *coordinator.Coordinator { return other },
	} {
		id := w.start(t, "travel", `{}`)
		w.waitsForSignal(t, id)
		_, err = by().Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, RequestID: "c", Reason: "no more"})
		require.NoError(t, err, name)
		w.ends(t, id, saga.Compensated)
		require.Equal(t, []string{"flight/do@1", "hotel/do@1", "hotel/undo@1", "flight/undo@1"}, steps(w.bus.commands(id)), name)
		require.Equal(t, "stopped", w.stateOf(t, id).Extras().Attributes[0].Name, name)
		w.again(t, shelf.get(), id)
	}
}

// A function that does not come to an end holds up nobody who turns its saga back.
func TestACancelOfCodeThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	var endless atomic.Bool
	endless.Store(true)
	t.Cleanup(func() { endless.Store(false) })
	f := &counted{before: func(c *code.Context) error {
		defer func() {
			if c.Err() != nil {
				_ = spin(&endless)
			}
		}()
		c.Sleep(time.Hour)
		return nil
	}}
	const overruns = 300 * time.Millisecond
	w, shelf := written(t, f.book, func(cfg *coordinator.Config) { cfg.CodeTimeout = overruns })
	// The other node's Postgres ends a transaction that idles for a shorter time.
	impatient := w.pool.Config()
	impatient.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "100ms"
	pool, err := pgxpool.NewWithConfig(t.Context(), impatient)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool})
	require.NoError(t, err)
	other, err := coordinator.New(coordinator.Config{Store: store, Definitions: shelf, Relay: w.bus, Keys: keys, Incarnation: 1, CodeTimeout: overruns})
	require.NoError(t, err)
	for name, by := range map[string]*coordinator.Coordinator{"owner": w.c, "other": other} {
		id := w.start(t, "travel", `{}`)
		require.Eventually(t, func() bool { return len(w.stateOf(t, id).Steps) == 3 }, patience, time.Millisecond)
		_, err := by.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, RequestID: "c"})
		require.NoError(t, err, name)
		w.ends(t, id, saga.Compensated)
		require.Equal(t, []string{"flight/do@1", "hotel/do@1", "hotel/undo@1", "flight/undo@1"}, steps(w.bus.commands(id)), name)
		require.Empty(t, w.stateOf(t, id).Attention, name)
		w.again(t, shelf.get(), id)
	}
}
