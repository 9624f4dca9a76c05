package rest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
)

// held is what is held, in memory.
type held struct{ list []hold.Hold }

func (h *held) Hold(_ context.Context, c hold.Change) (hold.Hold, error) {
	return h.set(c, true), nil
}

func (h *held) Release(_ context.Context, c hold.Change) (hold.Hold, error) {
	return h.set(c, false), nil
}

func (h *held) List(context.Context) ([]hold.Hold, error) { return h.list, nil }

func (h *held) History(_ context.Context, t hold.Target) (list []hold.Hold, err error) {
	for _, one := range h.list {
		if one.Target == t {
			list = append(list, one)
		}
	}
	return list, nil
}

func (h *held) set(c hold.Change, is bool) hold.Hold {
	one := hold.Hold{Target: c.Target, Held: is, Rate: c.Rate, Reason: c.Reason, Actor: c.Actor, At: at}
	h.list = append(h.list, one)
	return one
}

// none refuses every release.
type none struct{ held }

func (n *none) Release(_ context.Context, c hold.Change) (hold.Hold, error) {
	return hold.Hold{}, hold.ErrNotHeld
}

func TestHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &held{}
	server, _ := w.serve(t, func(c *rest.Config) { c.Holds = store })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	got, err := c.Hold(t.Context(), client.HoldTarget{Kind: "participant", Name: "payments"}, "the bank moves")
	require.NoError(t, err)
	require.Equal(t, client.Hold{Kind: "participant", Name: "payments", Held: true, Reason: "the bank moves", Actor: "operator:local", At: at}, got)
	_, err = c.Hold(t.Context(), client.HoldTarget{Kind: "definition", Name: "bookTrp"}, "x")
	require.ErrorContains(t, err, "bookTrip")
	_, err = c.Hold(t.Context(), client.HoldTarget{Kind: "participant", Name: "payments"}, "")
	require.ErrorContains(t, err, "reason")
	_, err = c.Hold(t.Context(), client.HoldTarget{Kind: "namespace"}, "a look")
	require.NoError(t, err)
	list, err := c.HoldList(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, list.Holds, 2)

	// A saga says which of them its commands wait for.
	waits := func(s *saga.State) {
		s.Steps[0].Phase, s.Steps[1] = saga.Done, saga.StepState{Phase: saga.Held, Epoch: 1, Due: at}
	}
	shown, err := c.Get(t.Context(), w.add(waits).String())
	require.NoError(t, err)
	require.Equal(t, []string{"participant", "namespace"}, []string{shown.HeldBy[0].Kind, shown.HeldBy[1].Kind})
	require.Equal(t, []string{"hold"}, shown.WaitingFor)
	elsewhere := func(s *saga.State) { s.Steps[0] = saga.StepState{Phase: saga.Held, Epoch: 1, Due: at} }
	shown, err = c.Get(t.Context(), w.add(elsewhere).String())
	require.NoError(t, err)
	require.Len(t, shown.HeldBy, 1, "it waits for flights")
	shown, err = c.Get(t.Context(), w.add().String())
	require.NoError(t, err)
	require.Empty(t, shown.HeldBy)

	released, err := c.Release(t.Context(), client.HoldTarget{Kind: "participant", Name: "payments"}, 20, "it is back")
	require.NoError(t, err)
	require.Equal(t, 20, released.Rate)
	all, err := c.HoldList(t.Context(), true)
	require.NoError(t, err)
	require.NotEmpty(t, all.Holds[0].Changes)
}

func TestReleaseOfWhatIsNotHeld(t *testing.T) {
	t.Parallel()
	server, _ := newWorld(t).serve(t, func(c *rest.Config) { c.Holds = &none{} })
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	_, err = c.Release(t.Context(), client.HoldTarget{Kind: "namespace"}, 0, "")
	require.ErrorContains(t, err, "it is not held")
}

// Lists tell a hold from a breaker too, and choose by it.
func TestListOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t, func(c *rest.Config) {
		c.Holds = &held{list: []hold.Hold{{Target: hold.Target{Kind: hold.Participant, Name: "payments"}, Held: true, At: at}}}
	})
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	both := w.add(func(s *saga.State) {
		s.Steps = []saga.StepState{{Phase: saga.Held, Epoch: 1, Due: at}, {Phase: saga.Held, Epoch: 1, Due: at}}
	}).String()
	byHold := w.add(func(s *saga.State) {
		s.Steps[0].Phase, s.Steps[1] = saga.Done, saga.StepState{Phase: saga.Held, Epoch: 1, Due: at}
	}).String()
	byBreaker := w.add(func(s *saga.State) { s.Steps[0] = saga.StepState{Phase: saga.Held, Epoch: 1, Due: at} }).String()
	w.add()
	for word, want := range map[string][]string{"hold": {byHold, both}, "breaker": {byBreaker, both}} {
		page, err := c.List(t.Context(), client.Filter{Waiting: word})
		require.NoError(t, err)
		var got []string
		for _, s := range page.Sagas {
			got = append(got, s.ID)
			require.Contains(t, s.WaitingFor, word)
		}
		require.Equal(t, want, got, word)
		require.Equal(t, saga.ForBreaker, w.filter.Waiting)
	}
	_, err = c.List(t.Context(), client.Filter{Paused: true})
	require.NoError(t, err)
	require.Equal(t, saga.ForOperator, w.filter.Waiting)
	_, err = c.List(t.Context(), client.Filter{Waiting: "godot"})
	require.ErrorContains(t, err, "waiting")
}
