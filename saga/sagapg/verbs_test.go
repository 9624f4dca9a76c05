package sagapg_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// hold starts a saga whose first command is not answered until release.
func (w *world) hold(t *testing.T, definition string) saga.ID {
	t.Helper()
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	return w.start(t, definition, `{}`)
}

// release answers the last command of each saga.
func (w *world) release(ids []saga.ID) {
	for _, id := range ids {
		sent := w.bus.commands(id)
		cmd := sent[len(sent)-1]
		w.bus.mu.Lock()
		w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), replyTo(cmd, saga.Succeeded), time.Now()), []byte(`{}`), cmd.Route.ReplyPartition)
		w.bus.mu.Unlock()
	}
}

// sweep hands every row of the outbox to the bus, once.
func (w *world) sweep(t *testing.T) {
	t.Helper()
	rows, err := w.pool.Query(t.Context(), `DELETE FROM unwind.outbox RETURNING id, key, topic, headers, payload`)
	require.NoError(t, err)
	var list []outbox.Row
	for rows.Next() {
		var row outbox.Row
		var headers []byte
		require.NoError(t, rows.Scan(&row.ID, &row.Key, &row.Topic, &headers, &row.Payload))
		row.Headers, err = outbox.DecodeHeaders(headers)
		require.NoError(t, err)
		list = append(list, row)
	}
	require.NoError(t, rows.Err())
	w.bus.Hand(list)
}

func buckets() []int {
	list := make([]int, bucket.Count)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestCancelBeforeThePivot(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	res, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, Reason: "changed my mind", RequestID: "r-1"})
	require.NoError(t, err)
	require.True(t, res.Changed)
	require.Equal(t, saga.Compensating, res.State.Status)
	res, err = w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, RequestID: "r-1"})
	require.NoError(t, err)
	require.False(t, res.Changed, "the same request again")
	w.bus.answers(succeed)
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Compensated)
}

func TestCancelAfterThePivot(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.start(t, "travel", `{}`)
	w.ends(t, id, saga.Completed)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id})
	require.ErrorIs(t, err, saga.ErrPastPivot)
	_, err = w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: saga.ID{1}})
	require.ErrorIs(t, err, coordinator.ErrNotFound)
}

// DESIGN.md section 8: any node runs a verb, but only the owner sends.
func TestCancelOnAnotherNode(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	w.release([]saga.ID{id})
	require.Eventually(t, func() bool { return len(w.bus.commands(id)) == 2 }, 10*time.Second, 5*time.Millisecond)
	n := bucket.Of(id.String(), bucket.Count)
	mine := []lease.Held{{Bucket: n, ReadOffset: -1}}
	w.c.Lose(mine)
	res, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, Reason: "elsewhere"})
	require.NoError(t, err)
	require.Equal(t, saga.Compensating, res.State.Status)
	require.Len(t, w.bus.commands(id), 2, "a node that does not own the bucket sends nothing")
	w.bus.answers(succeed)
	w.c.Gain(context.Background(), mine)
	w.release([]saga.ID{id})
	w.ends(t, id, saga.Compensated)
	require.Eventually(t, func() bool {
		far, err := w.store.FarWakes(t.Context(), buckets(), 10)
		return err == nil && len(far) == 0
	}, 10*time.Second, 10*time.Millisecond, "the far wake is done with")
}

