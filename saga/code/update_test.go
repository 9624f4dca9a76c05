package code_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

type cart struct {
	Items []string
	Paid  bool
}

var errFull = errors.New("the cart is full")

// shop is a cart that others fill until somebody pays.
func shop(c *code.Context, in cart) (cart, error) {
	code.Query(c, "cart", func() cart { return in })
	code.Update(c, "add", func(item string) error {
		switch {
		case item == "":
			return errors.New("an item has a name")
		case in.Paid:
			return errors.New("it is paid already")
		}
		return nil
	}, func(item string) (int, error) {
		if len(in.Items) == 3 {
			return 0, errFull
		}
		in.Items = append(in.Items, item)
		return len(in.Items), nil
	})
	code.Update(c, "pay", nil, func(any) (saga.ID, error) { in.Paid = true; return c.NewID(), nil })
	c.Until(func() bool { return in.Paid })
	_, err := code.Do[ref](c, payStep, in.Items)
	return in, err
}

// update asks for an update and returns the answer as the history has it.
func (w *world) update(name, id, input string) (saga.UpdateAnswer, error) {
	e := saga.Event{Kind: saga.Updated, RequestID: id, Payload: saga.JSON([]byte(input)), Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}}
	e.Own().Update = name
	before := w.state.Seq
	if _, err := w.try(e); err != nil {
		require.Equal(w.t, before, w.state.Seq)
		return saga.UpdateAnswer{}, err
	}
	seq, ok := w.state.TakenAs(id)
	require.True(w.t, ok || id == "")
	if id == "" {
		seq = w.state.Seq
	}
	answer, ok := w.history[seq-1].UpdateAnswer()
	require.True(w.t, ok)
	return answer, nil
}

