package sagapg_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// counted is a function whose beginnings and side effects are counted.
type counted struct {
	begun, drawn atomic.Int32
	before       func(c *code.Context) error // before the pivot; nil: nothing
	behind       func(c *code.Context) error // behind it
}

func (f *counted) book(c *code.Context, in map[string]string) (string, error) {
	f.begun.Add(1)
	p := patient().Steps
	for _, step := range p[:2] {
		if _, err := code.Do[any](c, step, in); err != nil {
			return "", err
		}
	}
	number := code.SideEffect(c, "number", func() int32 { return f.drawn.Add(1) })
	if f.before != nil {
		if err := f.before(c); err != nil {
			return "", err
		}
	}
	if _, err := code.Do[any](c, p[2], in); err != nil {
		return "", err
	}
	if f.behind != nil {
		if err := f.behind(c); err != nil {
			return "", err
		}
	}
	return fmt.Sprint("order ", number), nil
}

// written is tuned with a saga that is code, called travel.
func written[In, Out any](t *testing.T, fn func(*code.Context, In) (Out, error), tune func(cfg *coordinator.Config)) (*world, *changing) {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "travel", Version: "r1"}, fn)
	require.NoError(t, err)
	shelf := &changing{}
	shelf.put(made)
	w := tuned(t, func(cfg *coordinator.Config) {
		cfg.Definitions, cfg.Admission = shelf, library{"travel": nil}
		if tune != nil {
			tune(cfg)
		}
	})
	return w, shelf
}

// changing is a coordinator.Definitions of one saga whose code is changed while it
// runs.
type changing struct {
	mu   sync.Mutex
	code *saga.Code
}

func (c *changing) put(code *saga.Code) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.code = code
}

func (c *changing) get() *saga.Code {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

func (c *changing) Decider(_, _, _ string) (saga.Decider, bool) {
	code := c.get()
	return code, code != nil
}

func (c *changing) Load(context.Context, string, string, string) error {
	if c.get() == nil {
		return coordinator.ErrNoDefinition
	}
	return nil
}

// again checks that the stored history makes the stored state (I8).
func (w *world) again(t *testing.T, decider saga.Decider, id saga.ID) saga.History {
	t.Helper()
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Sagas: []saga.ID{id}})
	require.NoError(t, err)
	defer b.Abort(t.Context())
	histories, err := b.Histories(t.Context(), []saga.ID{id})
	require.NoError(t, err)
	row, _ := b.Saga(id)
	replayed, err := decider.Replay(id, histories[id])
	require.NoError(t, err)
	require.Equal(t, saga.AppendState(nil, &row.State), saga.AppendState(nil, &replayed))
	return histories[id]
}

// A saga that is code runs like any other; its function stays in memory.
func TestCodeForward(t *testing.T) {
	t.Parallel()
	f := &counted{}
	w, shelf := written(t, f.book, nil)
	id := w.start(t, "travel", `{"from":"BER"}`)
	w.ends(t, id, saga.Completed)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1"}, steps(w.bus.commands(id)))
	require.JSONEq(t, `"order 1"`, string(w.stateOf(t, id).Extras().Output))
	require.EqualValues(t, 1, f.begun.Load(), "the function was run again")
	history := w.again(t, shelf.get(), id)
	require.Equal(t, "do:flight flights/reserve undo release", history[0].Extras().Asked[0].What)
	require.JSONEq(t, `{"from":"BER"}`, string(history[0].Extras().Asked[0].Data))
}

// The input of a command is sent, stored and sent again in the bytes that the function has
// written, although JSON has others for it.
func TestCodeKeepsTheBytesOfAnInput(t *testing.T) {
	t.Parallel()
	const text = `{ "note": "<b> & more" }`
	w, shelf := written(t, func(c *code.Context, _ any) (any, error) {
		return code.Do[any](c, patient().Steps[0], json.RawMessage(text))
	}, nil)
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	history := w.again(t, shelf.get(), id)
	require.Equal(t, text, string(history[0].Extras().Asked[0].Data))
}

func TestCodeReverse(t *testing.T) {
	t.Parallel()
	f := &counted{before: func(*code.Context) error { return errors.New("no seats left") }}
	w, shelf := written(t, f.book, nil)
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Compensated)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "hotel/undo@1", "flight/undo@1"}, steps(w.bus.commands(id)))
	require.Equal(t, "no seats left", w.state(t, id).Cause)
	w.again(t, shelf.get(), id)
}

