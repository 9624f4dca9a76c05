package registry_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func written(t *testing.T, version, title string) *saga.Code {
	t.Helper()
	def := saga.Definition{Name: "bookTrip", Version: version, Title: title, Owner: "team", Deadline: 36 * time.Hour}
	made, err := code.Func(def, func(*code.Context, int) (int, error) { return 1, nil })
	require.NoError(t, err)
	return made
}

// Code is stored as a version like any other; only who has it can run it.
func TestProvideStoresWhatCanBeSaidOfCode(t *testing.T) {
	t.Parallel()
	pool := open(t)
	has, lacks := registry.New(pool, schema), registry.New(pool, schema)
	require.NoError(t, has.Provide(t.Context(), "default", written(t, "r2", "two")))
	for _, r := range []*registry.Registry{has, lacks} {
		version, f, err := r.Latest(t.Context(), "default", "bookTrip")
		require.NoError(t, err)
		require.Equal(t, "r2", version)
		require.Equal(t, saga.Definition{Name: "bookTrip", Version: "r2", Title: "two", Owner: "team", Deadline: 36 * time.Hour}, f.Definition)
		require.NoError(t, f.CheckInput([]byte(`7`)))
		entries, err := r.List(t.Context(), "default", "", 10)
		require.NoError(t, err)
		require.Equal(t, f.Hash, entries[0].Hash)
	}
	_, ok := has.Decider("default", "bookTrip", "r2")
	require.True(t, ok)
	require.NoError(t, has.Load(t.Context(), "default", "bookTrip", "r2"))
	err := lacks.Load(t.Context(), "default", "bookTrip", "r2")
	require.ErrorIs(t, err, coordinator.ErrNoDefinition)
	require.EqualError(t, err, "saga bookTrip r2 is code, and this process does not have it: "+coordinator.ErrNoDefinition.Error())
	_, ok = lacks.Decider("default", "bookTrip", "r2")
	require.False(t, ok)
}

func TestVersionsOfCode(t *testing.T) {
	t.Parallel()
	r := registry.New(open(t), schema)
	latest := func() string {
		version, _, err := r.Latest(t.Context(), "default", "bookTrip")
		require.NoError(t, err)
		return version
	}
	require.NoError(t, r.Provide(t.Context(), "default", written(t, "r1", "x")))
	require.NoError(t, r.Provide(t.Context(), "default", written(t, "r2", "x")))
	require.Equal(t, "r2", latest())
	require.NoError(t, r.Provide(t.Context(), "default", written(t, "r1", "x")), "an old program starts again")
	require.Equal(t, "r2", latest())
	err := r.Provide(t.Context(), "default", written(t, "r1", "another title"))
	require.EqualError(t, err, "saga bookTrip r1 is stored already, with other content than this program's: name it r2 or later")
	err = r.Provide(t.Context(), "default", written(t, "second", "x"))
	require.EqualError(t, err, `code of saga bookTrip: version "second": want one like r12`)
	version, _, err := r.Apply(t.Context(), "default", file(t, "bookTrip", "declared"))
	require.NoError(t, err)
	require.Equal(t, "r3", version)
	require.Equal(t, "r3", latest(), "a saga may be declared after it was code")
}