// TestUpdates: an update is validated, changes the function's variables, is answered,
// wakes the function and is an event.
func TestUpdates(t *testing.T) {
	t.Parallel()
	w := newTest(t, shop)
	require.Empty(t, w.start(`{}`))
	for _, step := range []struct{ name, input, output, failed, refused string }{
		{"add", `"tea"`, `1`, "", ""},
		{"add", `""`, "", "", "update-refused: add: an item has a name"},
		{"add", `7`, "", "", "update-refused: add: read its input: json: cannot unmarshal number into Go value of type string"},
		{"ad", `"tea"`, "", "", `unknown-update: no such update as "ad"; it has add, pay, where it stands now: the function may offer more as it goes on`},
		{"add", `"milk"`, `2`, "", ""},
		{"add", `"salt"`, `3`, "", ""},
		{"add", `"wine"`, "", "the cart is full", ""},
	} {
		w.forget()
		answer, err := w.update(step.name, "", step.input)
		if step.refused != "" {
			require.EqualError(t, err, step.refused)
			require.True(t, saga.IsRefusal(err))
			continue
		}
		require.NoError(t, err)
		require.Equal(t, step.output, string(answer.Output))
		require.Equal(t, step.failed, answer.Error)
	}
	require.Len(t, w.history, 5, "what was refused is no event")
	require.Equal(t, "update:add", w.history[1].Extras().Asked[0].What)
	got, err := w.ask("cart")
	require.NoError(t, err)
	require.JSONEq(t, `{"Items":["tea","milk","salt"],"Paid":false}`, got)

	paid, err := w.update("pay", "p", ``)
	require.NoError(t, err)
	require.Equal(t, []string{`do pay payments/charge ["tea","milk","salt"]`}, sent(w.sent), "the function has gone on with the same event")
	again, err := w.update("pay", "p", ``)
	require.NoError(t, err)
	require.Equal(t, paid, again)
	require.Len(t, w.history, 6)
	_, err = w.update("add", "", `"tea"`)
	require.EqualError(t, err, "update-refused: add: it is paid already")
	w.reply(w.sent[0], saga.Succeeded, `{"Ref":"P1"}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	w.replay()
	again, err = w.update("pay", "p", ``)
	require.NoError(t, err, "also when it has ended")
	require.Equal(t, paid, again)
	_, err = w.update("pay", "q", ``)
	require.ErrorIs(t, err, saga.ErrEnded)
}

// Where a saga's function cannot take an update the answer says why.
func TestUpdatesThatComeTooEarlyOrTooLate(t *testing.T) {
	t.Parallel()
	w := newTest(t, shop)
	e := w.started(`{}`)
	e.Own().Begin = testStart.Add(time.Hour)
	w.event(e)
	_, err := w.update("add", "a", `"tea"`)
	require.ErrorIs(t, err, saga.ErrNotNow)
	require.ErrorContains(t, err, "its function has not begun")
	w.wake()
	_, err = w.update("add", "a", `"tea"`)
	require.NoError(t, err)
	w.event(saga.Event{Kind: saga.Paused})
	_, err = w.update("pay", "b", ``)
	require.NoError(t, err, "a paused saga takes it")
	require.Empty(t, w.sent, "and sends nothing")
	w.event(saga.Event{Kind: saga.Resumed})
	require.Equal(t, []string{`do pay payments/charge ["tea"]`}, sent(w.sent))

	w = newTest(t, func(c *code.Context, in cart) (ref, error) {
		code.Update(c, "stop", nil, func(any) (int, error) { in.Paid = true; return 1, nil })
		code.Start[ref](c, hotelStep, in) // which is waited for
		c.Until(func() bool { return in.Paid })
		return ref{}, nil
	})
	w.start(`{}`)
	_, err = w.update("stop", "a", ``)
	require.NoError(t, err)
	_, err = w.update("stop", "b", ``)
	require.ErrorContains(t, err, "its function has returned")

	w = newTest(t, shop)
	w.start(`{}`)
	w.event(saga.Event{Kind: saga.Cancelled})
	_, err = w.update("add", "a", `"tea"`)
	require.ErrorIs(t, err, saga.ErrEnded)
}

// A saga that is declared, and one that turns back, take none.
func TestUpdatesOfWhatHasNoFunction(t *testing.T) {
	t.Parallel()
	declared, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{flightStep}})
	require.NoError(t, err)
	e := saga.Event{Kind: saga.Started}
	e.Own().Definition, e.Own().Version, e.Own().Level = "trip", "r1", saga.Level
	s, _, err := declared.Decide(saga.State{ID: testID}, nil, e)
	require.NoError(t, err)
	e = saga.Event{Kind: saga.Updated}
	e.Own().Update = "add"
	_, _, err = declared.Decide(s, nil, e)
	require.ErrorIs(t, err, saga.ErrNoUpdate)
	require.ErrorContains(t, err, "trip r1 is declared")

	w := newTest(t, bookTrip)
	w.start(`{"Trip":7}`)
	w.event(saga.Event{Kind: saga.Cancelled})
	_, err = w.update("add", "a", `1`)
	require.ErrorIs(t, err, saga.ErrNotNow)
	require.ErrorContains(t, err, "it is compensating, and its function has ended")
}

// Whoever asks again with the same id is answered the same, as long as it is among the
// last 128, and no handler runs twice.
func TestUpdatesAreRemembered(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in int) (int, error) {
		code.Update(c, "add", nil, func(n int) (int, error) { in += n; return in, nil })
		c.Until(func() bool { return in >= 1000 })
		return in, nil
	})
	w.start(`0`)
	for i := range 130 {
		answer, err := w.update("add", fmt.Sprint("u", i), `1`)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i+1), string(answer.Output))
	}
	require.Len(t, w.state.Extras().Taken, 128)
	require.Empty(t, w.state.Requests)
	for i := range 130 {
		answer, err := w.update("add", fmt.Sprint("u", 129-i), `1`)
		require.NoError(t, err)
		if i < 128 {
			require.Equal(t, fmt.Sprint(130-i), string(answer.Output))
		}
	}
	require.Len(t, w.history, 133, "two were forgotten")
	w.replay()
}

// A function that fails to take an update harms nobody: it is as if it had not come.
func TestUpdatesThatFail(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (int, error) {
		n := 0
		flight := code.Signal[ref](c, "flight", 0)
		code.Query(c, "n", func() int { return n })
		code.Update(c, "panics", nil, func(any) (int, error) { n++; panic("no map") })
		code.Update(c, "large", nil, func(any) (string, error) { n++; return strings.Repeat("x", saga.MaxPayload), nil })
		code.Update(c, "does", nil, func(any) (ref, error) { n++; return code.Do[ref](c, flightStep, in) })
		code.Update(c, "waits", nil, func(any) (ref, error) { n++; return flight.Get(c) })
		code.Update(c, "records", nil, func(any) (int, error) { return code.SideEffect(c, "n", func() int { return 1 }), nil })
		code.Update(c, "sets", nil, func(any) (int, error) { c.SetAttribute("n", 1); return 1, nil })
		code.Update(c, "offers", nil, func(any) (int, error) {
			code.Update(c, "more", nil, func(any) (int, error) { return 1, nil })
			return 1, nil
		})
		code.Update(c, "validator", func(any) error { n++; panic("no rule") }, func(any) (int, error) { return 1, nil })
		code.Update(c, "draws", func(any) error { return fmt.Errorf("id %s", c.NewID()) }, func(any) (int, error) { return 1, nil })
		code.Update(c, "breaks", nil, func(any) (int, error) { n = 100; return 1, nil })
		c.Until(func() bool { return n >= 100 })
		_, err := code.Do[ref](c, saga.Step{Name: "no name"}, in)
		return n, err
	})
	w.start(`{"Trip":7}`)
	asks := "it asks the saga's Context for something"
	for name, problem := range map[string]string{
		"panics": "panic in the code: no map", "large": "above the limit of", "does": asks, "waits": asks, "records": asks, "sets": asks, "offers": asks,
		"validator": "panic in the code: no rule", "draws": "its validator asks the saga's Context", "breaks": "the code asks for step no name",
	} {
		_, err := w.update(name, "u", `1`)
		require.ErrorContains(t, err, problem, name)
		require.False(t, saga.IsRefusal(err), name)
		got, err := w.ask("n")
		require.NoError(t, err)
		require.Equal(t, "0", got, name)
	}
	require.Len(t, w.history, 1)
	w.replay()
}

// What a function offers may change as it goes on; one without a name, and too many, are
// refused before the saga starts.
func TestUpdatesThatCannotBeOffered(t *testing.T) {
	t.Parallel()
	none := func(any) (int, error) { return 1, nil }
	w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		code.Update(c, "No name", nil, none)
		return 1, nil
	}))
	_, err := w.try(w.started(`{}`))
	require.ErrorContains(t, err, `update "No name": it is not a name`)
	w = newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		for i := range 101 {
			code.Update(c, fmt.Sprintf("u%d", i), nil, none)
		}
		return 1, nil
	}))
	_, err = w.try(w.started(`{}`))
	require.ErrorContains(t, err, "offers more than 100")
	w = newTest(t, bookTrip)
	w.start(`{"Trip":7}`)
	_, err = w.update("add", "", `1`)
	require.ErrorIs(t, err, saga.ErrNoUpdate)
	require.ErrorContains(t, err, "it has none, where it stands now")
}

// A validator is asked once and never again, so it may change; an update that was taken
// must stay.
func TestUpdatesOfCodeThatHasChanged(t *testing.T) {
	t.Parallel()
	shopping := func(name string, validate func(string) error) func(c *code.Context, in cart) (cart, error) {
		return func(c *code.Context, in cart) (cart, error) {
			code.Update(c, name, validate, func(item string) (int, error) { in.Items = append(in.Items, item); return len(in.Items), nil })
			c.Until(func() bool { return len(in.Items) > 1 })
			return in, nil
		}
	}
	asked := 0
	w := newTest(t, shopping("add", func(string) error { asked++; return nil }))
	w.start(`{}`)
	_, err := w.update("add", "", `"tea"`)
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	w.replay()
	require.Equal(t, 1, asked, "a validator does not run at replay")

	w.forget()
	w.code = mustCode(t, shopping("add", func(string) error { return errors.New("we are closed") }))
	_, err = w.update("add", "", `"milk"`)
	require.EqualError(t, err, "update-refused: add: we are closed", "the one before was taken all the same")
	w.forget()
	w.code = mustCode(t, shopping("put", nil))
	_, err = w.update("put", "", `"milk"`)
	require.ErrorIs(t, err, saga.ErrCodeChanged)
	require.ErrorContains(t, err, `event 2 was update:add, which the code does not take: unknown-update: no such update as "add"; it has put`)
	w.forget()
	w.code = mustCode(t, shopping("add", nil))
	_, err = w.update("add", "", `"milk"`)
	require.NoError(t, err)
	require.JSONEq(t, `{"Items":["tea","milk"],"Paid":false}`, string(w.state.Extras().Output))
	w.replay()
}

// A condition is one of several things to wait for, and a branch can make it hold.
func TestConditions(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, _ trip) ([]string, error) {
		var log []string
		ready := false
		note := func(what string) { log = append(log, what) }
		code.Update(c, "open", nil, func(any) (int, error) { ready = true; return 0, nil })
		code.Go(c, func(c *code.Context) (int, error) {
			c.Until(func() bool { return len(log) == 2 })
			note("branch")
			return 0, nil
		})
		for i := code.First(c, c.When(func() bool { return ready }), c.Timer(time.Hour)); i != 0; i = code.First(c, c.When(func() bool { return ready }), c.Timer(time.Hour)) {
			note("late")
		}
		open := c.When(func() bool { return ready })
		if open.Ready() {
			note("open")
		}
		c.Until(func() bool { return slices.Contains(log, "branch") })
		return log, nil
	})
	w.start(`{}`)
	w.forget()
	w.wake()
	w.forget()
	_, err := w.update("open", "", ``)
	require.NoError(t, err)
	require.JSONEq(t, `["late","open","branch"]`, string(w.state.Extras().Output))
	w.replay()
	for name, holds := range map[string]func(c *code.Context) bool{
		"panic in the code: no map": func(*code.Context) bool { panic("no map") },
		"a condition of Until or When asks the saga's Context for something": func(c *code.Context) bool { c.Sleep(time.Hour); return true },
	} {
		w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
			c.Until(func() bool { return holds(c) })
			return 1, nil
		}))
		_, err := w.try(w.started(`{}`))
		require.ErrorContains(t, err, name)
	}
}

// A chain's runs are asked one by one; one that has ended names the next.
func TestUpdatesInAChain(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in cart) (int, error) {
		code.Update(c, "add", nil, func(item string) (int, error) { in.Items = append(in.Items, item); return len(in.Items), nil })
		code.First(c, c.When(func() bool { return len(in.Items) > 1 }))
		return 0, code.ContinueAsNew(c, cart{Items: in.Items[1:]})
	})
	w.start(`{}`)
	_, err := w.update("add", "a", `"tea"`)
	require.NoError(t, err)
	answer, err := w.update("add", "b", `"milk"`)
	require.NoError(t, err)
	require.Equal(t, "2", string(answer.Output))
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `{"Items":["milk"],"Paid":false}`, string(w.continues.Event.Payload.Data))
	again, err := w.update("add", "b", `"milk"`)
	require.NoError(t, err)
	require.Equal(t, answer, again)
	_, err = w.update("add", "c", `"salt"`)
	require.ErrorIs(t, err, saga.ErrEnded)
	require.ErrorContains(t, err, "it goes on as saga "+w.continues.To.String())
	w.replay()
}

// TestUpdatesHoldProperties: whatever is asked in which order, and whenever the
// coroutine is lost, an answer is given once and for all, what was refused has not
// happened, and the history alone gives the same.
func TestUpdatesHoldProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, mustCode(t, func(c *code.Context, in int) (int, error) {
			code.Update(c, "add", func(n int) error {
				if n < 0 {
					return errors.New("too little")
				}
				return nil
			}, func(n int) (int, error) {
				if n > 8 {
					return 0, errors.New("too much")
				}
				in += n
				return in, nil
			})
			charge := payStep
			charge.Kind, charge.Reason = saga.Compensable, "it only counts"
			for goal := 10; goal <= 40; goal += 10 {
				c.Until(func() bool { return in >= goal })
				if _, err := code.Do[ref](c, charge, in); err != nil {
					return in, err
				}
			}
			return in, nil
		}))
		defer w.run.Stop()
		w.start(`0`)
		sum, answers, out := 0, map[string]saga.UpdateAnswer{}, []saga.Command(nil)
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			if rapid.Bool().Draw(t, "forget") {
				w.forget()
			}
			if len(out) > 0 && rapid.Bool().Draw(t, "reply") {
				w.reply(out[0], saga.Succeeded, `{}`, "")
				out = append(out[1:], w.sent...)
				continue
			}
			id, n := rapid.StringMatching("[a-j]").Draw(t, "id"), rapid.IntRange(-1, 10).Draw(t, "n")
			known, before := answers[id], w.state.Seq
			_, again := answers[id]
			answer, err := w.update("add", id, fmt.Sprint(n))
			switch {
			case again:
				require.NoError(t, err)
				require.Equal(t, known, answer)
				require.Equal(t, before, w.state.Seq)
				continue
			case err != nil:
				require.True(t, n < 0 || w.state.Status != saga.Running || w.state.Extras().Plan.Ended, "%v", err)
				continue
			case n <= 8:
				sum += n
				require.Equal(t, fmt.Sprint(sum), string(answer.Output))
			default:
				require.Equal(t, "too much", answer.Error)
			}
			answers[id] = answer
			out = append(out, w.sent...)
		}
		w.replay()
	})
}