// I7: a writer whose bucket has a new owner writes nothing.
func TestFence(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	_, err := w.pool.Exec(t.Context(), `UPDATE unwind.buckets SET epoch = epoch + 1`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err = w.c.Start(ctx, coordinator.StartRequest{Namespace: "default", Definition: "travel", Version: "r1", Input: saga.JSON([]byte(`{}`))})
	require.Error(t, err)
	var n int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM unwind.sagas`).Scan(&n))
	require.Zero(t, n)
}

// A poisoned saga takes no messages; cancelling it says how it goes on.
func TestCancelOfAPoisonedSaga(t *testing.T) {
	t.Parallel()
	w := setup(t, patient())
	id := w.hold(t, "travel")
	var once sync.Once
	w.store.set(func(*coordinator.Writes) (before, after error) {
		once.Do(func() { before = coordinator.ErrGuilty })
		return before, after
	})
	w.release([]saga.ID{id})
	require.Eventually(t, func() bool { return len(w.state(t, id).Attention) == 1 }, 10*time.Second, 5*time.Millisecond)
	w.bus.answers(succeed)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id})
	require.NoError(t, err)
	w.ends(t, id, saga.Compensated) // by the reply that was kept: nothing times out
	require.Empty(t, w.state(t, id).Attention)
	mail, err := w.store.Mail(t.Context(), buckets(), coordinator.Mail{}, 10)
	require.NoError(t, err)
	require.Empty(t, mail)
}

// A poisoned saga is turned back by its deadline, and then takes what it was told.
func TestDeadlineOfAPoisonedSaga(t *testing.T) {
	t.Parallel()
	def := patient()
	w := setup(t, def)
	id := w.hold(t, "travel")
	var once sync.Once
	w.store.set(func(*coordinator.Writes) (before, after error) {
		once.Do(func() { before = coordinator.ErrGuilty })
		return before, after
	})
	w.release([]saga.ID{id})
	require.Eventually(t, func() bool { return len(w.state(t, id).Attention) == 1 }, 10*time.Second, 5*time.Millisecond)
	w.bus.answers(succeed)
	mine := w.bus.ends()[bucket.Of(id.String(), bucket.Count):][:1]
	w.c.Lose(mine)
	state := w.state(t, id)
	state.Deadline = state.Last.Add(time.Second)
	_, err := w.pool.Exec(t.Context(), `UPDATE unwind.sagas SET state = $2, wake_at = $3 WHERE id = $1`, [16]byte(id), saga.AppendState(nil, &state), state.Deadline)
	require.NoError(t, err)
	w.c.Gain(context.Background(), mine)
	w.ends(t, id, saga.Compensated)
	require.Empty(t, w.state(t, id).Attention)
}

// An output above saga.InlineMax is read from the history, also when it comes in
// the same batch as what reads it.
func TestLargeOutputInOneBatch(t *testing.T) {
	t.Parallel()
	large := `{"x":"` + strings.Repeat("a", 2*saga.InlineMax) + `"}`
	w := setup(t, saga.Definition{Name: "wide", Steps: []saga.Step{
		{Name: "a", Participant: "p", Command: "a", Reason: "reads only"},
		{Name: "b", Participant: "p", Command: "b", Reason: "reads only", After: []string{}},
		{Name: "c", Participant: "p", Command: "c", Reason: "reads only", After: []string{"a", "b"}, Input: outputOf("a")},
	}})
	w.bus.answers(func(saga.Command) []saga.Reply { return nil })
	id := w.start(t, "wide", `{}`)
	w.bus.answers(succeed)
	w.bus.mu.Lock()
	for _, cmd := range w.bus.sent {
		reply := replyTo(cmd, saga.Succeeded)
		w.bus.put(saga.ReplyHeaders(saga.CommandHeaders(cmd, time.Now()), reply, time.Now()), []byte(large), cmd.Route.ReplyPartition)
	}
	w.bus.mu.Unlock()
	w.ends(t, id, saga.Completed)
	sent := w.bus.commands(id)
	require.Equal(t, large, string(sent[len(sent)-1].Payload.Data))
}

// outputOf is an expression that yields the output of a step.
type outputOf string

func (o outputOf) Eval(scope saga.Scope) (json.RawMessage, error) {
	out, _, err := scope.Output(string(o))
	return out, err
}
func (o outputOf) Reads() saga.Reads { return saga.Reads{Steps: []string{string(o)}} }
func (o outputOf) String() string    { return "${steps." + string(o) + ".output}" }
