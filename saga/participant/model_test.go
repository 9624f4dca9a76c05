package participant

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
)

// world is what the model knows of one step: how often it was really done and
// undone, and what was answered.
type world struct {
	id      saga.ID
	answers map[string]saga.Reply
	undone  bool
}

// TestAnyOrderOfDeliveriesHasOneEffect delivers commands of a few epochs in any
// order, with repeats, refusals and faults, and checks what must always hold.
func TestAnyOrderOfDeliveriesHasOneEffect(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{id: newSaga(), answers: map[string]saga.Reply{}}
		for range rapid.IntRange(1, 12).Draw(rt, "deliveries") {
			w.deliver(rt, f)
		}
		do, undo := f.effects(w.id)
		require.LessOrEqual(rt, do, 1, "done at most once")
		require.LessOrEqual(rt, undo, do, "undone at most once, and only what was done")
	})
}

func (w *world) deliver(rt *rapid.T, f *fixture) {
	a := ask{
		saga:        w.id,
		undo:        rapid.Bool().Draw(rt, "undo"),
		incarnation: rapid.Int64Range(1, 2).Draw(rt, "incarnation"),
		epoch:       rapid.IntRange(1, 3).Draw(rt, "epoch"),
		value:       rapid.SampledFrom([]string{`{"seat":1}`, `{"reject":"no"}`, `{"fail":"oh"}`}).Draw(rt, "input"),
	}
	doBefore, undoBefore := f.effects(w.id)
	r := f.give(a.record())
	do, undo := f.effects(w.id)
	key := fmt.Sprint(a.undo, a.incarnation, a.epoch)
	switch {
	case a.undo:
		require.Equal(rt, doBefore, do, "an undo does nothing forward")
		w.undone = w.undone || r.Outcome == saga.Succeeded
	case r.Outcome == saga.Succeeded:
		require.Equal(rt, 1, do, "a success has its effect")
		require.False(rt, w.undone, "nothing succeeds after its undo")
	default:
		require.Equal(rt, doBefore, do, "what does not succeed has no effect")
	}
	if !a.undo {
		require.Equal(rt, undoBefore, undo)
	}
	w.sticks(rt, key, r, a.undo)
}

// sticks checks that the answer to one position never turns: a refusal stays a
// refusal, a success stays one until the step is undone.
func (w *world) sticks(rt *rapid.T, key string, r saga.Reply, undo bool) {
	before, answered := w.answers[key]
	if answered && before.Outcome == saga.Rejected {
		require.Equal(rt, saga.Rejected, r.Outcome, "a refusal sticks")
	}
	if answered && before.Outcome == saga.Succeeded && r.Outcome != saga.Succeeded && !undo {
		require.Contains(rt, []string{ReasonUndone, ReasonStale}, r.Reason, "a success stands until it is undone or outdated")
	}
	w.answers[key] = r
}
