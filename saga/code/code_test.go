package code_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	trip    struct{ Trip int }
	booking struct{ Flight, Hotel, Receipt string }
	ref     struct{ Ref string }
)

var (
	flightStep = saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"}
	hotelStep  = saga.Step{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"}
	payStep    = saga.Step{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot}
	mailStep   = saga.Step{Name: "mail", Participant: "mail", Command: "send"}
)

// bookTrip is the trip of the examples, one step after the other.
func bookTrip(c *code.Context, in trip) (booking, error) {
	flight, err := code.Do[ref](c, flightStep, in)
	if err != nil {
		return booking{}, err
	}
	hotel, err := code.Do[ref](c, hotelStep, in)
	if err != nil {
		return booking{}, err
	}
	paid, err := code.Do[ref](c, payStep, in)
	if err != nil {
		return booking{}, err
	}
	if _, err := code.Do[ref](c, mailStep, paid); err != nil {
		return booking{}, err
	}
	return booking{flight.Ref, hotel.Ref, paid.Ref}, nil
}

// make makes a saga of a function.
func mustCode[In, Out any](t require.TestingT, fn func(*code.Context, In) (Out, error)) *saga.Code {
	made, err := code.Func(saga.Definition{Name: "trip", Version: "r1"}, fn)
	require.NoError(t, err)
	return made
}

func newTest[In, Out any](t *testing.T, fn func(*code.Context, In) (Out, error)) *world {
	w := newWorld(t, mustCode(t, fn))
	t.Cleanup(w.run.Stop)
	t.Cleanup(func() {
		if !t.Failed() {
			w.replay()
		}
	})
	return w
}

func TestCodeGoesForward(t *testing.T) {
	t.Parallel()
	w := newTest(t, bookTrip)
	out := w.start(`{"Trip":7}`)
	require.Equal(t, []string{`do flight airline/reserve {"Trip":7}`}, sent(out))
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	require.Equal(t, []string{`do hotel hotels/book {"Trip":7}`}, sent(out))
	w.forget()
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"H1"}`, "")
	require.Equal(t, []string{`do pay payments/charge {"Trip":7}`}, sent(out))
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"P1"}`, "")
	require.Equal(t, []string{`do mail mail/send {"Ref":"P1"}`}, sent(out))
	require.Empty(t, w.reply(out[0], saga.Succeeded, `{}`, ""))
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `{"Flight":"F1","Hotel":"H1","Receipt":"P1"}`, string(w.state.Extras().Output))
	require.Equal(t, []string{"flight done", "hotel done", "pay done", "mail done"}, w.steps())
}

// The error of a refused pivot turns the saga back: last done, first undone.
func TestCodeTurnsBackInReverse(t *testing.T) {
	t.Parallel()
	w := newTest(t, bookTrip)
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"H1"}`, "")
	out = w.reply(out[0], saga.Rejected, ``, "no money")
	require.Equal(t, []string{`undo hotel hotels/cancel {"Trip":7}`}, sent(out))
	require.Equal(t, "pay was rejected: no money", w.state.Cause)
	w.forget() // undoing needs no code, only the inputs of the history
	out = w.reply(out[0], saga.Succeeded, ``, "")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(out))
	w.reply(out[0], saga.Succeeded, ``, "")
	require.Equal(t, saga.Compensated, w.state.Status)
}

// Errors keep their types through a replay, and the code may go on another way.
func TestCodeMayGoOnAfterARefusal(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		var refused *code.Refused
		_, err := code.Do[ref](c, payStep, in)
		if !errors.As(err, &refused) {
			return "", err
		}
		other := payStep
		other.Name, other.Command = "payLater", "credit"
		got, err := code.Do[ref](c, other, in)
		return got.Ref + " after " + refused.Step, err
	})
	out := w.start(`{"Trip":7}`)
	require.True(t, w.state.PivotSent)
	w.forget()
	out = w.reply(out[0], saga.Rejected, ``, "no money")
	require.Equal(t, []string{`do payLater payments/credit {"Trip":7}`}, sent(out))
	require.True(t, w.state.PivotSent)
	w.forget()
	w.reply(out[0], saga.Succeeded, `{"Ref":"C1"}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `"C1 after pay"`, string(w.state.Extras().Output))
}

