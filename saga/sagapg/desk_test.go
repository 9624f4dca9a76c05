package sagapg_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// desk asks for verbs on one saga and lists what is left to do.
type desk struct {
	*world
	t      *testing.T
	id     saga.ID
	reader *sagapg.Reader
	n      int
}

func (d *desk) ask(kind saga.EventKind, parameters any) saga.State {
	d.t.Helper()
	data, err := json.Marshal(parameters)
	require.NoError(d.t, err)
	d.n++
	res, err := d.c.Do(d.t.Context(), coordinator.Verb{
		Kind: kind, Saga: d.id, Payload: saga.JSON(data), Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, RequestID: fmt.Sprint(d.n),
	})
	require.NoError(d.t, err)
	require.True(d.t, res.Changed)
	return res.State
}

// lists reports whether a filter chooses the saga.
func (d *desk) lists(f sagapg.Filter) bool {
	d.t.Helper()
	f.Namespace = "default"
	page, _, err := d.reader.List(d.t.Context(), f)
	require.NoError(d.t, err)
	return len(page) == 1 && page[0].State.ID == d.id
}

func (d *desk) found(name, value string) bool {
	d.t.Helper()
	return d.lists(sagapg.Filter{Attributes: []saga.Match{{Name: name, Value: value}}})
}

func (d *desk) open() bool { return d.lists(sagapg.Filter{Attention: true}) }

func (d *desk) snoozed() int {
	d.t.Helper()
	n, err := d.reader.CountSnoozed(d.t.Context(), sagapg.Filter{Namespace: "default"})
	require.NoError(d.t, err)
	require.Equal(d.t, n == 1, d.lists(sagapg.Filter{Snoozed: true}))
	return n
}

// What needs attention has an owner, is known, put off, and back by itself; all of it
// ends with the attention. Attributes are written over, also after the end.
func TestTrouble(t *testing.T) {
	t.Parallel()
	def := patient()
	def.Attributes = []saga.Attribute{{Name: "customer", Value: inputField("customer")}}
	def.Steps[0].Undo = saga.Policy{Attempts: 1, Backoff: 24 * time.Hour, Cap: 24 * time.Hour}
	w := setup(t, def)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		switch {
		case cmd.Name == "charge":
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		case cmd.ID.Step.Name == "flight" && cmd.ID.Direction == saga.Undo:
			return []saga.Reply{replyTo(cmd, saga.Failed)}
		}
		return succeed(cmd)
	})
	d := &desk{world: w, t: t, id: w.start(t, "travel", `{"customer":"c7"}`), reader: sagapg.NewReader(w.pool, "unwind")}
	require.Eventually(t, d.open, 20*time.Second, 5*time.Millisecond)
	require.True(t, d.found("customer", "c7"))

	d.ask(saga.Assigned, saga.Assignment{To: "group:desk"})
	require.True(t, d.found(saga.AssignedName, "group:*"))
	state := d.ask(saga.Acknowledged, saga.Heeding{})
	heed, ok := state.Heeded(state.Attention[0])
	require.True(t, ok)
	require.Equal(t, "ann", heed.By)
	require.True(t, d.open())
	require.Zero(t, d.snoozed())
	d.ask(saga.Snoozed, saga.Heeding{Attention: saga.CompensationFailed, Until: time.Now().Add(time.Hour)})
	require.False(t, d.open())
	require.Equal(t, 1, d.snoozed())
	d.ask(saga.Acknowledged, saga.Heeding{})
	require.True(t, d.open())
	d.ask(saga.Snoozed, saga.Heeding{Until: time.Now().Add(300 * time.Millisecond)})
	require.Eventually(t, d.open, 20*time.Second, 5*time.Millisecond, "it comes back by itself")
	d.ask(saga.Described, map[string]any{"customer": "c8", "cents": 1200})
	require.True(t, d.found("customer", "c8"))
	require.False(t, d.found("customer", "c7"))

	w.bus.answers(succeed)
	d.ask(saga.Retried, nil)
	w.ends(t, d.id, saga.Compensated)
	require.False(t, d.found(saga.AssignedName, "group:*"))
	require.Empty(t, new(w.state(t, d.id)).Extras().Heeds)
	d.ask(saga.Described, map[string]any{"customer": nil, "disputed": true})
	require.True(t, d.found("disputed", "true"))
	require.False(t, d.found("customer", "*"))
	require.True(t, d.found("cents", "1200"))
	w.replays(t, def, d.id)
}
