package sagapg_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// newGate opens after three failures and probes soon. A permit that is lost stays
// lost: its last resort would hide it.
func newGate(t *testing.T) *breaker.Gate[saga.ID] {
	t.Helper()
	gate, err := breaker.NewGate[saga.ID](breaker.Config{
		Consecutive: 3, MinRequests: 1000, OpenFor: 100 * time.Millisecond, Probes: 1, ProbeFor: time.Hour, Ramp: 500, RampDouble: 100 * time.Millisecond,
	})
	require.NoError(t, err)
	return gate
}

func status(gate *breaker.Gate[saga.ID], participant string, undo bool) breaker.Status {
	list := gate.List()
	i := slices.IndexFunc(list, func(s breaker.Status) bool { return s.Participant == participant && (s.Direction == "undo") == undo })
	if i < 0 {
		return breaker.Status{}
	}
	return list[i]
}

// ailing answers failed for what a participant is to do while troubled is set.
func ailing(w *world, participant string) (troubled *atomic.Bool) {
	troubled = &atomic.Bool{}
	troubled.Store(true)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Participant == participant && cmd.ID.Direction == saga.Do && troubled.Load() {
			return []saga.Reply{replyTo(cmd, saga.Failed)}
		}
		return succeed(cmd)
	})
	return troubled
}

// tenacious is a saga with many attempts and short pauses: without a gate it
// would burn them all within seconds.
func tenacious() saga.Definition {
	return trip(saga.Policy{Timeout: 5 * time.Minute, Attempts: 40, Backoff: time.Millisecond, Cap: 10 * time.Millisecond})
}

// I14: what is held burns no attempt, and every saga goes on after the outage.
func TestOpenBreakerHolds(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	w := gated(t, gate, tenacious())
	troubled := ailing(w, "hotels")
	var ids []saga.ID
	for range 30 {
		ids = append(ids, w.start(t, "travel", `{}`))
	}
	require.Eventually(t, func() bool { return status(gate, "hotels", false).Held >= 25 }, 20*time.Second, 5*time.Millisecond)
	require.NotEqual(t, breaker.Closed, status(gate, "hotels", false).State)
	troubled.Store(false)
	most := 0
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
		for _, cmd := range w.bus.commands(id) {
			most = max(most, cmd.Attempt)
		}
	}
	require.Less(t, most, 20, "probes only may burn attempts")
	require.Eventually(t, func() bool { return status(gate, "hotels", false).Held == 0 }, 10*time.Second, 5*time.Millisecond)
	w.replays(t, tenacious(), ids...)
}

// Compensations wait too, and the saga may be turned back while its do is held.
func TestOpenBreakerHoldsCompensations(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	w := gated(t, gate, tenacious())
	var quiet atomic.Bool
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		switch {
		case cmd.Participant == "hotels" && cmd.ID.Direction == saga.Do:
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		case cmd.Participant == "flights" && cmd.ID.Direction == saga.Undo && !quiet.Load():
			return []saga.Reply{replyTo(cmd, saga.Failed)}
		}
		return succeed(cmd)
	})
	var ids []saga.ID
	for range 10 {
		ids = append(ids, w.start(t, "travel", `{}`))
	}
	require.Eventually(t, func() bool { return status(gate, "flights", true).Held >= 8 }, 20*time.Second, 5*time.Millisecond)
	quiet.Store(true)
	for _, id := range ids {
		w.ends(t, id, saga.Compensated)
	}
	w.replays(t, tenacious(), ids...)
}

// A batch that is not committed gives its permits back: the breaker's probes are
// not used up by it.
func TestPermitsOfAnAbortedBatchComeBack(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	w := gated(t, gate, tenacious())
	troubled := ailing(w, "flights")
	id := w.start(t, "travel", `{}`)
	require.Eventually(t, func() bool { return status(gate, "flights", false).State != breaker.Closed }, 20*time.Second, 5*time.Millisecond)
	var failures atomic.Int32
	w.store.set(func(*coordinator.Writes) (before, after error) {
		if failures.Add(1) <= 4 {
			return errors.New("serialization failure"), nil
		}
		return nil, nil
	})
	troubled.Store(false)
	w.ends(t, id, saga.Completed)
	require.Greater(t, failures.Load(), int32(4))
	out := func(s breaker.Status) bool { return s.InFlight > 0 }
	require.Eventually(t, func() bool { return !slices.ContainsFunc(gate.List(), out) }, 5*time.Second, 5*time.Millisecond, "a permit is out still")
}

// A lost bucket gives its permits back and its held sagas up; the next owner
// finds them.
func TestLostBucketLeavesTheGate(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	// A reply that was read and not decided is lost here: this bus does not repeat it.
	def := trip(saga.Policy{Timeout: time.Second, Attempts: 40, Backoff: time.Millisecond, Cap: 10 * time.Millisecond})
	w := gated(t, gate, def)
	troubled := ailing(w, "flights")
	var ids []saga.ID
	for range 20 {
		ids = append(ids, w.start(t, "travel", `{}`))
	}
	require.Eventually(t, func() bool { return status(gate, "flights", false).Held >= 15 }, 20*time.Second, 5*time.Millisecond)
	w.c.Lose(all())
	require.Zero(t, status(gate, "flights", false).Held)
	troubled.Store(false)
	w.c.Gain(t.Context(), w.bus.ends())
	for _, id := range ids {
		w.ends(t, id, saga.Completed)
	}
	w.replays(t, def, ids...)
}

// ends are all buckets, their partitions read to the end.
func (b *bus) ends() []lease.Held {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := all()
	for i := range held {
		held[i].ReadOffset = b.offsets[int32(i)]
	}
	return held
}
