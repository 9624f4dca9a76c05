package code_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// tidied is a function that puts in order what it has when its saga turns back. Its log
// can be seen.
func tidied(wait func(c *code.Context, note func(string)) error) func(*code.Context, trip) (string, error) {
	return func(c *code.Context, in trip) (out string, err error) {
		var log []string
		code.Query(c, "log", func() []string { return log })
		note := func(what string) { log = append(log, what) }
		defer func() {
			if errors.Is(c.Err(), code.ErrCanceled) {
				note("deferred")
			}
		}()
		if _, err := code.Do[ref](c, flightStep, in); err != nil {
			return "", err
		}
		if err := wait(c, note); err != nil {
			note("error: " + err.Error())
			return "", err
		}
		note("went on")
		return "", nil
	}
}

func cancel(w *world) {
	w.event(saga.Event{Kind: saga.Cancelled, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, Reason: "no more"})
}

// ends are what a function may be doing when its saga turns back, and its log then.
var ends = map[string]struct {
	wait func(c *code.Context, note func(string)) error
	want string
}{
	"a signal": {func(c *code.Context, _ func(string)) error { _, err := code.Await[int](c, "go", 0); return err }, `["error: the saga turns back","deferred"]`},
	"an approval": {func(c *code.Context, _ func(string)) error {
		_, err := code.Approve(c, "ask", saga.Approval{})
		return err
	}, `["error: the saga turns back","deferred"]`},
	"a sleep":     {func(c *code.Context, _ func(string)) error { c.Sleep(time.Hour); return nil }, `["deferred"]`},
	"a condition": {func(c *code.Context, _ func(string)) error { c.Until(func() bool { return false }); return nil }, `["deferred"]`},
	"a timer":     {func(c *code.Context, _ func(string)) error { _, err := c.Timer(time.Hour).Get(c); return err }, `["error: the saga turns back","deferred"]`},
	"nothing at all": {func(c *code.Context, _ func(string)) error {
		var never code.Future[int]
		never = code.Go(c, func(c *code.Context) (int, error) { return never.Get(c) }) //nolint:gocritic // it is the later one
		_, err := never.Get(c)
		return err
	}, `["deferred"]`},
	"the first of several": {func(c *code.Context, note func(string)) error {
		stop, holds := code.Signal[int](c, "stop", 0), c.When(func() bool { return false })
		if code.First(c, stop, holds, c.Timer(time.Hour)) == 0 {
			note("stop")
		}
		_, err := stop.Get(c)
		return err
	}, `["stop","error: the saga turns back","deferred"]`},
	"a branch": {func(c *code.Context, note func(string)) error {
		branch := code.Go(c, func(c *code.Context) (int, error) {
			_, err := code.Await[int](c, "go", 0)
			note("branch")
			return 7, errors.Join(errors.New("of the branch"), err)
		})
		sleeper := code.Go(c, func(c *code.Context) (int, error) { c.Sleep(time.Hour); return 1, nil })
		n, err := branch.Get(c)
		_, slept := sleeper.Get(c)
		if n != 7 || !errors.Is(err, code.ErrCanceled) || !errors.Is(slept, code.ErrCanceled) {
			return nil
		}
		return slept
	}, `["branch","error: the saga turns back","deferred"]`},
	"one that goes on": {func(c *code.Context, note func(string)) error {
		if _, err := code.Await[int](c, "go", 0); !errors.Is(err, code.ErrCanceled) || c.Err() == nil {
			return err
		}
		c.SetAttribute("stopped", "there")
		note(code.SideEffect(c, "how", func() string { return "noted" }))
		_, err := code.Do[ref](c, hotelStep, 1)
		later := c.When(func() bool { return true })
		if !later.Ready() {
			return errors.New("a condition waits")
		}
		c.Sleep(0)
		return err
	}, `["noted","deferred"]`},
	"one that never ends": {func(c *code.Context, _ func(string)) error {
		for {
			_, _ = code.Await[int](c, "go", 0)
		}
	}, `["deferred"]`},
	"one that panics": {func(c *code.Context, _ func(string)) error {
		_, err := code.Await[int](c, "go", 0)
		panic(err)
	}, `["deferred"]`},
}

// TestACancelReachesTheFunction: whatever the function waits for ends, it puts in order
// what it has, gets nothing more, and then what was done is undone.
func TestACancelReachesTheFunction(t *testing.T) {
	t.Parallel()
	for name, test := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTest(t, tidied(test.wait))
			out := w.start(`{"Trip":7}`)
			w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
			if len(name)%2 == 0 {
				w.forget()
			}
			cancel(w)
			require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(w.sent))
			require.Equal(t, "cancel", w.history[2].Extras().Asked[0].What)
			require.Equal(t, "no more", w.state.Cause)
			got, err := w.ask("log")
			require.NoError(t, err)
			require.JSONEq(t, test.want, got)
			found := slices.ContainsFunc(w.state.Extras().Attributes, func(a saga.AttributeValue) bool { return a.Name == "stopped" })
			require.Equal(t, name == "one that goes on", found)
			w.reply(w.sent[0], saga.Succeeded, ``, "")
			require.Equal(t, saga.Compensated, w.state.Status)
			w.replay()
			again, err := w.ask("log")
			require.NoError(t, err)
			require.Equal(t, got, again)
		})
	}
}

