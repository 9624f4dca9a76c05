package code_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// month is one month of a subscription: it begins the next.
func month(c *code.Context, in trip) (string, error) {
	c.Sleep(720 * time.Hour)
	code.Signal[any](c, "nobodyWaits", 0)
	stop, err := code.Await[string](c, "stop", time.Hour)
	if errors.Is(err, code.ErrTimeout) && in.Trip < 3 {
		return "", code.ContinueAsNew(c, trip{in.Trip + 1})
	}
	return fmt.Sprint("stopped ", stop, " in month ", in.Trip), nil
}

// TestContinueAsNew ends a run and begins the next, which has the key, the signals
// that nobody has taken, and its place in the chain.
func TestContinueAsNew(t *testing.T) {
	t.Parallel()
	w := newTest(t, month)
	e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`{"Trip":1}`))}
	e.Extra = &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level, Key: "anna"}
	w.event(e)
	large := fmt.Sprintf("%q", strings.Repeat("x", saga.InlineMax))
	w.signal("rest", large)
	w.signal("nobodyReads", `7`)
	w.wake()
	w.forget()
	w.wake()
	require.Equal(t, saga.Completed, w.state.Status)
	require.Nil(t, w.state.Extras().Output)
	require.Equal(t, []string{"sleep done", "nobodyWaits skipped", "stop expired"}, w.steps())
	next := w.continues
	require.NotNil(t, next)
	require.Equal(t, &saga.Chain{First: testID, Run: 1, Next: next.To}, w.state.Extras().Chain)
	last := w.history[len(w.history)-1]
	require.Equal(t, "continue", last.Extras().Asked[0].What)
	require.JSONEq(t, `{"Trip":2}`, string(last.Extras().Asked[0].Data))
	_, err := w.try(saga.Event{Kind: saga.Signalled, Extra: &saga.EventExtra{Signal: "stop"}})
	require.ErrorContains(t, err, "it goes on as saga "+next.To.String())

	second := newWorld(t, mustCode(t, func(c *code.Context, in trip) (string, error) {
		n, err := code.Await[int](c, "nobodyReads", 0)
		if err != nil {
			return "", err
		}
		text, err := code.Await[string](c, "rest", 0)
		return fmt.Sprint(in.Trip, n, len(text)), err
	}))
	defer second.run.Stop()
	second.state.ID = next.To
	second.event(next.Event)
	second.replay()
	require.Equal(t, saga.Completed, second.state.Status)
	require.JSONEq(t, fmt.Sprintf(`"2 7 %d"`, saga.InlineMax), string(second.state.Extras().Output))
	require.Equal(t, &saga.Chain{First: testID, Before: testID, Run: 2}, second.state.Extras().Chain)
	require.Equal(t, "anna", second.state.Extras().Key)
	require.Equal(t, saga.Actor{Kind: saga.ByRunBefore, Name: testID.String()}, second.history[0].Actor)
}

// The last run of a chain ends like any saga.
func TestAChainEnds(t *testing.T) {
	t.Parallel()
	w := newTest(t, month)
	w.start(`{"Trip":1}`)
	w.wake()
	w.signal("stop", `"now"`)
	require.Nil(t, w.continues)
	require.JSONEq(t, `"stopped now in month 1"`, string(w.state.Extras().Output))
	require.Nil(t, w.state.Extras().Chain)
}

// What is under way is waited for, and a paused saga begins no next run.
func TestContinueAsNewWaits(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		if _, err := code.Do[ref](c, payStep, in); err != nil {
			return "", err
		}
		code.Start[ref](c, mailStep, in)
		return "", code.ContinueAsNew(c, in)
	})
	out := w.start(`{"Trip":1}`)
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Running, w.state.Status)
	w.event(saga.Event{Kind: saga.Paused})
	w.forget()
	w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Running, w.state.Status)
	w.event(saga.Event{Kind: saga.Resumed})
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `{"Trip":1}`, string(w.continues.Event.Payload.Data))
}

// A run that leaves something to undo cannot be followed by another.
func TestContinueAsNewIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, func(c *code.Context, in trip) (string, error) {
		if _, err := code.Do[ref](c, flightStep, in); err != nil {
			return "", err
		}
		return "", code.ContinueAsNew(c, in)
	}))
	defer w.run.Stop()
	out := w.start(`{"Trip":1}`)
	_, err := w.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.EqualError(t, err, "the code continues as new while flight may have to be undone, which the next run could not: pass the pivot first, or undo it by a step of its own")

	child := newWorld(t, mustCode(t, func(c *code.Context, in trip) (string, error) { return "", code.ContinueAsNew(c, in) }))
	defer child.run.Stop()
	e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`{"Trip":1}`))}
	e.Extra = &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level, Family: &saga.Family{Parent: saga.ID{1}, Root: saga.ID{1}}}
	_, err = child.try(e)
	require.ErrorContains(t, err, "it is a child and its parent waits for this very saga")
}

// endless does the same step until it is told to end, or its history is long.
func endless(most int64) func(c *code.Context, in trip) (int, error) {
	return func(c *code.Context, in trip) (int, error) {
		step := saga.Step{Name: "add", Participant: saga.Local, Command: "add", Reason: "it only counts"}
		for sum := 0; ; sum++ {
			if c.HistoryLength() >= most {
				return sum, code.ContinueAsNew(c, in)
			}
			if _, err := code.Do[int](c, step, sum); err != nil {
				return sum, err
			}
		}
	}
}

// grow lets an endless function come to n events.
func (w *world) grow(n int64) []saga.Command {
	out := w.sent
	for w.state.Seq < n {
		e := replyTo(out[0], saga.Succeeded, `1`, "")
		e.At = w.now
		next, effects, err := w.code.DecideIn(&w.run, w.state, nil, e)
		require.NoError(w.t, err)
		w.history = append(w.history, e.Stored(&next, effects))
		w.state, out = next, commands(effects)
	}
	return out
}

// TestTheLongestHistory: with 50,000 events a function may end, or continue as new,
// and may ask for nothing more.
func TestTheLongestHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, endless(1<<60)))
	defer w.run.Stop()
	w.start(`{"Trip":1}`)
	out := w.grow(saga.MaxCodeEvents)
	_, _, err := w.code.DecideIn(&w.run, w.state, nil, replyTo(out[0], saga.Succeeded, `1`, ""))
	require.EqualError(t, err, "the saga has 50000 events and its code goes on: the most is 50000; let it end, or continue as new")

	better := newWorld(t, mustCode(t, endless(saga.MaxCodeEvents+1)))
	defer better.run.Stop()
	better.start(`{"Trip":1}`)
	out = better.grow(saga.MaxCodeEvents)
	better.reply(out[0], saga.Succeeded, `1`, "")
	require.Equal(t, saga.Completed, better.state.Status)
	require.NotNil(t, better.continues)
}