// A step that may have been done is undone at once; the saga waits for that, and
// may go forward all the same.
func TestCodeGoesOnWhileAFailedStepIsUndone(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		first := flightStep
		first.Do.Attempts = 1
		var failed *code.Failed
		if _, err := code.Do[ref](c, first, in); !errors.As(err, &failed) {
			return "", fmt.Errorf("want it to fail: %w", err)
		}
		got, err := code.Do[ref](c, hotelStep, in)
		return got.Ref, err
	})
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Failed, ``, "out of order")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`, `do hotel hotels/book {"Trip":7}`}, sent(out))
	require.Equal(t, saga.Running, w.state.Status)
	undo := out[0]
	w.reply(out[1], saga.Succeeded, `{"Ref":"H1"}`, "")
	require.Equal(t, saga.Running, w.state.Status, "what may have been done is still being undone")
	w.forget()
	w.reply(undo, saga.Succeeded, ``, "")
	require.Equal(t, saga.Completed, w.state.Status)
	require.Equal(t, []string{"flight undone", "hotel done"}, w.steps())
}

// Steps that ran side by side are undone side by side, before what came before.
func TestBranchesAreUndoneSideBySide(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		if _, err := code.Do[ref](c, flightStep, in); err != nil {
			return "", err
		}
		left := code.Go(c, func(c *code.Context) (ref, error) { return code.Do[ref](c, hotelStep, in) })
		car := saga.Step{Name: "car", Participant: "cars", Command: "rent", Compensation: "giveBack"}
		right := code.Start[ref](c, car, in)
		if _, err := left.Get(c); err != nil {
			return "", err
		}
		if _, err := right.Get(c); err != nil {
			return "", err
		}
		last := saga.Step{Name: "guide", Participant: "guides", Command: "hire", Compensation: "dismiss"}
		if _, err := code.Do[ref](c, last, in); err != nil {
			return "", err
		}
		return "", errors.New("changed my mind")
	})
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`do car cars/rent {"Trip":7}`, `do hotel hotels/book {"Trip":7}`}, sent(out))
	w.forget()
	require.Empty(t, w.reply(out[1], saga.Succeeded, `{}`, ""))
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`do guide guides/hire {"Trip":7}`}, sent(out))
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, "changed my mind", w.state.Cause)
	require.Equal(t, []string{`undo guide guides/dismiss {"Trip":7}`}, sent(out))
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`undo hotel hotels/cancel {"Trip":7}`, `undo car cars/giveBack {"Trip":7}`}, sent(out))
	require.Empty(t, w.reply(out[1], saga.Succeeded, `{}`, ""))
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(out))
}

// Time, chance, ids and side effects are the same when the function is run again.
func TestCodeSleepsAwaitsAndDraws(t *testing.T) {
	t.Parallel()
	calls := 0
	w := newTest(t, func(c *code.Context, _ trip) ([]string, error) {
		began := c.Now()
		number := code.SideEffect(c, "orderNo", func() int { calls++; return 40 + calls })
		drawn := fmt.Sprint(c.NewID(), c.Uint64(), c.Float64())
		c.Sleep(24 * time.Hour)
		early, err := code.Await[ref](c, "paid", time.Hour)
		if err != nil {
			return nil, err
		}
		_, err = code.Await[ref](c, "delivered", time.Hour)
		return []string{c.Now().Sub(began).String(), fmt.Sprint(number), drawn, early.Ref, fmt.Sprint(errors.Is(err, code.ErrTimeout))}, nil
	})
	w.start(`{"Trip":7}`)
	require.Equal(t, []string{"timer"}, w.state.WaitingFor())
	w.signal("paid", `{"Ref":"early"}`) // before anybody awaits it
	w.forget()
	w.wake()
	require.Equal(t, []string{"sleep done", "paid done", "delivered awaiting"}, w.steps())
	first := w.history[0]
	require.Equal(t, "side:orderNo", first.Extras().Asked[0].What)
	w.forget()
	w.wake()
	require.Equal(t, saga.Completed, w.state.Status)
	require.Contains(t, string(w.state.Extras().Output), `["25h0m0s","41","`)
	require.Contains(t, string(w.state.Extras().Output), `"early","true"]`)
	require.Equal(t, 1, calls, "a side effect was repeated")
}

// The first of several wins; the timer that nobody needs does not hold the saga.
func TestFirstOfSeveral(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		hotel, paid, timer := code.Start[ref](c, hotelStep, in), code.Signal[ref](c, "paid", 0), c.Timer(time.Hour)
		switch code.First(c, hotel, paid, timer) {
		case 1:
			got, err := paid.Get(c)
			return "paid " + got.Ref, err
		default:
			return "other", nil
		}
	})
	out := w.start(`{"Trip":7}`)
	w.forget()
	w.signal("paid", `{"Ref":"now"}`)
	require.Equal(t, saga.Running, w.state.Status, "a command is under way: it is waited for")
	w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `"paid now"`, string(w.state.Extras().Output))
	require.Equal(t, []string{"hotel done", "paid done", "sleep skipped"}, w.steps())
}