// The deadline and the parent turn a saga back as a cancel does.
func TestTheFunctionHearsWhateverTurnsItBack(t *testing.T) {
	t.Parallel()
	wait := tidied(func(c *code.Context, _ func(string)) error { _, err := code.Await[int](c, "go", 0); return err })
	made, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1", Deadline: time.Hour}, wait)
	require.NoError(t, err)
	for name, back := range map[string]func(w *world){
		"deadline": func(w *world) { w.wake() },
		"parent":   func(w *world) { w.event(saga.Event{Kind: saga.Reversed}) },
		"paused":   func(w *world) { w.event(saga.Event{Kind: saga.Paused}); cancel(w) },
		"unanswered": func(w *world) {
			w.event(saga.Event{Kind: saga.Poisoned, Reason: "it choked"})
			w.wake()
		},
	} {
		w := newWorld(t, made)
		e := w.started(`{"Trip":7}`)
		e.Own().Family = &saga.Family{Parent: testID, Step: saga.StepRef{Name: "trip"}, Undoable: true}
		w.reply(w.event(e)[0], saga.Succeeded, `{}`, "")
		back(w)
		require.Equal(t, saga.Compensating, w.state.Status, name)
		got, err := w.ask("log")
		require.NoError(t, err)
		require.JSONEq(t, `["error: the saga turns back","deferred"]`, got, name)
		w.replay()
		w.run.Stop()
	}
}

// A command that is out is waited for before it is undone; the function does not hear
// how it has ended.
func TestACancelWhileACommandIsOut(t *testing.T) {
	t.Parallel()
	w := newTest(t, tidied(func(*code.Context, func(string)) error { return nil }))
	out := w.start(`{"Trip":7}`)
	cancel(w)
	require.Empty(t, w.sent)
	got, err := w.ask("log")
	require.NoError(t, err)
	require.JSONEq(t, `["deferred"]`, got)
	w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(w.sent))
	w.replay()
}

// A saga that was turned back before its function could hear of it can still be run
// again, and so can one whose function cannot be had when it is turned back.
func TestASagaThatTurnedBackUnheard(t *testing.T) {
	t.Parallel()
	w := newTest(t, tidied(func(c *code.Context, _ func(string)) error { _, err := code.Await[int](c, "go", 0); return err }))
	out := w.start(`{"Trip":7}`)
	w.reply(out[0], saga.Succeeded, `{}`, "")
	cancel(w)
	before := slices.Clone(w.history)
	before[2].Extra = nil // as it was written before
	state, err := w.code.Replay(testID, before)
	require.NoError(t, err)
	require.Equal(t, w.state, state)
	log, err := w.code.Query(testID, before, "log")
	require.NoError(t, err)
	require.Equal(t, "null", string(log))

	w = newTest(t, tidied(func(c *code.Context, _ func(string)) error { _, err := code.Await[int](c, "go", 0); return err }))
	w.reply(w.start(`{"Trip":7}`)[0], saga.Succeeded, `{}`, "")
	deaf := saga.Deaf()
	require.True(t, deaf.IsDeaf())
	next, effects, err := w.code.DecideIn(deaf, w.state, w.history, saga.Event{Kind: saga.Cancelled, At: w.now})
	require.NoError(t, err)
	require.Equal(t, saga.Compensating, next.Status)
	require.Len(t, commands(effects), 1)
	e := saga.Event{Kind: saga.Signalled, At: w.now}
	e.Own().Signal = "go"
	_, _, err = w.code.DecideIn(deaf, w.state, w.history, e)
	require.ErrorIs(t, err, saga.ErrDeaf)
}

// A function that has ended hears nothing: neither one that has returned an error nor
// one whose saga waits for its last steps.
func TestAFunctionThatHasEndedHearsNothing(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		code.Start[ref](c, flightStep, in)
		if in.Trip == 1 {
			return "", errors.New("no")
		}
		return "yes", nil
	})
	w.start(`{"Trip":1}`)
	require.Equal(t, []string{"do:flight airline/reserve undo release", "fail"}, whats(w.history[0]))
	w = newTest(t, func(c *code.Context, in trip) (string, error) { code.Start[ref](c, flightStep, in); return "yes", nil })
	w.start(`{}`)
	cancel(w)
	require.Empty(t, w.history[1].Extras().Asked)
}

func whats(e saga.Event) (list []string) {
	for _, a := range e.Extras().Asked {
		list = append(list, a.What)
	}
	return list
}
