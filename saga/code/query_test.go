package code_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

type progress struct {
	Done  []string
	Until time.Time
}

// watched is a function that lets others see how far it is.
func watched(c *code.Context, in trip) (progress, error) {
	var p progress
	code.Query(c, "progress", func() progress { return p })
	code.Query(c, "trip", func() int { return in.Trip })
	for _, step := range []saga.Step{flightStep, payStep} {
		got, err := code.Do[ref](c, step, in)
		if err != nil {
			return p, err
		}
		p.Done, p.Until = append(p.Done, step.Name+" "+got.Ref), c.Now()
		if step.Name == "flight" {
			code.Query(c, "flight", func() string { return got.Ref })
		}
	}
	return p, nil
}

// ask asks a world's function with nothing but the history, and sees to it that the
// coroutine that waits, the state and the history stay what they were.
func (w *world) ask(name string) (string, error) {
	state, events := saga.AppendState(nil, &w.state), len(w.history)
	answer, err := w.code.Query(w.state.ID, w.history, name)
	require.Equal(w.t, state, saga.AppendState(nil, &w.state))
	require.Len(w.t, w.history, events)
	return string(answer), err
}

// A query sees the function's variables after each event, also when the saga has
// ended; it is no event, and nothing of it is kept. newTest replays the history.
func TestAQuerySeesTheFunction(t *testing.T) {
	t.Parallel()
	w := newTest(t, watched)
	want := func(name, json string) {
		t.Helper()
		for range 2 {
			got, err := w.ask(name)
			require.NoError(t, err)
			require.JSONEq(t, json, got)
		}
	}
	out := w.start(`{"Trip":7}`)
	want("progress", `{"Done":null,"Until":"0001-01-01T00:00:00Z"}`)
	want("trip", `7`)
	_, err := w.ask("flight")
	require.ErrorIs(t, err, saga.ErrNoQuery)
	require.EqualError(t, err, `no such query as "flight" of trip r1; it has progress, trip, where it stands now: the function may offer more as it goes on`)

	w.now = w.now.Add(time.Hour)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	want("progress", `{"Done":["flight F1"],"Until":"2026-01-01T01:00:00Z"}`)
	want("flight", `"F1"`)
	require.Equal(t, []string{`do pay payments/charge {"Trip":7}`}, sent(out))
	w.reply(out[0], saga.Succeeded, `{"Ref":"P1"}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	want("progress", `{"Done":["flight F1","pay P1"],"Until":"2026-01-01T01:00:00Z"}`)
	require.Len(t, w.history, 3)
	for _, e := range w.history {
		for _, asked := range e.Extras().Asked {
			require.NotContains(t, asked.What, "progress")
		}
	}
	_, err = w.ask("progres")
	require.EqualError(t, err, `no such query as "progres" of trip r1; it has flight, progress, trip`)
}

// A saga that turns back says what its function knew, whether it has returned an error
// or was stopped where it stood.
func TestAQueryOnTheWayBack(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]func(w *world, out []saga.Command){
		"refused": func(w *world, out []saga.Command) {
			out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
			w.reply(out[0], saga.Rejected, ``, "no money")
		},
		"cancelled": func(w *world, out []saga.Command) {
			w.event(saga.Event{Kind: saga.Cancelled, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}})
			w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
		},
	} {
		w := newTest(t, watched)
		back(w, w.start(`{"Trip":7}`))
		require.Equal(t, saga.Compensating, w.state.Status, name)
		got, err := w.ask("trip")
		require.NoError(t, err, name)
		require.Equal(t, "7", got, name)
		got, err = w.ask("progress")
		require.NoError(t, err, name)
		require.Equal(t, name == "refused", strings.Contains(got, "flight F1"), name)
	}
}

// What a query writes is gone: it is run in a copy.
func TestAQueryChangesNothing(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, _ trip) (int, error) {
		n := 0
		code.Query(c, "count", func() int { n++; return n })
		if _, err := code.Await[any](c, "go", 0); err != nil {
			return 0, err
		}
		return n, nil
	})
	w.start(`{}`)
	for range 3 {
		got, err := w.ask("count")
		require.NoError(t, err)
		require.Equal(t, "1", got)
	}
	w.signal("go", `null`)
	require.Equal(t, "0", string(w.state.Extras().Output))
}

// A query that fails says how, and harms nobody.
func TestQueriesThatFail(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (ref, error) {
		flight := code.Signal[ref](c, "flight", 0)
		code.Query(c, "panics", func() int { panic("no map") })
		code.Query(c, "loops", func() any { x := []any{nil}; x[0] = x; return x })
		code.Query(c, "channel", func() any { return make(chan int) })
		code.Query(c, "large", func() string { return strings.Repeat("x", saga.MaxPayload) })
		code.Query(c, "does", func() ref { got, _ := code.Do[ref](c, flightStep, in); return got })
		code.Query(c, "waits", func() ref { got, _ := flight.Get(c); return got })
		code.Query(c, "sets", func() int { c.SetAttribute("n", 1); return 1 })
		code.Query(c, "branches", func() int {
			code.Go(c, func(*code.Context) (int, error) { return 1, nil })
			return 1
		})
		code.Query(c, "records", func() int { return code.SideEffect(c, "n", func() int { return 1 }) })
		code.Query(c, "offers", func() int { code.Query(c, "more", func() int { return 1 }); return 1 })
		code.Query(c, "ready", flight.Ready)
		return flight.Get(c)
	})
	w.start(`{"Trip":7}`)
	asks := "it asks the saga's Context for something"
	for name, problem := range map[string]string{
		"panics": "panic in the code: no map", "loops": "cycle", "channel": "unsupported type", "large": "above the limit of",
		"does": asks, "waits": asks, "sets": asks, "branches": asks, "records": asks, "offers": asks,
	} {
		_, err := w.ask(name)
		var fault *saga.QueryError
		require.ErrorAs(t, err, &fault, name)
		require.Equal(t, name, fault.Query)
		require.ErrorContains(t, err, problem, name)
	}
	got, err := w.ask("ready")
	require.NoError(t, err)
	require.Equal(t, "false", got)
	w.signal("flight", `{"Ref":"F1"}`)
	require.Equal(t, saga.Completed, w.state.Status)
	got, err = w.ask("waits")
	require.NoError(t, err, "what is there needs no wait")
	require.JSONEq(t, `{"Ref":"F1"}`, got)
}

// A function that no longer does what it did answers nothing, with the difference.
func TestAQueryOfCodeThatHasChanged(t *testing.T) {
	t.Parallel()
	w := newTest(t, watched)
	w.start(`{"Trip":7}`)
	_, err := mustCode(t, bookThenPay).Query(testID, w.history, "progress")
	require.ErrorIs(t, err, saga.ErrCodeChanged)
	require.ErrorContains(t, err, "query progress: the function does not get to where the saga stands")
	_, err = mustCode(t, bookTrip).Query(testID, w.history, "progress")
	require.EqualError(t, err, `no such query as "progress" of trip r1; it has none, where it stands now: the function may offer more as it goes on`)
}

// Before a saga's first steps begin there is nothing to ask.
func TestAQueryBeforeTheBegin(t *testing.T) {
	t.Parallel()
	w := newTest(t, watched)
	e := w.started(`{}`)
	e.Own().Begin = testStart.Add(time.Hour)
	require.Empty(t, w.event(e))
	_, err := w.ask("progress")
	require.ErrorIs(t, err, saga.ErrNotNow)
	require.ErrorContains(t, err, "its function has not begun")
	w.wake()
	got, err := w.ask("trip")
	require.NoError(t, err)
	require.Equal(t, "0", got)
}

func bookThenPay(c *code.Context, in trip) (ref, error) {
	code.Query(c, "progress", func() int { return 1 })
	return code.Do[ref](c, hotelStep, in)
}

// A query may be added while sagas run; one without a name, and too many, are refused
// before the saga starts.
func TestQueriesThatCannotBeOffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		code.Query(c, "No name", func() int { return 1 })
		return 1, nil
	}))
	_, err := w.try(w.started(`{}`))
	require.ErrorContains(t, err, `query "No name": it is not a name`)
	w = newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		for i := range 101 {
			code.Query(c, fmt.Sprintf("q%d", i), func() int { return 1 })
		}
		return 1, nil
	}))
	_, err = w.try(w.started(`{}`))
	require.ErrorContains(t, err, "offers more than 100")
}