// A cancelled saga runs no more code and is undone.
func TestCancelEndsTheCode(t *testing.T) {
	t.Parallel()
	w := newTest(t, bookTrip)
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	require.Empty(t, w.event(saga.Event{Kind: saga.Cancelled, RequestID: "r"}))
	out = w.reply(out[0], saga.Rejected, ``, "")
	require.Equal(t, []string{`undo flight airline/release {"Trip":7}`}, sent(out))
	require.Equal(t, "cancelled", w.state.Cause)
}

// A step that is asked for again is another visit.
func TestALoopVisitsItsStep(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (int, error) {
		for i := range in.Trip {
			if _, err := code.Do[ref](c, flightStep, i); err != nil {
				return 0, err
			}
		}
		return in.Trip, errors.New("back")
	})
	out := w.start(`{"Trip":3}`)
	for range 2 {
		out = w.reply(out[0], saga.Succeeded, `{}`, "")
	}
	require.Equal(t, []string{`do flight#3 airline/reserve 2`}, sent(out))
	w.forget()
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, []string{`undo flight#3 airline/release 2`}, sent(out))
	_, err := w.try(saga.Event{Kind: saga.StepSkipped, Step: saga.StepRef{Name: "flight", Visit: 2}, Reason: "gone"})
	require.NoError(t, err)
	require.Equal(t, []string{"flight undo-held", "flight#2 undoing", "flight#3 kept"}[1:], w.steps()[1:])
}

func TestFunctionsThatCannotGoOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		fn   func(c *code.Context, in trip) (string, error)
		want string
	}{
		{"panic", func(*code.Context, trip) (string, error) { panic("oh no") }, "panic in the code: oh no"},
		{"no compensation", func(c *code.Context, in trip) (string, error) {
			return code.Do[string](c, saga.Step{Name: "a", Participant: "p", Command: "run"}, in)
		}, "the code asks for step a: steps[0].compensation: a compensable step has no compensation"},
		{"retriable before the pivot", func(c *code.Context, in trip) (string, error) {
			return code.Do[string](c, saga.Step{Name: "a", Participant: "p", Command: "run", Kind: saga.Retriable}, in)
		}, "a retriable step that does not come after the pivot could not be undone"},
		{"beside the pivot", func(c *code.Context, in trip) (string, error) {
			code.Start[string](c, payStep, in)
			return code.Do[string](c, hotelStep, in)
		}, "runs beside the pivot"},
		{"bad name", func(c *code.Context, in trip) (string, error) {
			return code.Do[string](c, saga.Step{Name: "Bad-Name", Participant: "p", Command: "run", Reason: "x"}, in)
		}, "write a name like reserveStock"},
		{"an option of definitions", func(c *code.Context, _ trip) (string, error) {
			return code.Do[string](c, saga.Step{Name: "a", Participant: "p", Command: "run", Reason: "x", ForEach: &saga.ForEach{}}, 1)
		}, "are for definitions"},
		{"sleeps too long", func(c *code.Context, _ trip) (string, error) { c.Sleep(1 << 62); return "", nil }, "write 1ms to 365 days"},
		{"cannot be written", func(c *code.Context, _ trip) (string, error) { return code.Do[string](c, flightStep, func() {}) }, "write the input of step flight: json: unsupported type"},
		{"endless", func(c *code.Context, _ trip) (string, error) {
			for range 2000 {
				c.Timer(time.Hour)
			}
			return "", nil
		}, "the code asks for 2000 things at once, the most is 1000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, mustCode(t, test.fn))
			defer w.run.Stop()
			e := saga.Event{Kind: saga.Started, Payload: saga.JSON([]byte(`{"Trip":1}`))}
			_, err := w.try(e)
			require.ErrorContains(t, err, test.want)
			require.Zero(t, w.state.Seq)
		})
	}
}

