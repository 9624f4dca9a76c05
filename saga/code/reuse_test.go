package code_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// used is a run with which a saga of as many events as a trip has completed.
func used(t *testing.T, w *world) {
	t.Helper()
	require.Equal(t, saga.Completed, bookOne(mustCode(t, bookTrip), &w.run))
	w.run.Reuse()
}

// The run of a saga that has completed serves another one, of another function, also when
// both would stand at the same event: nothing of the first is left in it.
func TestARunServesOneSagaAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newTest(t, bookTrip)
	out := w.start(`{"Trip":7}`)
	for _, then := range []string{`do hotel hotels/book {"Trip":7}`, `do pay payments/charge {"Trip":7}`, `do mail mail/send {"Ref":"P1"}`, ""} {
		w.forget()
		used(t, w)
		require.False(t, w.run.Ready(&w.state))
		e := replyTo(out[0], saga.Succeeded, `{"Ref":"P1"}`, "")
		e.At = w.now
		_, _, err := w.code.DecideIn(&w.run, w.state, nil, e)
		require.ErrorIs(t, err, saga.ErrNeedHistory)
		if out = w.event(e); then != "" {
			require.Equal(t, []string{then}, sent(out))
		}
	}
	require.Equal(t, saga.Completed, w.state.Status)
}

// Branches take over what those before them have left, within a function and beyond it;
// one that is over is not resumed because something else has come that it had waited for.
func TestBranchesRunOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newTest(t, func(c *code.Context, _ trip) (int, error) {
		sum := 0
		for round := range 3 {
			var both [2]code.Future[int]
			slow, quick := c.Timer(time.Hour), c.Timer(time.Minute)
			for n := range both {
				both[n] = code.Go(c, func(c *code.Context) (int, error) { return code.First(c, slow, quick) + 10*n + round, nil })
			}
			for _, one := range both {
				n, err := one.Get(c)
				if err != nil {
					return 0, err
				}
				sum += n
			}
			_, _ = slow.Get(c)
		}
		return sum, nil
	})
	used(t, w)
	w.start(`{}`)
	for range 6 {
		w.now = w.state.WakeAt()
		w.wakeNow()
	}
	require.Equal(t, saga.Completed, w.state.Status)
	require.JSONEq(t, `42`, string(w.state.Extras().Output)) // 3 · (1 + 1 + 10) + 2 · (0 + 1 + 2)
}

// Whoever keeps the Context of a function that has ended has nothing of the next one.
func TestAContextOfAnEndedFunctionIsOver(t *testing.T) {
	t.Parallel()
	var kept *code.Context
	first := newTest(t, func(c *code.Context, _ trip) (int, error) { kept = c; return 1, nil })
	first.start(`{}`)
	require.Equal(t, saga.Completed, first.state.Status)
	w := newTest(t, bookTrip)
	w.run, first.run = first.run, saga.Run{}
	w.run.Reuse()
	out := w.start(`{"Trip":7}`)
	require.Panics(t, func() { code.SideEffect(kept, "late", func() int { return 1 }) })
	require.Equal(t, testID, kept.ID())
	require.Equal(t, []string{`do hotel hotels/book {"Trip":7}`}, sent(w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")))
}
