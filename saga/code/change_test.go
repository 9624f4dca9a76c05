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

// halfway is a trip whose flight and hotel are booked.
func halfway(t *testing.T) (*world, saga.Command) {
	t.Helper()
	w := newWorld(t, mustCode(t, bookTrip))
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"H1"}`, "")
	w.forget()
	return w, out[0]
}

// TestAChangeOfTheCodeIsFound: a function that does something else than it did
// when the history was written stops its saga, and says what the difference is.
func TestAChangeOfTheCodeIsFound(t *testing.T) {
	t.Parallel()
	do := func(c *code.Context, step saga.Step) error { _, err := code.Do[ref](c, step, 1); return err }
	car := saga.Step{Name: "car", Participant: "cars", Command: "rent", Compensation: "giveBack"}
	for _, test := range []struct {
		name string
		fn   func(c *code.Context, in trip) (string, error)
		want string
	}{
		{"another step", func(c *code.Context, _ trip) (string, error) {
			return "", errors.Join(do(c, flightStep), do(c, car))
		}, "event 2 was do:hotel hotels/book undo cancel, the code now wants do:car cars/rent undo giveBack"},
		{"a step less", func(*code.Context, trip) (string, error) {
			return "", nil
		}, "event 1 was do:flight airline/reserve undo release, the code now wants return"},
		{"a step more", func(c *code.Context, _ trip) (string, error) {
			code.Start[ref](c, flightStep, 1)
			return "", do(c, car)
		}, "with event 1 (started) it asked for no more, the code now wants do:car cars/rent undo giveBack"},
		{"another compensation", func(c *code.Context, _ trip) (string, error) {
			other := flightStep
			other.Compensation = "annul"
			return "", do(c, other)
		}, "event 1 was do:flight airline/reserve undo release, the code now wants do:flight airline/reserve undo annul"},
		{"it waits instead", func(c *code.Context, _ trip) (string, error) {
			_, err := code.Await[ref](c, "go", 0)
			return "", err
		}, "event 1 was do:flight airline/reserve undo release, the code now wants await:go"},
		{"a side effect", func(c *code.Context, _ trip) (string, error) {
			code.SideEffect(c, "seed", func() int { t.Error("a side effect was carried out"); return 1 })
			return "", nil
		}, "it did not ask for side:seed then"},
		{"nothing at all", func(c *code.Context, _ trip) (string, error) {
			never := code.Go(c, func(c *code.Context) (int, error) { code.First(c); return 0, nil })
			_, err := never.Get(c)
			_ = do(c, flightStep)
			code.First(c, code.Signal[int](c, "never", 0))
			return "", err
		}, "event 2 was do:hotel hotels/book undo cancel, the code now wants await:never"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, pay := halfway(t)
			defer w.run.Stop()
			w.code = mustCode(t, test.fn)
			before := w.state
			_, err := w.try(replyTo(pay, saga.Succeeded, `{"Ref":"P1"}`, ""))
			require.ErrorIs(t, err, saga.ErrCodeChanged)
			require.ErrorContains(t, err, test.want)
			require.Equal(t, before, w.state)
		})
	}
}

// A saga whose code was changed can still be turned back: that needs no code.
func TestASagaWithChangedCodeCanBeCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, bookTrip))
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	w.forget()
	w.code = mustCode(t, func(*code.Context, trip) (string, error) { return "", nil })
	_, err := w.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.ErrorIs(t, err, saga.ErrCodeChanged)
	w.event(saga.Event{Kind: saga.Poisoned, Reason: err.Error()})
	w.event(saga.Event{Kind: saga.Cancelled, RequestID: "r"})
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`undo hotel hotels/cancel {"Trip":7}`}, sent(out))
	out = w.reply(out[0], saga.Succeeded, ``, "")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(out))
	w.reply(out[0], saga.Succeeded, ``, "")
	require.Equal(t, saga.Compensated, w.state.Status)
}

// A change under a version marker leaves running sagas on their way.
func TestAVersionKeepsRunningSagasOnTheirWay(t *testing.T) {
	t.Parallel()
	versioned := func(least, most int) func(c *code.Context, in trip) (string, error) {
		return func(c *code.Context, in trip) (string, error) {
			if _, err := code.Do[ref](c, flightStep, in); err != nil {
				return "", err
			}
			if c.Version("payFirst", least, most) == 1 {
				if _, err := code.Do[ref](c, payStep, in); err != nil {
					return "", err
				}
				return "new way", nil
			}
			_, err := code.Do[ref](c, hotelStep, in)
			return "old way", err
		}
	}
	w, _ := halfway(t) // without the marker
	defer w.run.Stop()
	w.code, w.history = mustCode(t, versioned(0, 1)), w.history[:2]
	w.state, _ = mustCode(t, bookTrip).Replay(testID, w.history)
	hotel := saga.Command{ID: saga.CommandID{Saga: testID, Step: saga.StepRef{Name: "hotel"}, Direction: saga.Do}, Participant: "hotels", Attempt: 1, Epoch: 1}
	w.reply(hotel, saga.Succeeded, `{}`, "")
	require.JSONEq(t, `"old way"`, string(w.state.Extras().Output))

	fresh := newTest(t, versioned(0, 1))
	out := fresh.start(`{"Trip":7}`)
	out = fresh.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`do pay payments/charge {"Trip":7}`}, sent(out))
	require.Equal(t, "version:payFirst=1", fresh.history[1].Extras().Asked[0].What)

	fresh.forget()
	fresh.code = mustCode(t, versioned(2, 2))
	_, err := fresh.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.EqualError(t, err, "replay event 2 (replied) of saga "+testID.String()+": the saga was run with version 1 of change payFirst, the code has 2 to 2")
	fresh.code = mustCode(t, versioned(1, 1))
	fresh.reply(out[0], saga.Succeeded, `{}`, "")
	require.JSONEq(t, `"new way"`, string(fresh.state.Extras().Output))
}

// A function that goes round for ever has a state that does not grow.
func TestAnEndlessFunctionHasASmallState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		for sum := 0; ; {
			n, err := code.Await[int](c, "add", time.Hour)
			if err != nil {
				return sum, nil //nolint:nilerr // nothing more comes
			}
			sum += n
		}
	}))
	defer w.run.Stop()
	w.start(`{}`)
	for range 500 {
		w.signal("add", "2")
	}
	p := w.state.Extras().Plan
	require.Equal(t, int64(501), p.Asked)
	require.Less(t, len(p.Steps), 40)
	require.Equal(t, p.Asked, p.Folded+int64(len(p.Steps)))
	require.Less(t, len(saga.AppendState(nil, &w.state)), 5000)
	w.forget()
	w.wake()
	require.Equal(t, "1000", string(w.state.Extras().Output))
	w.replay()
}

// What may have to be undone is limited: a saga of more needs children.
func TestTheLimitOfWhatMayBeUndone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (int, error) {
		for range saga.MaxPlanned + 1 {
			if _, err := code.Do[ref](c, flightStep, 1); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}))
	defer w.run.Stop()
	out := w.start(`{}`)
	for range saga.MaxPlanned - 1 {
		out = w.reply(out[0], saga.Succeeded, `{}`, "")
	}
	_, err := w.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.EqualError(t, err, "the code has 500 steps under way or to be undone, the most is 500: let child sagas do a part")
}

// An approval is asked of people, and a refusal is an error of the code.
func TestCodeAsksPeople(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, _ trip) ([]string, error) {
		var refused *code.Refused
		_, err := code.Approve(c, "first", saga.Approval{By: []string{"group:desk"}})
		if !errors.As(err, &refused) {
			return nil, err
		}
		given, err := code.Approve(c, "second", saga.Approval{Due: time.Hour})
		if err != nil {
			return nil, err
		}
		_, err = code.Approve(c, "third", saga.Approval{Due: time.Hour, ApproveWhenLate: true})
		return []string{refused.Step, refused.Reason, given.By, err.Error()}, nil
	})
	decide := func(step string, outcome saga.Outcome, groups ...string) error {
		e := saga.Event{Kind: saga.Decided, Step: saga.StepRef{Name: step}, Outcome: outcome, Reason: "so", Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}}
		e.Own().Groups = groups
		_, err := w.try(e)
		return err
	}
	w.start(`{}`)
	require.ErrorIs(t, decide("first", saga.Rejected), saga.ErrNotYours)
	require.NoError(t, decide("first", saga.Rejected, "desk"))
	w.forget()
	require.NoError(t, decide("second", saga.Succeeded))
	w.forget()
	w.wake()
	require.JSONEq(t, `["first","first was refused by ann: so","ann","third: it did not come in time"]`, string(w.state.Extras().Output))
}

// What a plan's steps say is stored, each kind of step with all that it has.
func TestThePlanIsStored(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (int, error) {
		full := flightStep
		full.Do = saga.Policy{Timeout: time.Second, Attempts: 3, Backoff: time.Minute, Cap: time.Hour, Heartbeat: 500 * time.Millisecond}
		full.Undo = full.Do
		wait := []code.Awaited{code.Start[ref](c, full, in), code.Signal[ref](c, "a", time.Minute), c.Timer(time.Hour)}
		code.Go(c, func(c *code.Context) (saga.Decision, error) {
			return code.Approve(c, "ask", saga.Approval{By: []string{"user:a"}, Due: time.Hour, EscalateAfter: time.Minute, EscalateTo: []string{"group:b"}})
		})
		code.First(c, wait...)
		_, err := code.Do[ref](c, saga.Step{Name: "read", Participant: "p", Command: "run", Reason: "reads only"}, in)
		return 0, err
	})
	out := w.start(`{}`) // world.try compares the stored state with the decided one
	w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Len(t, w.steps(), 5)
	cut := saga.AppendState(nil, &w.state)
	for n := range cut {
		_, err := saga.DecodeState(testID, cut[:n])
		require.ErrorIs(t, err, saga.ErrState)
	}
}

// The gate may ask to decide an event again: the code is not resumed twice.
func TestAnEventMayBeDecidedAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		code.SideEffect(c, "count", func() int { calls++; return calls })
		_, err := code.Do[ref](c, flightStep, in)
		return "", err
	})
	e := saga.Event{Kind: saga.Started, At: testStart, Payload: saga.JSON([]byte(`{"Trip":7}`))}
	first, _, err := w.code.DecideIn(&w.run, w.state, nil, e)
	require.NoError(t, err)
	e.Own().Held = []saga.Way{{Participant: "airline", Direction: saga.Do}}
	second, effects, err := w.code.DecideIn(&w.run, w.state, nil, e)
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Empty(t, commands(effects))
	require.Equal(t, saga.Doing, first.Steps[0].Phase)
	require.Equal(t, saga.Held, second.Steps[0].Phase)
	require.True(t, w.run.Ready(&second))
	w.state = second
	w.history = append(w.history, e.Stored(&second, effects))
	require.Equal(t, []string{`do flight airline/reserve {"Trip":7}`}, sent(w.wakeNow()))
	require.True(t, slices.ContainsFunc(w.history[0].Extras().Asked, func(a saga.Asked) bool { return a.What == "side:count" && string(a.Data) == "1" }))
}

func (w *world) wakeNow() []saga.Command {
	return w.event(saga.Event{Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}})
}

// What was decided and not committed has moved the coroutine on: it is of another moment,
// and the next event gets one that is run from the history.
func TestACoroutineOfAnotherMomentIsThrownAway(t *testing.T) {
	t.Parallel()
	w := newTest(t, bookTrip)
	out := w.start(`{"Trip":7}`)
	lost := replyTo(out[0], saga.Succeeded, `{"Ref":"F"}`, "")
	lost.At = testStart
	_, effects, err := w.code.DecideIn(&w.run, w.state, w.history, lost)
	require.NoError(t, err)
	require.Equal(t, []string{`do hotel hotels/book {"Trip":7}`}, sent(commands(effects)))

	refused := replyTo(out[0], saga.Rejected, "", "no seats")
	refused.At = testStart.Add(time.Second)
	state, effects, err := w.code.DecideIn(&w.run, w.state, w.history, refused)
	require.NoError(t, err)
	require.Equal(t, saga.Compensated, state.Status)
	require.Empty(t, commands(effects))
}
