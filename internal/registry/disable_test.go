package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// A disabled definition starts nothing in any process, and a roll-back is a promotion.
func TestDisableEnablePromote(t *testing.T) {
	t.Parallel()
	pool := open(t)
	here, there := registry.New(pool, schema), registry.New(pool, schema)
	ctx := t.Context()
	require.ErrorIs(t, here.Disable(ctx, "default", "bookTrip", "no seats", "operator:ann"), coordinator.ErrNoDefinition)
	first, _, err := here.Apply(ctx, "default", file(t, "bookTrip", "one"))
	require.NoError(t, err)
	second, _, err := here.Apply(ctx, "default", file(t, "bookTrip", "two"))
	require.NoError(t, err)
	require.NoError(t, there.Open(ctx, "default", "bookTrip"))

	require.NoError(t, here.Disable(ctx, "default", "bookTrip", "no seats", "operator:ann"))
	require.EqualError(t, here.Open(ctx, "default", "bookTrip"), "definition bookTrip is disabled and starts no sagas: no seats")
	require.Eventually(t, func() bool { return there.Open(ctx, "default", "bookTrip") != nil }, 5*time.Second, 10*time.Millisecond)
	require.ErrorIs(t, there.Open(ctx, "default", "bookTrip"), registry.ErrDisabled)
	list, err := there.List(ctx, "default", "", 10)
	require.NoError(t, err)
	require.Equal(t, "no seats", list[0].Disabled)

	require.NoError(t, here.Enable(ctx, "default", "bookTrip"))
	require.NoError(t, here.Open(ctx, "default", "bookTrip"))
	require.NoError(t, there.Open(ctx, "default", "bookTrip"), "an event would be skipped for good")
	require.ErrorIs(t, here.Promote(ctx, "default", "bookTrip", "r9"), coordinator.ErrNoDefinition)
	require.NoError(t, here.Promote(ctx, "default", "bookTrip", first))
	latest, _, err := here.Latest(ctx, "default", "bookTrip")
	require.NoError(t, err)
	require.Equal(t, first, latest)
	require.NotEqual(t, first, second)
}
