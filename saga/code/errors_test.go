package code_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// A participant that says that it is at work is not asked again, and what it says is
// kept with the step.
func TestHeartbeatsOfCode(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, in trip) (ref, error) {
		long := flightStep
		long.Do = saga.Policy{Heartbeat: time.Minute, Timeout: time.Hour}
		return code.Do[ref](c, long, in)
	})
	out := w.start(`{"Trip":7}`)
	require.Equal(t, time.Minute, out[0].Heartbeat)
	due := w.state.Steps[0].Due
	for n := range 5 {
		w.now = w.now.Add(50 * time.Second)
		if n == 2 {
			w.forget()
		}
		require.Empty(t, w.reply(out[0], saga.Ongoing, fmt.Sprintf(`{"seats":%d}`, n), ""))
		require.Equal(t, w.now.Add(time.Minute+time.Minute/4), w.state.Steps[0].Due, "its clock begins anew")
		require.JSONEq(t, fmt.Sprintf(`{"seats":%d}`, n), string(w.state.Steps[0].Extras().Progress.Data))
	}
	require.Greater(t, w.now, due)
	require.Equal(t, []string{`do flight airline/reserve {"Trip":7}`}, sent(w.wake()), "it was silent for too long: the same again")
	w.reply(w.sent[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	require.Equal(t, saga.Completed, w.state.Status)
	w.replay()
}

// bookingError is an error of a function's own.
type bookingError struct {
	what string
	err  error
}

func (b *bookingError) Error() string { return b.what + ": " + b.err.Error() }
func (b *bookingError) Unwrap() error { return b.err }

// TestErrorsAreTypedWheneverTheyCome: a refusal, a failure and a timeout are told apart
// in whatever they were wrapped, and as much so when the function is run again.
func TestErrorsAreTypedWheneverTheyCome(t *testing.T) {
	t.Parallel()
	book := func(c *code.Context, step saga.Step) error {
		step.Do.Attempts = 1
		if _, err := code.Do[ref](c, step, 1); err != nil {
			return fmt.Errorf("book: %w", &bookingError{step.Name, err})
		}
		return nil
	}
	w := newTest(t, func(c *code.Context, _ trip) ([]string, error) {
		kinds := func(err error) string {
			refused, isRefused := errors.AsType[*code.Refused](err)
			failed, isFailed := errors.AsType[*code.Failed](err)
			own, isOwn := errors.AsType[*bookingError](err)
			switch {
			case isRefused && !isFailed && isOwn:
				return own.what + " refused: " + refused.Reason
			case isFailed && !isRefused && isOwn:
				return own.what + " failed: " + failed.Step
			case errors.Is(err, code.ErrTimeout):
				return "late"
			}
			return fmt.Sprint("else: ", err)
		}
		var list []string
		list = append(list, kinds(book(c, flightStep)))
		list = append(list, kinds(book(c, hotelStep)))
		branch := code.Go(c, func(c *code.Context) (int, error) {
			_, err := code.Await[int](c, "go", time.Hour)
			return 0, &bookingError{"wait", err}
		})
		_, err := branch.Get(c)
		return append(list, kinds(err)), nil
	})
	out := w.start(`{}`)
	w.forget()
	out = w.reply(out[0], saga.Rejected, ``, "no seat")
	w.forget()
	out = w.reply(out[0], saga.Failed, ``, "the disk is full")
	w.forget()
	require.Equal(t, []string{`undo hotel hotels/cancel 1`}, sent(out), "what may have been done is undone")
	w.reply(out[0], saga.Succeeded, ``, "")
	w.forget()
	w.wake()
	require.JSONEq(t, `["flight refused: flight was rejected: no seat","hotel failed: hotel","late"]`, string(w.state.Extras().Output))
	w.replay()
}
