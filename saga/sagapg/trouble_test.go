package sagapg_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

const patience = 20 * time.Second

// A partition whose offset has expired would otherwise stand still for ever.
func TestAPartitionThatLacksItsOffsetIsReadFromTheOldest(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.c.Lose(all())
	held := all()
	held[7].ReadOffset = 500
	w.c.Gain(t.Context(), held)
	assigned := func() int64 {
		w.bus.mu.Lock()
		defer w.bus.mu.Unlock()
		return w.bus.assigned[7]
	}
	require.EqualValues(t, 500, assigned())
	w.bus.stopped <- fmt.Errorf("poll: %w", &kafka.PartitionError{Topic: "unwind.replies.g1", Partition: 7, Offset: 500, Err: kafka.ErrOffsetOutOfRange})
	require.Eventually(t, func() bool { return assigned() == kafka.OffsetOldest }, patience, time.Millisecond)
}

// An offset that was never reached must not be stored: the oldest record of the
// partition may lie above it by the time that it is used.
func TestAnUnreadPartitionHasNoOffset(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.c.Lose(all())
	w.bus.mu.Lock()
	defer w.bus.mu.Unlock()
	require.Empty(t, w.bus.saved)
}

// DESIGN.md 6.11: one saga never spoils a batch, also not one that a newer build
// has written.
func TestAnUnreadableStateSpoilsNoBatch(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(cmd saga.Command) []saga.Reply { return nil })
	odd := w.start(t, "travel", `{}`)
	_, err := w.pool.Exec(t.Context(), `UPDATE unwind.sagas SET state = '\x63', seq = seq + 1 WHERE id = $1`, [16]byte(odd))
	require.NoError(t, err)
	_, err = w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: odd, Actor: saga.Actor{Kind: saga.Operator}})
	require.ErrorIs(t, err, coordinator.ErrVersion)
	w.bus.mu.Lock()
	cmd := w.bus.sent[0]
	w.bus.answer = succeed
	w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), replyTo(cmd, saga.Succeeded), time.Now()), nil, cmd.Route.ReplyPartition)
	w.bus.mu.Unlock()
	for range 20 { // enough to meet the writer of the odd one
		w.ends(t, w.start(t, "travel", `{}`), saga.Completed)
	}
	require.Eventually(t, func() bool {
		var kept int
		err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.saga_mail WHERE saga = $1`, [16]byte(odd)).Scan(&kept)
		return err == nil && kept == 1
	}, patience, 5*time.Millisecond, "its reply waits for a build that can read it")
}

// A verb on a saga whose version this process does not have is refused, and changes
// nothing: no answer at all would pass for one that had nothing to do.
func TestAVerbOfAnUnknownVersion(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	before := w.state(t, id)
	old, err := coordinator.New(coordinator.Config{Store: w.store, Definitions: library{}, Relay: w.bus, Keys: keys, Incarnation: 1})
	require.NoError(t, err)
	_, err = old.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, Actor: saga.Actor{Kind: saga.Operator}})
	require.ErrorIs(t, err, coordinator.ErrVersion)
	require.ErrorIs(t, err, coordinator.ErrNoDefinition)
	require.Equal(t, before.Seq, w.state(t, id).Seq)
}

// The end of a saga is told also when its commit had an unknown outcome.
func TestTheEndIsToldAfterAnUnknownCommit(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		for _, row := range writes.Changed {
			if row.State.Status.Ended() {
				return nil, coordinator.ErrUnknownOutcome
			}
		}
		return nil, nil
	})
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	ended, stop := w.c.WatchEnd(id)
	defer stop()
	w.bus.answers(succeed) // the command is sent again when its time is up
	select {
	case status := <-ended:
		require.Equal(t, saga.Completed, status)
	case <-time.After(patience):
		t.Fatal("nobody told")
	}
}

// DESIGN.md 6.2: a far wake knows nothing of the way to the participant, so no
// command's time is up by it.
func TestAFarWakeBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	w.bus.mu.Lock()
	w.bus.down = true
	w.bus.mu.Unlock()
	id := w.start(t, "travel", `{}`)
	var now time.Time
	state := w.state(t, id)
	due := state.WakeAt()
	require.Eventually(t, func() bool {
		err := w.pool.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&now)
		return err == nil && now.After(due)
	}, patience, 5*time.Millisecond)
	_, err := w.pool.Exec(t.Context(), `INSERT INTO unwind.far_wakes (bucket, at, saga) VALUES ($1, clock_timestamp(), $2)`,
		bucket.Of(id.String(), bucket.Count), [16]byte(id))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var left int
		err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.far_wakes`).Scan(&left)
		return err == nil && left == 0
	}, patience, 5*time.Millisecond)
	require.Len(t, w.bus.commands(id), 1, "nothing was sent again")
	require.Equal(t, 1, w.state(t, id).Steps[0].Attempt)
}

// Attention is put on a saga whose data cannot be stored even if the database is
// away in the first moment; else its wake would be lost.
func TestAttentionIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, travel())
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "travel", `{}`)
	tries := 0
	w.store.set(func(writes *coordinator.Writes) (before, after error) {
		switch tries++; {
		case writes.Events[0].Event.Kind != saga.Poisoned:
			return coordinator.ErrGuilty, nil
		case tries < 4:
			return errors.New("the database is away"), nil
		}
		return nil, nil
	})
	require.Eventually(t, func() bool { return len(w.state(t, id).Attention) == 1 }, patience, 5*time.Millisecond)
	w.store.set(nil)
	_, err := w.c.Do(context.Background(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, Reason: "enough"})
	require.NoError(t, err)
}

// I4: until a batch is committed no participant hears of it.
func TestNothingLeavesBeforeTheCommit(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	var mu sync.Mutex
	var early []saga.Command
	failures := 0
	w.store.set(func(*coordinator.Writes) (before, after error) {
		mu.Lock()
		defer mu.Unlock()
		if failures++; failures > 3 {
			return nil, nil
		}
		early = w.bus.commands(id)
		return errors.New("the connection broke before the commit"), nil
	})
	w.bus.answers(succeed)
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Completed)
	mu.Lock()
	defer mu.Unlock()
	require.Greater(t, failures, 3)
	require.Equal(t, []string{"flight/do@1"}, steps(early))
	require.Equal(t, []string{"flight/do@1", "hotel/do@1", "charge/do@1"}, steps(w.bus.commands(id)))
}
