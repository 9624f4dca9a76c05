package sagapg_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// subscribe is a chain of three runs, which is paid before each of them ends.
func subscribe(c *code.Context, in map[string]int) (int, error) {
	if _, err := code.Do[any](c, patient().Steps[2], in); err != nil {
		return 0, err
	}
	if n := in["n"]; n < 3 {
		return 0, code.ContinueAsNew(c, map[string]int{"n": n + 1})
	}
	bonus, err := code.Await[int](c, "bonus", 0)
	return in["n"] + bonus, err
}

// chain lists the runs of a chain, the first one first.
func (w *world) chain(t *testing.T, first saga.ID) []saga.State {
	t.Helper()
	f := sagapg.Filter{Namespace: "default", Attributes: []saga.Match{{Name: saga.ChainName, Value: first.String()}}}
	page, _, err := sagapg.NewReader(w.pool, "unwind").List(t.Context(), f)
	require.NoError(t, err)
	states := make([]saga.State, len(page))
	for _, view := range page {
		states[view.State.Extras().Chain.Run-1] = view.State
	}
	return states
}

// Each run of a chain begins in the transaction that ends the one before, also if
// commits fail, or their outcome is not known; key and signals go with it.
func TestChain(t *testing.T) {
	t.Parallel()
	w, shelf := written(t, subscribe, nil)
	calls := 0
	w.store.set(func(*coordinator.Writes) (before, after error) {
		switch calls++; calls % 5 {
		case 1:
			return errors.New("the database is away"), nil
		case 3:
			return nil, coordinator.ErrUnknownOutcome
		}
		return nil, nil
	})
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	res, err := w.c.Start(t.Context(), coordinator.StartRequest{
		Namespace: "default", Definition: "travel", Version: "r1", BusinessKey: "anna", Input: saga.JSON([]byte(`{"n":1}`)),
	})
	require.NoError(t, err)
	_, err = w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: res.ID, Signal: "bonus", RequestID: "q", Payload: saga.JSON([]byte(`40`))})
	require.NoError(t, err)
	w.bus.answers(succeed)
	w.bus.say(w.bus.commands(res.ID)[0], saga.Succeeded, `{}`)
	require.Eventually(t, func() bool {
		runs := w.chain(t, res.ID)
		return len(runs) == 3 && runs[2].Status == saga.Completed
	}, patience, 5*time.Millisecond)
	runs := w.chain(t, res.ID)
	require.JSONEq(t, `43`, string(runs[2].Extras().Output))
	for i, run := range runs {
		require.Equal(t, saga.Completed, run.Status)
		require.Equal(t, "anna", run.Extras().Key)
		require.Equal(t, []string{"charge/do@1"}, steps(w.bus.commands(run.ID)), "run %d", i+1)
		if i > 0 {
			require.Equal(t, runs[i-1].ID, run.Extras().Chain.Before)
			require.Equal(t, run.ID, runs[i-1].Extras().Chain.Next)
		}
		w.again(t, shelf.get(), run.ID)
	}
	var keys int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.business_keys`).Scan(&keys))
	require.Zero(t, keys, "the last run gives the key back")
}

// While a chain runs its key is taken, whichever run it is.
func TestAChainKeepsItsKey(t *testing.T) {
	t.Parallel()
	w, _ := written(t, subscribe, nil)
	start := coordinator.StartRequest{Namespace: "default", Definition: "travel", Version: "r1", BusinessKey: "anna", Input: saga.JSON([]byte(`{"n":2}`))}
	res, err := w.c.Start(t.Context(), start)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(w.chain(t, res.ID)) == 2 }, patience, 5*time.Millisecond)
	last := w.chain(t, res.ID)[1]
	w.waitsForSignal(t, last.ID)
	_, err = w.c.Start(t.Context(), start)
	require.ErrorIs(t, err, coordinator.ErrKeyTaken)
	require.ErrorContains(t, err, last.ID.String())
}

// A next run that cannot begin is attention on the one before, which can be tried
// again.
func TestANextRunThatCannotBegin(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"forever": "before it has waited for anything",
		"panics":  "panic in the code: oh no",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := func(c *code.Context, in map[string]int) (int, error) {
				if in["n"] == 0 {
					return code.Await[int](c, "go", 0)
				}
				if in["n"] == 1 {
					if _, err := code.Await[any](c, "go", 0); err != nil {
						return 0, err
					}
				} else if name == "panics" {
					panic("oh no")
				}
				return 0, code.ContinueAsNew(c, map[string]int{"n": in["n"] + 1})
			}
			w, _ := written(t, bad, nil)
			id := w.start(t, "travel", `{"n":1}`)
			w.waitsForSignal(t, id)
			_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: id, Signal: "go", RequestID: "q"})
			require.ErrorContains(t, err, "the next run cannot begin")
			require.ErrorContains(t, err, want)
			require.Equal(t, saga.Running, w.state(t, id).Status)
			require.Equal(t, saga.TransitionFailed, w.state(t, id).Attention[0].Reason)
		})
	}
}
