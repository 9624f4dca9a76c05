package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestSagas drives one coordinator with sagas of all fates, side by side. It does
// not run beside the crashes: its short timeouts want a machine that keeps up.
func TestSagas(t *testing.T) {
	w := newWorld(t, testserver.Kafka(t), 1)
	for name, test := range map[string]func(*testing.T, *world){
		"happy":               happy,
		"refused":             refused,
		"failed":              failed,
		"late":                late,
		"silent":              silent,
		"cancel":              cancelled,
		"pair":                pair,
		"repeated reply":      repeated,
		"stale reply":         stale,
		"early reply":         early,
		"overtaken reply":     overtaken,
		"forged reply":        forged,
		"misplaced reply":     misplaced,
		"sticky refusal":      sticky,
		"undo before do":      reversed,
		"undecodable reply":   badReply,
		"undecodable command": badCommand,
		"by contract alone":   hosted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// fate is a saga and what must become of it.
type fate struct {
	definition string
	script     script
	status     saga.Status
	did        string // the effects in order
}

// come starts a saga and checks that it comes as it must.
func (w *world) come(t *testing.T, name string, f fate) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		id := w.start(t, f.definition, f.script)
		w.ended(t, id, f.status)
		if f.definition == "pair" && f.status == saga.Completed { // side by side: in no order
			require.ElementsMatch(t, strings.Fields(f.did), strings.Fields(w.did(t, id)))
			return
		}
		require.Equal(t, f.did, w.did(t, id))
	})
}

func happy(t *testing.T, w *world) {
	w.come(t, "in sequence", fate{"trip", nil, saga.Completed, "flight hotel charge mail"})
	t.Run("without a re-sent command", func(t *testing.T) {
		t.Parallel()
		unburned(t, w.ended(t, w.start(t, "trip", nil), saga.Completed))
	})
	t.Run("started twice with one key", func(t *testing.T) {
		t.Parallel()
		id, err := w.insist(t.Name(), "trip", nil)
		require.NoError(t, err)
		again, err := w.insist(t.Name(), "trip", nil)
		require.NoError(t, err)
		require.Equal(t, id, again)
		other := opening("pair", nil)
		other.key, other.want = t.Name(), http.StatusConflict
		require.Contains(t, string(w.call(t, other)), client.KeyUsed)
		w.ended(t, id, saga.Completed)
	})
}

// refused: at each step, the steps before are undone in reverse.
func refused(t *testing.T, w *world) {
	no := []string{"reject"}
	w.come(t, "first", fate{"trip", script{"flights": no}, saga.Compensated, ""})
	w.come(t, "second", fate{"trip", script{"hotels": no}, saga.Compensated, "flight -flight"})
	w.come(t, "pivot", fate{"trip", script{"payments": no}, saga.Compensated, "flight hotel -hotel -flight"})
	t.Run("after the pivot", func(t *testing.T) { // there is no way back any more
		t.Parallel()
		id := w.start(t, "trip", script{"mails": no})
		w.attention(t, id, saga.RetriableFailing)
		require.Equal(t, "flight hotel charge", w.did(t, id))
	})
}

// failed: a technical error is tried again, and counts as "may have run".
func failed(t *testing.T, w *world) {
	once, always := []string{"fail", "ok"}, []string{"fail"}
	w.come(t, "first once", fate{"trip", script{"flights": once}, saga.Completed, "flight hotel charge mail"})
	w.come(t, "first always", fate{"trip", script{"flights": always}, saga.Compensated, ""})
	w.come(t, "second always", fate{"trip", script{"hotels": always}, saga.Compensated, "flight -flight"})
	w.come(t, "pivot for a time", fate{"trip", script{"payments": {"fail", "fail", "fail", "fail", "ok"}}, saga.Completed, "flight hotel charge mail"})
	w.come(t, "last for a time", fate{"trip", script{"mails": {"fail", "fail", "fail", "fail", "ok"}}, saga.Completed, "flight hotel charge mail"})
	w.come(t, "compensation for a time", fate{
		"trip", script{"hotels": {"reject"}, "flights.undo": {"fail", "fail", "ok"}}, saga.Compensated, "flight -flight",
	})
}

