package participant

import (
	"cmp"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

func TestPositionsOrderByIncarnationFirst(t *testing.T) {
	t.Parallel()
	require.Equal(t, -1, position{1, 9}.compare(position{2, 1}))
	require.Equal(t, 1, position{2, 1}.compare(position{1, 9}))
	require.Equal(t, -1, position{2, 1}.compare(position{2, 2}))
	require.Equal(t, 0, position{2, 2}.compare(position{2, 2}))
}

func TestStateWords(t *testing.T) {
	t.Parallel()
	for s := stateDone; s <= stateTombstone; s++ {
		got, err := parseState(s.String())
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
	_, err := parseState("none")
	require.ErrorContains(t, err, "guard state")
}

// cell is one cell of the table in the package comment.
type cell struct {
	state   string // before; "" is no row
	undo    bool
	where   string // below, same or above the stored position
	runs    bool
	outcome saga.Outcome
	reason  string
	after   string
	moved   bool // the row has the command's position afterwards
}

var cells = []cell{
	{"", false, "same", true, saga.Succeeded, "", "done", true},
	{"", true, "same", false, saga.Succeeded, ReasonNothing, "tombstone", true},
	{"done", false, "below", false, saga.Rejected, ReasonStale, "done", false},
	{"done", false, "same", false, saga.Succeeded, "kept", "done", false},
	{"done", false, "above", false, saga.Succeeded, ReasonOlderInput, "done", true},
	{"done", true, "below", false, saga.Rejected, ReasonStale, "done", false},
	{"done", true, "same", true, saga.Succeeded, "", "undone", true},
	{"done", true, "above", true, saga.Succeeded, "", "undone", true},
	{"rejected", false, "below", false, saga.Rejected, ReasonStale, "rejected", false},
	{"rejected", false, "same", false, saga.Rejected, "kept", "rejected", false},
	{"rejected", false, "above", true, saga.Succeeded, "", "done", true},
	{"rejected", true, "below", false, saga.Rejected, ReasonStale, "rejected", false},
	{"rejected", true, "same", false, saga.Succeeded, ReasonNothing, "undone", true},
	{"rejected", true, "above", false, saga.Succeeded, ReasonNothing, "undone", true},
	{"undone", false, "below", false, saga.Rejected, ReasonStale, "undone", false},
	{"undone", false, "same", false, saga.Rejected, ReasonUndone, "undone", false},
	{"undone", false, "above", false, saga.Rejected, ReasonUndone, "undone", false},
	{"undone", true, "below", false, saga.Rejected, ReasonStale, "undone", false},
	{"undone", true, "same", false, saga.Succeeded, "kept", "undone", false},
	{"undone", true, "above", false, saga.Succeeded, "kept", "undone", true},
	{"tombstone", false, "below", false, saga.Rejected, ReasonStale, "tombstone", false},
	{"tombstone", false, "same", false, saga.Rejected, ReasonUndone, "tombstone", false},
	{"tombstone", false, "above", false, saga.Rejected, ReasonUndone, "tombstone", false},
	{"tombstone", true, "below", false, saga.Rejected, ReasonStale, "tombstone", false},
	{"tombstone", true, "same", false, saga.Succeeded, "kept", "tombstone", false},
	{"tombstone", true, "above", false, saga.Succeeded, "kept", "tombstone", true},
}

// Each cell is entered by an epoch and by an incarnation that decides.
func TestEveryCellOfTheGuard(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	positions := map[string][]position{
		"below": {{2, 4}, {1, 9}},
		"same":  {{2, 5}},
		"above": {{2, 6}, {3, 1}},
	}
	for _, c := range cells {
		for _, at := range positions[c.where] {
			t.Run(fmt.Sprintf("%s/undo=%v/%d,%d", cmp.Or(c.state, "none"), c.undo, at.incarnation, at.epoch), func(t *testing.T) {
				f := *f
				f.t = t
				f.checkCell(c, at)
			})
		}
	}
}

func (f *fixture) checkCell(c cell, at position) {
	id := newSaga()
	stored := position{2, 5}
	if c.state != "" {
		f.place(id, c.state, stored)
	}
	reply := f.give(ask{saga: id, undo: c.undo, incarnation: at.incarnation, epoch: at.epoch}.record())
	require.Equal(f.t, c.outcome, reply.Outcome)
	require.Equal(f.t, c.reason, reply.Reason)
	require.Equal(f.t, at.epoch, reply.Epoch, "the reply echoes the command")
	require.Equal(f.t, at.incarnation, reply.Route.Incarnation, "the reply echoes the command")
	do, undo := f.effects(id)
	ran := 0
	if c.runs {
		ran = 1
	}
	require.Equal(f.t, ran, do+undo)
	state, now := f.row(id)
	require.Equal(f.t, c.after, state)
	if c.moved {
		stored = at
	}
	require.Equal(f.t, stored, now)
}

// place writes a guard row by hand.
func (f *fixture) place(id saga.ID, state string, at position) {
	f.t.Helper()
	outcome, payload := "succeeded", []byte(nil)
	switch state {
	case "rejected":
		outcome = "rejected"
	case "done":
		payload = []byte(`{"number":"T1"}`)
	}
	_, err := f.pool.Exec(context.Background(),
		`INSERT INTO flights.guard (saga, step, state, incarnation, epoch, outcome, payload, reason) VALUES ($1, 'fly', $2, $3, $4, $5, $6, 'kept')`,
		id.String(), state, at.incarnation, at.epoch, outcome, payload)
	require.NoError(f.t, err)
}

// row reads the guard's row of step fly.
func (f *fixture) row(id saga.ID) (state string, at position) {
	f.t.Helper()
	err := f.pool.QueryRow(context.Background(), `SELECT state, incarnation, epoch FROM flights.guard WHERE saga = $1 AND step = 'fly'`, id.String()).
		Scan(&state, &at.incarnation, &at.epoch)
	require.NoError(f.t, err)
	return state, at
}

func TestUndoSeesTheStoredResult(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := newSaga()
	done := f.give(ask{saga: id}.record())
	f.give(ask{saga: id, undo: true, epoch: 2}.record())
	var seen string
	require.NoError(t, f.pool.QueryRow(t.Context(), `SELECT done FROM ledger WHERE direction = 'undo'`).Scan(&seen))
	require.Contains(t, string(done.Payload.Data), seen)
}

func TestUndoBeforeDoWhereTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.UndoUnknown = true })
	id := newSaga()
	require.Equal(t, saga.Succeeded, f.give(ask{saga: id, undo: true, epoch: 2}.record()).Outcome)
	var seen string
	require.NoError(t, f.pool.QueryRow(t.Context(), `SELECT done FROM ledger`).Scan(&seen))
	require.Equal(t, "none", seen)
	state, _ := f.row(id)
	require.Equal(t, "tombstone", state)
	require.Equal(t, saga.Rejected, f.give(ask{saga: id}.record()).Outcome)
}

