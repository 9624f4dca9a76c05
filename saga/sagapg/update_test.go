package sagapg_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// updates is how many updates a filling takes before it ends.
const updates = 24

// filling is a saga that others fill: each number is taken once.
func filling(c *code.Context, in []int) ([]int, error) {
	code.Update(c, "put", func(n int) error {
		if n < 0 {
			return errors.New("it is negative")
		}
		return nil
	}, func(n int) (int, error) { in = append(in, n); return len(in), nil })
	code.Update(c, "break", nil, func(any) (int, error) { in = nil; panic("oh no") })
	for len(in) < updates {
		before := len(in)
		c.Until(func() bool { return len(in) > before })
		if _, err := code.Do[any](c, patient().Steps[0], in); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// filler asks for updates of one saga, of one or several coordinators.
type filler struct {
	t      *testing.T
	id     saga.ID
	reader *sagapg.Reader
}

func (f *filler) ask(c *coordinator.Coordinator, name, id, input string) (coordinator.UpdateResult, error) {
	return c.Update(f.t.Context(), coordinator.Verb{
		Kind: saga.Updated, Saga: f.id, Update: name, RequestID: id, Payload: saga.JSON([]byte(input)), Actor: saga.Actor{Kind: saga.Operator, Name: "ann"},
	}, func(ctx context.Context, seq int64) (saga.Event, error) {
		page, err := f.reader.History(ctx, f.id, seq-1, 1)
		if err != nil || len(page) == 0 {
			return saga.Event{}, errors.Join(err, coordinator.ErrNotFound)
		}
		return page[0], nil
	})
}

// put asks until the update is answered.
func (f *filler) put(c *coordinator.Coordinator, n int) coordinator.UpdateResult {
	for {
		got, err := f.ask(c, "put", fmt.Sprint("put ", n), fmt.Sprint(n))
		if err == nil {
			return got
		}
		require.ErrorIs(f.t, err, coordinator.ErrNotReady)
	}
}

// TestUpdatesAreTakenOnce: each update is asked for at once at the node that has its
// saga's bucket and at one that has not, while commits fail, or their outcome is not
// known, and the bucket changes hands. Each is taken once, and all who ask get the same
// answer.
func TestUpdatesAreTakenOnce(t *testing.T) {
	t.Parallel()
	w, shelf := written(t, filling, nil)
	other, err := coordinator.New(coordinator.Config{Store: w.store, Definitions: shelf, Relay: w.bus, Keys: keys, Incarnation: 1})
	require.NoError(t, err)
	var calls atomic.Int32
	w.store.set(func(*coordinator.Writes) (before, after error) {
		switch calls.Add(1) % 5 {
		case 1:
			return errors.New("the database is away"), nil
		case 3:
			return nil, coordinator.ErrUnknownOutcome
		}
		return nil, nil
	})
	f := &filler{t: t, id: w.start(t, "travel", `[]`), reader: sagapg.NewReader(w.pool, "unwind")}
	var wg sync.WaitGroup
	var got [updates][3]coordinator.UpdateResult
	for n := range updates {
		for i, c := range []*coordinator.Coordinator{w.c, other, w.c} {
			wg.Go(func() { got[n][i] = f.put(c, n) })
		}
		if n%8 == 7 {
			w.c.Lose(all())
			w.c.Gain(t.Context(), all())
		}
	}
	wg.Wait()
	w.store.set(nil)
	require.Eventually(t, func() bool {
		w.sweep(t) // what was committed without our knowing it
		return w.state(t, f.id).Status == saga.Completed
	}, patience, 5*time.Millisecond)
	history := w.again(t, shelf.get(), f.id)
	taken := map[string]int{}
	for _, e := range history {
		if e.Kind == saga.Updated {
			taken[string(e.Payload.Data)]++
		}
	}
	require.Len(t, taken, updates)
	for n, answers := range got {
		require.Equal(t, 1, taken[fmt.Sprint(n)])
		for _, a := range answers {
			require.Equal(t, answers[0].Answer, a.Answer)
			require.Equal(t, answers[0].Seq, a.Seq)
			require.Equal(t, fmt.Sprint("put ", n), a.ID)
		}
	}
}

// What is wrong with an update is said, and the saga is none the worse for it.
func TestUpdatesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	w, shelf := written(t, filling, func(cfg *coordinator.Config) { cfg.CodeTimeout = 500 * time.Millisecond })
	other, err := coordinator.New(coordinator.Config{Store: w.store, Definitions: library{}, Relay: w.bus, Keys: keys, Incarnation: 1})
	require.NoError(t, err)
	f := &filler{t: t, id: w.start(t, "travel", `[]`), reader: sagapg.NewReader(w.pool, "unwind")}
	_, err = f.ask(w.c, "put", "", `-1`)
	var refused *saga.UpdateRefused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "it is negative", refused.Reason)
	_, err = f.ask(w.c, "pot", "", `1`)
	require.ErrorIs(t, err, saga.ErrNoUpdate)
	require.ErrorContains(t, err, "it has break, put")
	_, err = f.ask(w.c, "break", "", `1`)
	var fault *saga.UpdateError
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "update break: updated: panic in the code: oh no")
	_, err = f.ask(other, "put", "", `1`)
	require.ErrorIs(t, err, coordinator.ErrVersion)
	require.EqualValues(t, 1, w.stateOf(t, f.id).Seq)
	require.Empty(t, w.stateOf(t, f.id).Attention)
	first, err := f.ask(w.c, "put", "", `1`)
	require.NoError(t, err)
	require.Len(t, first.ID, len(f.id.String()), "it was given an id")
	again, err := f.ask(w.c, "put", first.ID, `1`)
	require.NoError(t, err)
	require.Equal(t, first.Seq, again.Seq)
	_, err = f.ask(w.c, "put", first.ID, `2`)
	require.ErrorIs(t, err, coordinator.ErrIDUsed)
	require.ErrorContains(t, err, "put, event 2")
	for n := range updates - 1 {
		f.put(w.c, n)
	}
	w.ends(t, f.id, saga.Completed)
	_, err = f.ask(w.c, "put", "", `1`)
	require.ErrorIs(t, err, saga.ErrEnded)
	w.again(t, shelf.get(), f.id)
}

// A handler that never ends costs the update and no more.
func TestAnUpdateThatOverruns(t *testing.T) {
	t.Parallel()
	var endless atomic.Bool
	endless.Store(true)
	t.Cleanup(func() { endless.Store(false) })
	w, _ := written(t, func(c *code.Context, in int) (int, error) {
		code.Update(c, "spin", nil, func(any) (int, error) { return 0, spin(&endless) })
		code.Update(c, "end", nil, func(n int) (int, error) { in = n; return n, nil })
		c.Until(func() bool { return in > 0 })
		return in, nil
	}, func(cfg *coordinator.Config) { cfg.CodeTimeout = 300 * time.Millisecond })
	f := &filler{t: t, id: w.start(t, "travel", `0`), reader: sagapg.NewReader(w.pool, "unwind")}
	_, err := f.ask(w.c, "spin", "", `1`)
	var fault *saga.UpdateError
	require.ErrorAs(t, err, &fault)
	require.ErrorContains(t, err, "it must be quick")
	_, err = f.ask(w.c, "end", "", `7`)
	require.NoError(t, err)
	w.ends(t, f.id, saga.Completed)
	require.Empty(t, w.state(t, f.id).Attention)
}
