package registry_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const schema = "Mixed case"

func open(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, schema, migrations.Outbox, migrations.Coordinator))
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// file is a definition; another title is another content.
func file(t *testing.T, name, title string) *definition.File {
	t.Helper()
	text := fmt.Sprintf("unwind: v1\nsaga: %s\ntitle: %s\nsteps:\n  - {step: reserve, command: flights/reserve, compensation: release}\n", name, title)
	f, err := definition.Load("x.yaml", []byte(text), definition.Options{})
	require.NoError(t, err)
	return f
}

func TestApplyNumbersContents(t *testing.T) {
	t.Parallel()
	r := registry.New(open(t), schema)
	for _, step := range []struct {
		title, version string
		created        bool
	}{{"one", "r1", true}, {"one", "r1", false}, {"two", "r2", true}, {"one", "r1", false}, {"three", "r3", true}} {
		version, created, err := r.Apply(t.Context(), "default", file(t, "bookTrip", step.title))
		require.NoError(t, err)
		require.Equal(t, step.version, version, step.title)
		require.Equal(t, step.created, created, step.title)
		latest, f, err := r.Latest(t.Context(), "default", "bookTrip")
		require.NoError(t, err)
		require.Equal(t, step.version, latest, "what was applied last is the latest")
		require.Equal(t, step.title, f.Definition.Title)
	}
	version, created, err := r.Apply(t.Context(), "other", file(t, "bookTrip", "two"))
	require.NoError(t, err)
	require.Equal(t, "r1", version, "namespaces do not share numbers")
	require.True(t, created)
}

func TestApplyConcurrently(t *testing.T) {
	t.Parallel()
	pool := open(t)
	const contents, times = 5, 4
	var g errgroup.Group
	versions := make([][times]string, contents)
	for c := range contents {
		f := file(t, "bookTrip", fmt.Sprint("title", c))
		for n := range times {
			g.Go(func() (err error) {
				versions[c][n], _, err = registry.New(pool, schema).Apply(t.Context(), "default", f)
				return err
			})
		}
	}
	require.NoError(t, g.Wait())
	seen := map[string]bool{}
	for _, same := range versions {
		for _, v := range same {
			require.Equal(t, same[0], v, "one content has one version")
		}
		seen[same[0]] = true
	}
	require.Len(t, seen, contents)
	entries, err := registry.New(pool, schema).Versions(t.Context(), "default", "bookTrip", 0)
	require.NoError(t, err)
	require.Len(t, entries, contents)
	require.Equal(t, "r5", entries[0].Version, "no number is left out")
}

func TestAnotherProcessFindsWhatWasApplied(t *testing.T) {
	t.Parallel()
	pool := open(t)
	here, there := registry.New(pool, schema), registry.New(pool, schema)
	_, _, err := here.Apply(t.Context(), "default", file(t, "bookTrip", "one"))
	require.NoError(t, err)

	_, ok := there.Decider("default", "bookTrip", "r1")
	require.False(t, ok, "Decider looks into memory only")
	require.NoError(t, there.Load(t.Context(), "default", "bookTrip", "r1"))
	d, ok := there.Decider("default", "bookTrip", "r1")
	require.True(t, ok)
	require.Equal(t, "r1", d.(*saga.Machine).Definition().Version)

	f, err := there.Get(t.Context(), "default", "bookTrip", "r1")
	require.NoError(t, err)
	require.Equal(t, file(t, "bookTrip", "one").Hash, f.Hash, "the canonical form reads back to its hash")

	_, _, err = there.Latest(t.Context(), "default", "bookTrip")
	require.NoError(t, err)
	_, _, err = here.Apply(t.Context(), "default", file(t, "bookTrip", "two"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		version, _, err := there.Latest(t.Context(), "default", "bookTrip")
		return err == nil && version == "r2"
	}, 10*time.Second, 10*time.Millisecond)
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	r := registry.New(open(t), schema)
	_, _, err := r.Latest(t.Context(), "default", "bookTrip")
	require.ErrorIs(t, err, coordinator.ErrNoDefinition)
	_, _, err = r.Apply(t.Context(), "default", file(t, "bookTrip", "one"))
	require.NoError(t, err)
	_, _, err = r.Latest(t.Context(), "default", "bokTrip")
	require.EqualError(t, err, "there is no definition bokTrip; did you mean bookTrip?")
	_, err = r.Versions(t.Context(), "default", "sellCar", 0)
	require.EqualError(t, err, "there is no definition sellCar")
	for _, version := range []string{"r2", "r0", "r01", "1", "", "r99999999999"} {
		require.ErrorIs(t, r.Load(t.Context(), "default", "bookTrip", version), coordinator.ErrNoDefinition, version)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	r := registry.New(open(t), schema)
	for _, name := range []string{"c", "a", "b"} {
		_, _, err := r.Apply(t.Context(), "default", file(t, name, "one"))
		require.NoError(t, err)
	}
	_, _, err := r.Apply(t.Context(), "default", file(t, "a", "two"))
	require.NoError(t, err)
	page, err := r.List(t.Context(), "default", "", 2)
	require.NoError(t, err)
	require.Equal(t, []string{"a r2", "b r1"}, names(page))
	page, err = r.List(t.Context(), "default", "b", 2)
	require.NoError(t, err)
	require.Equal(t, []string{"c r1"}, names(page))
}

func names(page []registry.Entry) []string {
	var list []string
	for _, e := range page {
		list = append(list, e.Name+" "+e.Version)
	}
	return list
}