// late: no answer in time is unknown. What may have run is undone, whether it has
// run by then or not; the pivot is asked until it answers.
func late(t *testing.T, w *world) {
	slow := []string{"slow:5s"}
	w.come(t, "first", fate{"hasty", script{"flights": slow}, saga.Compensated, "flight -flight"})
	w.come(t, "second", fate{"hasty", script{"hotels": slow}, saga.Compensated, "flight hotel -hotel -flight"})
	w.come(t, "last", fate{"hasty", script{"mails": slow}, saga.Completed, "flight hotel charge mail"})
	w.come(t, "compensation", fate{"hasty", script{"payments": {"reject"}, "hotels.undo": slow}, saga.Compensated, "flight hotel -hotel -flight"})
	t.Run("pivot", func(t *testing.T) {
		t.Parallel()
		id := w.start(t, "hasty", script{"payments": slow})
		w.attention(t, id, saga.PivotUnknown)
		w.cancel(t, id, http.StatusConflict)
		history := w.ended(t, id, saga.Completed)
		require.Greater(t, attempts(history, "charge", "do"), 2)
		require.Equal(t, "flight hotel charge mail", w.did(t, id))
	})
}

// silent: a participant that is not there is asked to undo what it may have done.
// Once it is there, it does and undoes in the order it was asked.
func silent(t *testing.T, w *world) {
	id := w.start(t, "haunted", nil)
	w.phase(t, id, "ghost", saga.Undoing.String())
	require.Equal(t, "flight", w.did(t, id), "what comes before the ghost is not undone before it")
	ghosts := w.employ("ghosts")
	w.ended(t, id, saga.Compensated)
	ghosts.kill()
	require.Equal(t, "flight -flight", w.did(t, id))
	var done, undone int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE direction = 'do'), count(*) FILTER (WHERE direction = 'undo')
		FROM ghosts.effects WHERE saga = $1`, id.String()).Scan(&done, &undone))
	require.Equal(t, done, undone, "the ghost's effects")
}

// cancelled: turns back before the pivot was sent, never after.
func cancelled(t *testing.T, w *world) {
	slow := []string{"slow:1s"}
	t.Run("before the pivot", func(t *testing.T) {
		t.Parallel()
		id := w.start(t, "trip", script{"hotels": slow})
		w.phase(t, id, "hotel", saga.Doing.String())
		w.cancel(t, id, http.StatusOK)
		w.cancel(t, id, http.StatusOK) // on the way back: nothing to do
		w.ended(t, id, saga.Compensated)
		require.Equal(t, "flight hotel -hotel -flight", w.did(t, id))
		w.cancel(t, id, http.StatusOK)
	})
	t.Run("after the pivot", func(t *testing.T) {
		t.Parallel()
		id := w.start(t, "trip", script{"payments": slow})
		w.phase(t, id, "charge", saga.Doing.String())
		require.Contains(t, string(w.cancel(t, id, http.StatusConflict)), client.PastPivot)
		w.ended(t, id, saga.Completed)
		require.Contains(t, string(w.cancel(t, id, http.StatusConflict)), client.PastPivot)
	})
}

// pair: a branch is refused while its sibling is in flight; the sibling is waited
// for and then undone.
func pair(t *testing.T, w *world) {
	no, slow := []string{"reject"}, []string{"slow:1s"}
	w.come(t, "both", fate{"pair", script{"flights": slow, "hotels": slow}, saga.Completed, "flight hotel charge"})
	w.come(t, "one refused", fate{"pair", script{"hotels": no, "flights": slow}, saga.Compensated, "flight -flight"})
	w.come(t, "the other refused", fate{"pair", script{"flights": no, "hotels": slow}, saga.Compensated, "hotel -hotel"})
	w.come(t, "both refused", fate{"pair", script{"flights": {"slow:1s"}, "hotels": no, "payments": no}, saga.Compensated, "flight -flight"})
}
