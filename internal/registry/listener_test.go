package registry_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga/definition"
)

// TestListeners: the latest version says which topics a definition waits for, in
// every process, disabled or not.
func TestListeners(t *testing.T) {
	t.Parallel()
	pool := open(t)
	r, other := registry.New(pool, schema), registry.New(pool, schema)
	listens := func(name, topic string) *definition.File {
		f, err := definition.Load("x.yaml", fmt.Appendf(nil, "unwind: v1\nsaga: %s\nstartOn: {topic: %s}\nsteps: [{step: a, sleep: 1s}]\n", name, topic), definition.Options{})
		require.NoError(t, err)
		return f
	}
	apply := func(f *definition.File) {
		_, _, err := r.Apply(t.Context(), "default", f)
		require.NoError(t, err)
	}
	topics := func() map[string][]string {
		list, err := other.Listeners(t.Context(), "default")
		require.NoError(t, err)
		found := map[string][]string{}
		for _, l := range list {
			require.False(t, l.Since.IsZero())
			found[l.Name] = l.Topics
		}
		return found
	}
	apply(file(t, "deaf", "x"))
	require.Empty(t, topics())
	apply(listens("one", "orders"))
	apply(listens("two", "orders"))
	require.Equal(t, map[string][]string{"one": {"orders"}, "two": {"orders"}}, topics())
	apply(listens("one", "orders.v2"))
	apply(file(t, "two", "x"))
	require.Equal(t, map[string][]string{"one": {"orders.v2"}}, topics())
	require.NoError(t, r.Promote(t.Context(), "default", "one", "r1"))
	require.NoError(t, r.Disable(t.Context(), "default", "one", "for now", "ann"))
	require.Equal(t, map[string][]string{"one": {"orders"}}, topics())
	found, err := other.Listeners(t.Context(), "elsewhere")
	require.NoError(t, err)
	require.Empty(t, found)
}
