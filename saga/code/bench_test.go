package code_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// longHistory is a saga of 10,000 events: a local step, again and again.
func longHistory(b testing.TB) (*saga.Code, saga.History, saga.State, saga.Command) {
	b.Helper()
	const events = 10_000
	step := saga.Step{Name: "add", Participant: saga.Local, Command: "add", Reason: "it only counts"}
	w := newWorld(b, mustCode(b, func(c *code.Context, _ trip) (int, error) {
		sum := 0
		for {
			n, err := code.Do[int](c, step, sum)
			if err != nil || n == 0 {
				return sum, err
			}
			sum += n
		}
	}))
	defer w.run.Stop()
	out := w.start(`{}`)
	for len(w.history) < events {
		out = w.reply(out[0], saga.Succeeded, "3", "")
	}
	return w.code, w.history, w.state, out[0]
}

// BenchmarkResume10000 is what it costs to let a saga of 10,000 events go on whose
// coroutine is not in memory. It is to be under 50 ms.
func BenchmarkResume10000(b *testing.B) {
	made, history, state, next := longHistory(b)
	e := replyTo(next, saga.Succeeded, "3", "")
	e.At = state.Last
	b.ReportAllocs()
	for b.Loop() {
		after, _, err := made.Decide(state, history, e)
		require.NoError(b, err)
		require.Equal(b, int64(10_001), after.Seq)
	}
}

// BenchmarkCode is one saga of three commands and a retriable one as code, to be read
// beside saga.BenchmarkDecide, which is one event of a declared one.
func BenchmarkCode(b *testing.B) {
	made := mustCode(b, bookTrip)
	var run saga.Run
	defer run.Stop()
	b.ReportAllocs()
	for b.Loop() {
		require.Equal(b, saga.Completed, bookOne(made, &run))
	}
}

// bookOne is the way of one trip whose steps all succeed, as a coordinator goes it: with
// the run of one that has completed.
func bookOne(made *saga.Code, run *saga.Run) saga.Status {
	run.Reuse()
	e := saga.Event{Kind: saga.Started, At: testStart, Payload: saga.JSON([]byte(`{"Trip":7}`))}
	for state := (saga.State{ID: testID}); ; {
		next, effects, err := made.DecideIn(run, state, nil, e)
		if err != nil || next.Status.Ended() {
			return next.Status
		}
		run.Committed()
		for _, effect := range effects {
			if send, ok := effect.(saga.Send); ok {
				e = replyTo(send.Command, saga.Succeeded, `{"Ref":"x"}`, "")
			}
		}
		e.At, state = testStart, next
	}
}
