package code_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// longHistory is a saga of 10,000 events: a local step, again and again.
func longHistory(b *testing.B) (*saga.Code, saga.History, saga.State, saga.Command) {
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

// BenchmarkCode is one saga of three steps as code, to be read beside
// saga.BenchmarkDecide, which is a quarter of a declared one.
func BenchmarkCode(b *testing.B) {
	made := mustCode(b, bookTrip)
	b.ReportAllocs()
	for b.Loop() {
		w := newWorld(b, made)
		state, effects, err := made.DecideIn(&w.run, w.state, nil, saga.Event{Kind: saga.Started, At: testStart, Payload: saga.JSON([]byte(`{"Trip":7}`))})
		require.NoError(b, err)
		for range 4 {
			e := replyTo(commands(effects)[0], saga.Succeeded, `{"Ref":"x"}`, "")
			e.At = testStart
			if state, effects, err = made.DecideIn(&w.run, state, nil, e); err != nil {
				b.Fatal(err)
			}
		}
		require.Equal(b, saga.Completed, state.Status)
		w.run.Stop()
	}
}
