package rest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// An update is handed over with who asks and why, and answered with its event.
func TestUpdate(t *testing.T) {
	t.Parallel()
	w, local := newWorld(t), saga.Actor{Kind: saga.Operator, Name: "local"}
	id := w.add()
	w.events = []saga.Event{{Seq: 1, Kind: saga.Started}, {Seq: 2, Kind: saga.Updated, Extra: &saga.EventExtra{Update: "changeSeat"}}}
	c := w.connect(t)
	got, err := c.Update(t.Context(), id.String(), "changeSeat", client.Verb{Input: []byte(`{"seat":"12A"}`), Reason: "she asks", Key: "k"})
	require.NoError(t, err)
	require.Equal(t, client.Updated{Update: "changeSeat", ID: "u", Seq: 2, Output: []byte(`{"seat":"12A"}`)}, got)
	_, err = c.Update(t.Context(), id.String(), "changeSeat", client.Verb{})
	require.NoError(t, err)
	require.Equal(t, []coordinator.Verb{
		{Kind: saga.Updated, Saga: id, Update: "changeSeat", Payload: saga.JSON([]byte(`{"seat":"12A"}`)), Actor: local, Reason: "she asks", RequestID: "k"},
		{Kind: saga.Updated, Saga: id, Update: "changeSeat", Payload: saga.JSON([]byte(`null`)), Actor: local},
	}, w.verbs)
	_, err = c.Update(t.Context(), id.String(), "changeSeat", client.Verb{Input: []byte(`"` + strings.Repeat("x", saga.MaxPayload) + `"`)})
	requireCode(t, client.TooLarge, err)
	events, err := c.History(t.Context(), id.String(), 0, 0)
	require.NoError(t, err)
	require.Equal(t, "changeSeat", events.Events[1].Update)
}

// What is wrong is said, save the stack of a panic, which is in the log.
func TestUpdateProblems(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		err    error
		status int
		code   client.Code
		detail string
	}{
		"no update":   {saga.NoUpdate("x", []string{"add"}), 404, client.UnknownUpdate, `no such update as "x"; it has add`},
		"refused":     {fmt.Errorf("updated: %w", &saga.UpdateRefused{Update: "x", Reason: "the cart is full"}), 422, client.UpdateRefused, "the cart is full"},
		"not begun":   {fmt.Errorf("it has not begun: %w", saga.ErrNotNow), 409, client.NotNow, "it has not begun"},
		"ended":       {fmt.Errorf("update: %w", saga.ErrEnded), 409, client.Ended, "ended"},
		"id used":     {fmt.Errorf("%w: add, event 2", coordinator.ErrIDUsed), 409, client.KeyUsed, "another update: add, event 2"},
		"no function": {fmt.Errorf("%w: r1 is code", coordinator.ErrVersion), 503, client.NotReady, "r1 is code"},
		"a panic":     {&saga.UpdateError{Update: "x", Err: errors.New("panic in the code: no map\nstack")}, 500, client.UpdateFailed, "update x: panic in the code: no map"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.events = make([]saga.Event, 2)
			id := w.add().String()
			w.unasked = one.err
			_, err := w.connect(t).Update(t.Context(), id, "x", client.Verb{})
			var p *client.Problem
			require.ErrorAs(t, err, &p)
			require.Equal(t, one.status, p.Status)
			require.Equal(t, one.code, p.Code)
			require.Contains(t, p.Detail, one.detail)
			require.NotContains(t, p.Detail, "stack")
		})
	}
	_, err := newWorld(t).connect(t).Update(t.Context(), id(9).String(), "x", client.Verb{})
	requireCode(t, client.NotFound, err)
}

// What a participant has said last of a step is shown, also of a saga that is code.
func TestProgressOfCodeIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.add(func(s *saga.State) {
		s.Steps = s.Steps[:1]
		s.Steps[0].Own().Progress = &saga.Progress{At: at, Data: []byte(`{"seats":3}`)}
		s.Own().Plan = &saga.Plan{Asked: 1, Steps: []*saga.Planned{{Step: saga.Step{Name: "reserve", Participant: "airline", Command: "reserve"}, Ask: 1}}}
	})
	got, err := w.connect(t).Get(t.Context(), id.String())
	require.NoError(t, err)
	require.Equal(t, "reserve", got.Steps[0].Step)
	require.JSONEq(t, `{"seats":3}`, string(got.Steps[0].Progress))
	require.Equal(t, at, *got.Steps[0].ProgressAt)
}