// A crash between commit and acknowledgement delivers the same record again.
func TestRedeliveryAnswersTheSameBytes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, records := range map[string][]kafka.Record{
		"success":   {ask{saga: newSaga()}.record()},
		"rejection": {ask{saga: newSaga(), value: `{"reject":"no seats"}`}.record()},
		"tombstone": {ask{saga: newSaga(), undo: true}.record()},
	} {
		for _, r := range records {
			require.NoError(t, f.p.take(t.Context(), r))
			require.NoError(t, f.p.take(t.Context(), r))
			replies := f.replies()
			require.Len(t, replies, 2, name)
			require.Equal(t, replies[0], replies[1], name)
		}
	}
}

func TestRepliesEchoTheAttemptTheyAnswer(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *Config) { c.Version = "v7" })
	id := newSaga()
	first := f.give(ask{saga: id}.record())
	second := f.give(ask{saga: id, attempt: 2}.record())
	require.Equal(t, 1, first.Attempt)
	require.Equal(t, 2, second.Attempt)
	require.Equal(t, first.Payload, second.Payload)
	require.Equal(t, "k1.abc", second.Route.Token)
}

func TestStepsOfOneSagaAreIndependent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := newSaga()
	require.Equal(t, saga.Rejected, f.give(ask{saga: id, value: `{"reject":"no seats"}`}.record()).Outcome)
	require.Equal(t, saga.Succeeded, f.give(ask{saga: id, step: "flyVia"}.record()).Outcome)
	require.Equal(t, saga.Succeeded, f.give(ask{saga: id, step: "flyBack"}.record()).Outcome)
	do, _ := f.effects(id)
	require.Equal(t, 2, do)
}
