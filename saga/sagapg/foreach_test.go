package sagapg_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// listOf is an expression: the list of the input, or the outputs of a step.
type listOf string

func (l listOf) String() string { return string(l) }

func (l listOf) Reads() saga.Reads {
	if l == "input" {
		return saga.Reads{Input: true}
	}
	return saga.Reads{Steps: []string{string(l)}}
}

func (l listOf) Eval(scope saga.Scope) (json.RawMessage, error) {
	if l != "input" {
		data, _, err := scope.Output(string(l))
		return data, err
	}
	return scope.Input()
}

// orders is a saga of two lists: the input's, and what the first has answered.
func orders() saga.Definition {
	return saga.Definition{Name: "orders", Version: "r1", Steps: []saga.Step{
		{Name: "reserve", Participant: "stock", Command: "reserve", Compensation: "release", ForEach: &saga.ForEach{List: listOf("input")}},
		{Name: "pay", Participant: "cards", Command: "charge", Kind: saga.Pivot},
		{Name: "ship", Participant: "post", Command: "ship", Kind: saga.Retriable, ForEach: &saga.ForEach{List: listOf("reserve"), Concurrency: 20}},
	}}
}

// lines is a list of n items.
func lines(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"sku":"sku-%04d","quantity":%d}`, i, i%7)
	}
	return "[" + strings.Join(items, ",") + "]"
}

// TestAThousandItemsOnPostgres runs a saga of two lists of 1,000 items, each larger than
// the state keeps. What it costs must not grow with the square.
func TestAThousandItemsOnPostgres(t *testing.T) {
	t.Parallel()
	def := orders()
	w := setup(t, def)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		r := replyTo(cmd, saga.Succeeded)
		r.Payload = saga.JSON(fmt.Appendf(nil, `{"reservation":"0190a1b2-%s"}`, cmd.ID.Step))
		return []saga.Reply{r}
	})
	var before, after string
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT pg_current_wal_insert_lsn()::text`).Scan(&before))
	began := time.Now()
	id := w.start(t, "orders", lines(saga.MaxItems))
	require.Eventually(t, func() bool { return w.state(t, id).Status == saga.Completed }, 2*time.Minute, 50*time.Millisecond)
	took := time.Since(began)
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT pg_current_wal_insert_lsn()::text`).Scan(&after))
	var wal, states float64
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT pg_wal_lsn_diff($1, $2)::float8`, after, before).Scan(&wal))
	state := w.state(t, id)
	states = float64(len(saga.AppendState(nil, &state)))
	t.Logf("%d events in %s, %.0f bytes of WAL an event (of all tests that run), %.0f bytes of the last state", state.Seq, took, wal/float64(state.Seq), states)
	require.Equal(t, int64(2*saga.MaxItems+2), state.Seq)
	sent := w.bus.commands(id)
	require.Len(t, sent, 2*saga.MaxItems+1)
	last := sent[len(sent)-1]
	require.JSONEq(t, fmt.Sprintf(`{"reservation":"0190a1b2-reserve[%d]"}`, last.ID.Step.Item-1), string(last.Payload.Data))
	w.replays(t, def, id)
}

// TestItemsOutliveTheirOwner: a saga amid its items goes on with the next owner, one of
// its items is told to try again by a node that does not own it, and one that is refused
// undoes them all, once each.
func TestItemsOutliveTheirOwner(t *testing.T) {
	t.Parallel()
	def := orders()
	def.Steps[0].ForEach = &saga.ForEach{List: listOf("input"), Concurrency: 3}
	def.Steps[0].Do = saga.Policy{Backoff: time.Hour, Cap: time.Hour}
	w := setup(t, def)
	const fails, refuses = 3, 7
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		switch {
		case cmd.ID.Direction == saga.Do && cmd.ID.Step.Item == fails && cmd.Attempt == 1:
			return []saga.Reply{replyTo(cmd, saga.Failed)}
		case cmd.ID.Direction == saga.Do && cmd.ID.Step.Item == refuses:
			return nil
		}
		return succeed(cmd)
	})
	id := w.start(t, "orders", lines(8))
	item := func(n int) saga.StepState {
		items := w.state(t, id)
		return items.Items(0)[n-1]
	}
	require.Eventually(t, func() bool { return item(8).Phase == saga.Done }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, saga.Resting, item(fails).Phase)
	mine := w.bus.ends()[bucket.Of(id.String(), bucket.Count):][:1]
	w.c.Lose(mine)
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Retried, Saga: id, Step: "reserve[2]", RequestID: "r"})
	require.NoError(t, err)
	w.c.Gain(context.Background(), mine)
	require.Eventually(t, func() bool { return item(fails).Phase == saga.Done }, 10*time.Second, 5*time.Millisecond)
	for _, cmd := range w.bus.commands(id) {
		if cmd.ID.Step.Item == refuses {
			w.bus.say(cmd, saga.Rejected, `{}`)
		}
	}
	w.ends(t, id, saga.Compensated)
	undone := map[saga.StepRef]int{}
	for _, cmd := range w.bus.commands(id) {
		if cmd.ID.Direction == saga.Undo {
			undone[cmd.ID.Step]++
		}
	}
	require.Len(t, undone, 7)
	w.replays(t, def, id)
}

// TestAHalfOpenBreakerGetsItsProbe: of the items that a breaker holds, it lets those go
// that it wants to see, one as a probe and then some more: with all or none of a saga's
// commands it would never close again.
func TestAHalfOpenBreakerGetsItsProbe(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	def := orders()
	def.Steps[0].Do = saga.Policy{Timeout: 5 * time.Minute, Attempts: 40, Backoff: time.Millisecond, Cap: 10 * time.Millisecond}
	w := gated(t, gate, def)
	troubled := ailing(w, "stock")
	id := w.start(t, "orders", lines(30))
	require.Eventually(t, func() bool { return status(gate, "stock", false).State != breaker.Closed }, 20*time.Second, 5*time.Millisecond)
	troubled.Store(false)
	w.ends(t, id, saga.Completed)
	passed := false
	for _, e := range w.history(t, id) {
		passed = passed || len(e.Extras().Passed) > 0
	}
	require.True(t, passed, "no event has let some pass")
	w.replays(t, def, id)
}

func (w *world) history(t *testing.T, id saga.ID) saga.History {
	t.Helper()
	b, err := w.store.Store.Begin(t.Context(), coordinator.Load{Sagas: []saga.ID{id}})
	require.NoError(t, err)
	defer b.Abort(t.Context())
	histories, err := b.Histories(t.Context(), []saga.ID{id})
	require.NoError(t, err)
	return histories[id]
}