// A takeover runs the function again from the history, without its side effects.
func TestCodeOutlivesItsOwner(t *testing.T) {
	t.Parallel()
	f := &counted{before: func(c *code.Context) error {
		_, err := code.Await[any](c, "go", 0)
		return err
	}}
	w, shelf := written(t, f.book, func(cfg *coordinator.Config) { cfg.Coroutines = 1 })
	ids := []saga.ID{w.start(t, "travel", `{}`), w.start(t, "travel", `{}`)}
	for _, id := range ids {
		require.Eventually(t, func() bool { return slices.Contains(w.stateOf(t, id).WaitingFor(), "signal") }, patience, time.Millisecond)
	}
	w.c.Lose(all())
	w.c.Gain(t.Context(), all())
	for _, id := range ids {
		_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: id, Signal: "go", RequestID: "q"})
		require.NoError(t, err)
		w.ends(t, id, saga.Completed)
	}
	require.GreaterOrEqual(t, f.begun.Load(), int32(4), "the functions were not run again")
	require.EqualValues(t, 2, f.drawn.Load(), "a side effect was repeated")
	for _, id := range ids {
		w.again(t, shelf.get(), id)
	}
}

func (w *world) stateOf(t *testing.T, id saga.ID) *saga.State {
	t.Helper()
	s := w.state(t, id)
	return &s
}

// What was not committed did not happen: the function is run again.
func TestCodeOutlivesFailedCommits(t *testing.T) {
	t.Parallel()
	f := &counted{}
	w, shelf := written(t, f.book, nil)
	var commits atomic.Int32
	w.store.set(func(*coordinator.Writes) (before, after error) {
		if commits.Add(1)%3 > 0 {
			return errors.New("the database is away"), nil
		}
		return nil, nil
	})
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1"}, steps(w.bus.commands(id)))
	w.again(t, shelf.get(), id)
}

// A gate that holds a command back lets the code be decided again, not run again.
func TestCodeAtTheGate(t *testing.T) {
	t.Parallel()
	f := &counted{}
	w, shelf := written(t, f.book, func(cfg *coordinator.Config) { cfg.Gate = newGate(t) })
	troubled := ailing(w, "payments")
	var ids []saga.ID
	for range 8 {
		ids = append(ids, w.start(t, "travel", `{}`))
	}
	require.Eventually(t, func() bool {
		held := func(id saga.ID) bool { return slices.Contains(w.stateOf(t, id).WaitingFor(), "breaker") }
		return slices.ContainsFunc(ids, held)
	}, patience, 5*time.Millisecond)
	troubled.Store(false)
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		w.again(t, shelf.get(), id)
	}
	require.EqualValues(t, len(ids), f.drawn.Load())
}

// A function that panics, or never waits, harms its own saga alone. Once the code
// is corrected a retry lets the saga go on.
func TestCodeThatCannotGoOnHarmsItsSagaAlone(t *testing.T) {
	t.Parallel()
	var endless, corrected atomic.Bool
	endless.Store(true)
	t.Cleanup(func() { endless.Store(false) })
	for name, behind := range map[string]func(*code.Context) error{
		"panic":   func(*code.Context) error { panic("oh no") },
		"endless": func(*code.Context) error { return spin(&endless) },
		"error":   func(*code.Context) error { return errors.New("too late") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &counted{behind: func(c *code.Context) error {
				if corrected.Load() {
					return nil
				}
				return behind(c)
			}}
			w, shelf := written(t, f.book, func(cfg *coordinator.Config) { cfg.CodeTimeout = 500 * time.Millisecond })
			id := w.start(t, "travel", `{}`)
			require.Eventually(t, func() bool { return len(w.stateOf(t, id).Attention) > 0 }, patience, time.Millisecond)
			a := w.stateOf(t, id).Attention[0]
			require.Equal(t, saga.TransitionFailed, a.Reason)
			want := map[string]string{"panic": "panic in the code: oh no", "endless": "without waiting for anything", "error": "too late"}
			require.Contains(t, a.Text, want[name])

			good, err := code.Func(saga.Definition{Name: "travel", Version: "r1"}, (&counted{}).book)
			require.NoError(t, err)
			shelf.put(good)
			_, err = w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Retried, Saga: id, Reason: "corrected", RequestID: "q"})
			require.NoError(t, err)
			w.ends(t, id, saga.Completed)
			w.again(t, good, id)
		})
	}
}

func spin(while *atomic.Bool) error {
	for while.Load() { //nolint:revive // that is what is tested
	}
	return errors.New("ended")
}

// A node that lacks the function leaves its sagas alone.
func TestANodeWithoutTheCodeLeavesItAlone(t *testing.T) {
	t.Parallel()
	f := &counted{}
	w, shelf := written(t, f.book, nil)
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	made := shelf.get()
	shelf.put(nil)
	w.bus.say(w.bus.commands(id)[0], saga.Succeeded, `{}`)
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.saga_mail`).Scan(&n))
		return n == 1
	}, patience, time.Millisecond)
	require.Empty(t, w.stateOf(t, id).Attention)
	w.bus.answers(succeed)
	shelf.put(made)
	w.c.Lose(all())
	w.c.Gain(t.Context(), all())
	w.ends(t, id, saga.Completed)
}