// Behind the pivot an error is no way back: it is attention, and the message that
// led to it waits for better code.
func TestAnErrorBehindThePivotChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, mustCode(t, func(c *code.Context, in trip) (string, error) {
		if _, err := code.Do[ref](c, payStep, in); err != nil {
			return "", err
		}
		return "", errors.New("oh dear")
	}))
	defer w.run.Stop()
	out := w.start(`{"Trip":7}`)
	before := w.state
	_, err := w.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.EqualError(t, err, "the code returned an error after its pivot, from where there is no way back: oh dear")
	require.Equal(t, before, w.state)
	w.event(saga.Event{Kind: saga.Poisoned, Reason: err.Error()})
	require.Equal(t, saga.TransitionFailed, w.state.Attention[0].Reason)
	better := mustCode(t, func(c *code.Context, in trip) (string, error) {
		_, err := code.Do[ref](c, payStep, in)
		return "better", err
	})
	w.code = better
	w.forget()
	w.event(saga.Event{Kind: saga.Retried, RequestID: "again"})
	require.Empty(t, w.state.Attention)
	w.reply(out[0], saga.Succeeded, `{}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
}

// What a saga of code is known by comes from its input, and from its function.
func TestCodeIsKnownBy(t *testing.T) {
	t.Parallel()
	def := saga.Definition{
		Name: "trip", Version: "r1", Retention: saga.Long,
		Heading:    code.From(func(in trip) string { return fmt.Sprint("trip ", in.Trip) }),
		Subject:    code.From(func(in trip) int { return in.Trip }),
		Priority:   code.From(func(trip) *string { return nil }),
		Attributes: []saga.Attribute{{Name: "place", Value: code.From(func(trip) string { return "Oslo" })}},
	}
	made, err := code.Func(def, func(c *code.Context, in trip) (int, error) {
		c.SetAttribute("trips", in.Trip)
		c.SetAttribute("place", "Bergen")
		c.Sleep(time.Hour)
		c.SetAttribute("place", nil)
		c.SetAttribute("paid", true)
		c.Sleep(time.Hour)
		if in.Trip > 7 {
			c.SetAttribute("Bad name", 1)
		}
		c.SetAttribute("list", []int{1})
		return 1, nil
	})
	require.NoError(t, err)
	w := newWorld(t, made)
	defer w.run.Stop()
	w.start(`{"Trip":7}`)
	require.Equal(t, saga.Label{Title: "trip 7", Subject: "7", Retention: saga.Long}, w.state.Labelled())
	values := func() (list []string) {
		for _, a := range w.state.Extras().Attributes {
			list = append(list, a.Name+"="+string(a.Value))
		}
		return list
	}
	require.Equal(t, []string{"trips=7", `place="Bergen"`}, values())
	require.Equal(t, "attribute:trips", w.history[0].Extras().Asked[0].What)
	w.forget()
	w.wake()
	require.Equal(t, []string{"trips=7", "paid=true"}, values())
	w.replay()
	w.now = w.state.WakeAt()
	_, err = w.try(saga.Event{Kind: saga.Woke})
	require.ErrorContains(t, err, "the code sets the attribute list: want a text, a number, true or false, found [1]")
}

func TestACodeSagaIsChecked(t *testing.T) {
	t.Parallel()
	wait := saga.Step{Name: "nap", Sleep: &saga.Sleep{For: time.Minute}}
	_, err := code.Func(saga.Definition{Name: "Bad", Steps: []saga.Step{flightStep, flightStep, wait}, Deadline: 1}, bookTrip)
	require.EqualError(t, err, `saga: "Bad" is not a name; write a name like bookTrip: [a-z][A-Za-z0-9]*
version: the version is missing; name it r1, and r2 once it asks for other things
steps[1].step: "flight" is the name of an earlier step too; give each step its own name
steps[2]: is not a command; list the commands alone, without after, when, input and forEach: in which order they come is the function's
deadline: 1ns is out of range; write 1ms to 365 days`)
}

// What code says beforehand that it asks for is all that it may ask for: else its
// topics and contracts were looked at for nothing.
func TestCodeAsksForWhatItHasSaid(t *testing.T) {
	t.Parallel()
	def := saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{flightStep, hotelStep}}
	pinned, err := code.Func(def, bookTrip)
	require.NoError(t, err)
	require.Equal(t, def, pinned.Definition())
	w := newWorld(t, pinned)
	defer w.run.Stop()
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	require.Len(t, out, 1)
	_, err = w.try(replyTo(out[0], saga.Succeeded, `{"Ref":"H1"}`, ""))
	require.EqualError(t, err, "the code asks for step pay: steps[0].command: payments/charge is not among the definition's Steps; add it there, so that its topic is looked at before a saga starts")
	local, err := code.Func(def, func(c *code.Context, _ trip) (ref, error) {
		return code.Do[ref](c, saga.Step{Name: "own", Participant: saga.Local, Command: "look", Reason: "it only looks"}, 1)
	})
	require.NoError(t, err)
	w = newWorld(t, local)
	defer w.run.Stop()
	require.Len(t, w.start(`{}`), 1)
}
