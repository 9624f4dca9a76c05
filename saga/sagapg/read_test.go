package sagapg_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// shelf returns a Reader of a schema with sagas of ids 1 to n, each
// changed by change.
func shelf(t *testing.T, n int, change func(i int, row *coordinator.Row)) *sagapg.Reader {
	t.Helper()
	const schema = "Odd name"
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := sagapg.New(sagapg.Config{Pool: pool, Schema: schema})
	require.NoError(t, err)
	var w coordinator.Writes
	for i := 1; i <= n; i++ {
		row := coordinator.Row{Namespace: "default", State: saga.State{
			ID: numbered(i), Definition: "bookTrip", Version: "r1", Level: 1, Seq: 1, Status: saga.Running,
			Started: epoch, Last: epoch.Add(time.Second), Steps: []saga.StepState{{Phase: saga.Doing, Epoch: 1, Attempt: 1, Due: epoch}},
		}}
		change(i, &row)
		w.New = append(w.New, row)
	}
	for seq := int64(1); seq <= 5; seq++ {
		w.Events = append(w.Events, coordinator.EventRow{Saga: numbered(1), Event: happened(seq)})
	}
	b, err := store.Begin(t.Context(), coordinator.Load{})
	require.NoError(t, err)
	require.NoError(t, b.Commit(t.Context(), &w))
	return sagapg.NewReader(pool, schema)
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func numbered(n int) saga.ID { return saga.ID{0: 1, 6: 0x70, 8: 0x80, 15: byte(n)} }

func happened(seq int64) saga.Event {
	return saga.Event{
		Seq: seq, Kind: saga.Replied, At: epoch, Actor: saga.Actor{Kind: saga.Participant, Name: "flights"}, Reason: "because",
		Step: saga.StepRef{Name: "reserve", Item: 2}, Direction: saga.Undo, Attempt: 3, Epoch: 2, Outcome: saga.Failed,
		Payload: saga.Payload{Data: []byte("\x00x"), ContentType: "a/b", Codec: "c", KeyID: "k"},
		Hold:    true, RequestID: fmt.Sprint("q", seq),
		Extra: &saga.EventExtra{
			Passed:  []saga.StepRef{{Name: "reserve", Item: 1}},
			Held:    []saga.Way{{Participant: "payments", Direction: saga.Do}, {Participant: "flights", Direction: saga.Undo}},
			Healthy: epoch, Definition: "bookTrip", Version: "r1", Level: 1, Key: "k", Begin: epoch, Trace: "t", Signal: "s", Groups: []string{"g"},
			Asked: []saga.Asked{{What: "do:pay payments/charge", Data: []byte(`{"a":"\u003c"}`)}, {What: "sleep:sleep"}},
		},
		Sent: []saga.Sent{{Step: saga.StepRef{Name: "charge"}, Direction: saga.Do, Attempt: 1, Name: "payments/charge", Hash: 7}},
	}
}

func TestReaderGets(t *testing.T) {
	t.Parallel()
	r := shelf(t, 1, func(int, *coordinator.Row) {})
	view, err := r.Get(t.Context(), numbered(1))
	require.NoError(t, err)
	require.Equal(t, "default", view.Namespace)
	require.Equal(t, numbered(1), view.State.ID)
	require.Equal(t, epoch, view.State.Steps[0].Due)
	_, err = r.Get(t.Context(), numbered(2))
	require.ErrorIs(t, err, coordinator.ErrNotFound)
}

func TestReaderListsTheNewestFirst(t *testing.T) {
	t.Parallel()
	r := shelf(t, 9, func(i int, row *coordinator.Row) {
		switch {
		case i == 9:
			row.Namespace = "other"
		case i%4 == 0:
			row.State.Definition = "sellCar"
		case i%2 == 0:
			row.State.Status = saga.Completed
		case i == 3:
			row.State.Attention = []saga.Attention{{Reason: saga.PivotUnknown}}
		}
	})
	for _, c := range []struct {
		filter sagapg.Filter
		want   []int
	}{
		{sagapg.Filter{}, []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{sagapg.Filter{Limit: 3}, []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{sagapg.Filter{Definition: "sellCar", Limit: 1}, []int{8, 4}},
		{sagapg.Filter{Status: saga.Completed}, []int{6, 2}},
		{sagapg.Filter{Attention: true}, []int{3}},
		{sagapg.Filter{Attention: true, Definition: "sellCar"}, nil},
	} {
		c.filter.Namespace = "default"
		var got []int
		for more := true; more; {
			page, next, err := r.List(t.Context(), c.filter)
			require.NoError(t, err)
			require.True(t, c.filter.Limit == 0 || len(page) <= c.filter.Limit)
			for _, view := range page {
				got = append(got, int(view.State.ID[15]))
			}
			c.filter.After, more = next, !next.IsZero()
		}
		require.Equal(t, c.want, got, "%+v", c.filter)
	}
}

func TestReaderPagesAHistory(t *testing.T) {
	t.Parallel()
	r := shelf(t, 1, func(int, *coordinator.Row) {})
	events, err := r.History(t.Context(), numbered(1), 0, 2)
	require.NoError(t, err)
	require.Equal(t, []saga.Event{happened(1), happened(2)}, events)
	events, err = r.History(t.Context(), numbered(1), 2, 0)
	require.NoError(t, err)
	require.Equal(t, []saga.Event{happened(3), happened(4), happened(5)}, events)
	events, err = r.History(t.Context(), numbered(2), 0, 0)
	require.NoError(t, err)
	require.Empty(t, events)
}

// Sagas are found by what they wait for, in what is stored of them from the first
// event on.
func TestReaderListsWhoWaits(t *testing.T) {
	t.Parallel()
	phases := []saga.Phase{saga.Doing, saga.Held, saga.UndoHeld, saga.Asking, saga.Awaiting, saga.Sleeping, saga.Raising}
	r := shelf(t, 9, func(i int, row *coordinator.Row) {
		row.State.Steps[0].Phase = phases[i%len(phases)]
		switch i {
		case 8:
			row.State.Paused = epoch
		case 9:
			row.State.Status = saga.Abandoned
		}
	})
	for word, want := range map[string][]int{
		"reply": {7}, "breaker": {2, 1}, "approval": {3}, "signal": {4}, "timer": {5}, "child": {6}, "operator": {8}, "lock": nil, "update": nil,
	} {
		waits, ok := saga.ParseWaits(word)
		require.True(t, ok)
		page, next, err := r.List(t.Context(), sagapg.Filter{Namespace: "default", Waiting: waits, Limit: 2})
		require.NoError(t, err)
		require.True(t, next.IsZero())
		var got []int
		for _, v := range page {
			got = append(got, int(v.State.ID[15]))
			require.Equal(t, []string{word}, v.State.WaitingFor())
		}
		require.Equal(t, want, got, word)
	}
	page, next, err := r.List(t.Context(), sagapg.Filter{Namespace: "default", Waiting: saga.ForBreaker, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, numbered(2), next)
	require.Len(t, page, 1)
	page, _, err = r.List(t.Context(), sagapg.Filter{Namespace: "default", Waiting: saga.ForBreaker, Limit: 1, After: next})
	require.NoError(t, err)
	require.Equal(t, numbered(1), page[0].State.ID)
}
