package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// effect is one row of a participant's ledger.
type effect struct {
	Step, Direction string
	Attempt, Epoch  int
	At              time.Time
}

// ledger reads what the participants have done for a saga, the oldest first.
func (w *world) ledger(t testing.TB, id saga.ID) []effect {
	t.Helper()
	var parts []string
	for name := range strings.SplitSeq(participants, ",") {
		parts = append(parts, fmt.Sprintf("SELECT step, direction, attempt, epoch, at FROM %s.effects WHERE saga = $1", name))
	}
	rows, err := w.pool.Query(t.Context(), strings.Join(parts, " UNION ALL ")+" ORDER BY at", id.String())
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[effect])
	require.NoError(t, err)
	return all
}

// did lists the effects of a saga as people read them: "flight hotel -flight".
func (w *world) did(t testing.TB, id saga.ID) string {
	t.Helper()
	var words []string
	for _, e := range w.ledger(t, id) {
		words = append(words, map[string]string{"do": "", "undo": "-"}[e.Direction]+e.Step)
	}
	return strings.Join(words, " ")
}

// ended waits for a saga to end that way, and holds its history, its stored state
// and the participants' ledgers against each other. It returns the history.
func (w *world) ended(t testing.TB, id saga.ID, want saga.Status) []client.Event {
	t.Helper()
	s := w.until(t, id, want.String(), client.Saga.Ended)
	defer func() {
		if t.Failed() {
			t.Logf("saga %s\n%s", id, w.story(id))
		}
	}()
	require.Equal(t, want.String(), s.Status, "saga %s", id)
	require.Empty(t, s.Attention, "saga %s", id)
	w.balanced(t, id, s)
	w.replayed(t, id, s)
	history := w.history(t, id)
	orderly(t, history)
	return history
}

// balanced: of a completed saga every effect is there exactly once and none was
// undone; of a compensated one every effect that is there was undone exactly once,
// in the reverse order.
func (w *world) balanced(t testing.TB, id saga.ID, s client.Saga) {
	t.Helper()
	var done, undone []string
	for _, e := range w.ledger(t, id) {
		if e.Direction == "undo" {
			undone = append(undone, e.Step)
		} else {
			done = append(done, e.Step)
		}
	}
	if s.Status == saga.Completed.String() {
		var steps, back []string
		for _, step := range s.Steps {
			participant, _, _ := strings.Cut(step.Command, "/")
			if step.Items != nil {
				for i := range step.Items[saga.Done.String()] {
					if step.Saga != "" { // the effects are its children's
						break
					}
					steps = append(steps, saga.StepRef{Name: step.Step, Item: i + 1}.String())
				}
				continue
			}
			if step.Phase == saga.Done.String() && slices.Contains(strings.Split(participants, ","), participant) {
				steps = append(steps, saga.StepRef{Name: step.Step, Visit: step.Visit}.String())
			}
			for visit := range step.Visit { // a reset has undone these runs
				back = append(back, saga.StepRef{Name: step.Step, Visit: visit}.String())
			}
		}
		require.ElementsMatch(t, slices.Concat(steps, back), done, "effects of completed saga %s", id)
		require.ElementsMatch(t, back, undone, "saga %s is completed", id)
		return
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(done))), len(done), "an effect of saga %s is there twice", id)
	if s.Definition == "pair" || s.Definition == "parcels" { // what runs side by side is in no order
		require.ElementsMatch(t, done, undone, "effects of compensated saga %s", id)
		return
	}
	slices.Reverse(undone)
	require.Equal(t, done, undone, "effects of compensated saga %s and, reversed, their compensations", id)
}

// replayed: the history told again gives the state that is stored.
func (w *world) replayed(t testing.TB, id saga.ID, s client.Saga) {
	t.Helper()
	reader := sagapg.NewReader(w.pool, "unwind")
	stored, err := reader.Get(t.Context(), id)
	require.NoError(t, err)
	events, err := reader.History(t.Context(), id, 0, sagapg.MaxPage)
	require.NoError(t, err)
	again, err := w.machine(t, s).Replay(id, events)
	require.NoError(t, err)
	require.Equal(t, stored.State, again, "the replay of saga %s", id)
}

// machine compiles the version that a saga is pinned to.
func (w *world) machine(t testing.TB, s client.Saga) *saga.Machine {
	t.Helper()
	var found client.Definition
	answer := w.call(t, request{
		method: http.MethodGet, path: "/v1/definitions/" + s.Definition + "?version=" + s.Version, want: http.StatusOK, node: w.alive(),
	})
	require.NoError(t, json.Unmarshal(answer, &found))
	file, err := definition.Load(s.Definition, found.Canonical, definition.Options{})
	require.NoError(t, err)
	file.Definition.Version = s.Version
	m, err := saga.Compile(file.Definition)
	require.NoError(t, err)
	return m
}

// orderly: events are numbered without a gap, and no command was sent twice: each
// attempt once, the first first.
func orderly(t testing.TB, history []client.Event) {
	t.Helper()
	attempts := map[string]int{}
	for i, e := range history {
		require.EqualValues(t, i+1, e.Seq, "event numbers")
		for _, c := range e.Sent {
			command := c.Step + "/" + c.Direction
			attempts[command]++
			require.Equal(t, attempts[command], c.Attempt, "attempts of %s", command)
		}
	}
}

// attempts counts how often a command was sent.
func attempts(history []client.Event, step, direction string) int {
	n := 0
	for _, e := range history {
		for _, c := range e.Sent {
			if c.Step == step && c.Direction == direction {
				n++
			}
		}
	}
	return n
}

// unburned: no command had to be sent twice.
func unburned(t testing.TB, history []client.Event) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(tell(history))
		}
	}()
	for _, e := range history {
		for _, c := range e.Sent {
			require.Equal(t, 1, c.Attempt, "an attempt of %s/%s was burned", c.Step, c.Direction)
		}
	}
}

// replies counts the recorded replies of a step.
func replies(history []client.Event, step, direction string) int {
	n := 0
	for _, e := range history {
		if e.Kind == string(saga.Replied) && e.Step == step && e.Direction == direction {
			n++
		}
	}
	return n
}
