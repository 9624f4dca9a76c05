package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

// A saga names its parent and its children.
func TestFamilies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	parent := w.add(func(s *saga.State) {
		s.Steps[0].Phase = saga.Raising
		s.Steps[0].Own().Child = id(9)
	})
	child := w.add(func(s *saga.State) {
		s.Own().Family = &saga.Family{Parent: parent, Root: id(7), Step: saga.StepRef{Name: "settle", Visit: 1}, Depth: 1}
	})
	got, err := c.Get(t.Context(), child.String())
	require.NoError(t, err)
	require.Equal(t, []string{parent.String(), "settle#2", id(7).String()}, []string{got.Parent, got.ParentStep, got.Root})
	got, err = c.Get(t.Context(), parent.String())
	require.NoError(t, err)
	require.Equal(t, id(9).String(), got.Steps[0].Child)
	require.Equal(t, []string{"child"}, got.WaitingFor)
	require.Empty(t, got.Parent)

	page, err := c.List(t.Context(), client.Filter{Parent: parent.String()})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 1)
	require.Equal(t, child.String(), page.Sagas[0].ID)
	_, err = c.List(t.Context(), client.Filter{Parent: "x"})
	require.Equal(t, client.BadRequest, client.CodeOf(err))
}

// A saga with locks shows who has them.
func TestLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	waiting := w.add(func(s *saga.State) {
		s.Own().Locks = &saga.Locks{Keys: []saga.LockKey{{Key: "a7", Granted: true}, {Key: "a8"}}}
	})
	got, err := c.Get(t.Context(), waiting.String())
	require.NoError(t, err)
	require.Equal(t, []client.Lock{{Key: "a7", Granted: true, Holder: waiting.String()}, {Key: "a8", Holder: saga.ID{7}.String(), Ahead: 3}}, got.Locks)
	require.Contains(t, got.WaitingFor, "lock")
	plain := w.add()
	got, err = c.Get(t.Context(), plain.String())
	require.NoError(t, err)
	require.Empty(t, got.Locks)
}
