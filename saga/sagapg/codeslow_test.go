package sagapg_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// TestManyFunctionsAreRunAgain after a takeover, which takes longer than Postgres lets a
// transaction be idle, and together longer than a batch may take.
func TestManyFunctionsAreRunAgain(t *testing.T) {
	t.Parallel()
	const sagas, takes = 20, 100 * time.Millisecond
	w, _ := written(t, func(c *code.Context, _ any) (any, error) {
		for until := time.Now().Add(takes); time.Now().Before(until); { //nolint:revive // as does a long history
		}
		return code.Await[any](c, "go", 0)
	}, func(cfg *coordinator.Config) { cfg.Writers, cfg.BatchTimeout = 1, time.Second })
	const limit = `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = 800', current_database()); END $$`
	_, err := w.pool.Exec(t.Context(), limit)
	require.NoError(t, err)
	w.pool.Reset()
	ids := make([]saga.ID, sagas)
	for i := range ids {
		ids[i] = w.start(t, "travel", `{}`)
	}
	w.c.Lose(all())
	w.c.Gain(t.Context(), all())
	heard := make(chan error, sagas)
	for _, id := range ids {
		go func() {
			_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: id, Signal: "go", RequestID: "q"})
			heard <- err
		}()
	}
	for range ids {
		require.NoError(t, <-heard)
	}
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
	}
}
