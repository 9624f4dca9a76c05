package registry_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga/definition"
)

const flights = `unwind: v1
participant: flights
commands:
  reserve: {input: {type: object, properties: {flight: {type: string}}}, compensation: release}
`

func contract(t *testing.T, text string) *definition.Contract {
	t.Helper()
	c, err := definition.LoadContract("flights.yaml", []byte(text))
	require.NoError(t, err)
	return c
}

// TestContractsAreKept with versions, and one that breaks who uses it is refused: the
// latest definition, and an older one whose sagas run.
func TestContractsAreKept(t *testing.T) {
	t.Parallel()
	pool := open(t)
	r := registry.New(pool, schema)
	apply := func(text string, force bool) (registry.Applied, error) {
		return r.ApplyContract(t.Context(), "default", registry.Application{Contract: contract(t, text), Actor: "operator:ann", Reason: "why", Force: force})
	}
	applied, err := apply(flights, false)
	require.NoError(t, err)
	require.Equal(t, registry.Applied{Version: "c1", Created: true}, applied)
	applied, err = apply(flights, false)
	require.NoError(t, err)
	require.Equal(t, registry.Applied{Version: "c1"}, applied)

	for _, title := range []string{"one", "two"} {
		_, _, err := r.Apply(t.Context(), "default", file(t, "bookTrip", title))
		require.NoError(t, err)
	}
	_, err = pool.Exec(t.Context(), `INSERT INTO "Mixed case".sagas (id, namespace, definition, version, level, status, bucket, seq, started_at, changed_at, state)
SELECT lpad(n::text, 32, '0')::uuid, 'default', 'bookTrip', 'r1', 1, 1 + n % 3, 0, 1, now(), now(), '' FROM generate_series(1, 6) AS n`)
	require.NoError(t, err)
	users, err := r.Users(t.Context(), "default", "flights")
	require.NoError(t, err)
	require.Len(t, users, 2)
	require.Equal(t, "bookTrip r1", users[0].Definition+" "+users[0].Version)
	require.Equal(t, 4, users[0].Running)
	require.False(t, users[0].Latest)
	require.True(t, users[1].Latest)
	require.Equal(t, []string{"release", "reserve"}, users[1].Commands)

	gone := strings.Replace(flights, "reserve:", "book:", 1)
	_, err = apply(gone, false)
	require.ErrorIs(t, err, registry.ErrBreaks)
	require.ErrorContains(t, err, "bookTrip r1 with 4 running sagas, and 1 more")
	versions, err := r.ContractVersions(t.Context(), "default", "flights", "", 10)
	require.NoError(t, err)
	require.Len(t, versions, 1, "nothing was stored")
	applied, err = apply(gone, true)
	require.NoError(t, err)
	require.Equal(t, "c2", applied.Version)
	require.Len(t, applied.Broken, 2)
	versions, err = r.ContractVersions(t.Context(), "default", "flights", "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"c2", "c1"}, []string{versions[0].Version, versions[1].Version})
	require.True(t, versions[0].Forced)
	require.Equal(t, "operator:ann why", versions[0].Actor+" "+versions[0].Reason)
	one, err := r.ContractVersions(t.Context(), "default", "flights", "c1", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"reserve"}, one[0].Contract.Names())
	for _, version := range []string{"c3", "3", "cx", "c01"} {
		_, err = r.ContractVersions(t.Context(), "default", "flights", version, 10)
		require.ErrorIs(t, err, registry.ErrNoContract)
	}
	list, err := r.Contracts(t.Context(), "default", "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "c2", list[0].Version)
	list, err = r.Contracts(t.Context(), "other", "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestContractsAtOnce: of two that are applied at once each has a number of its own.
func TestContractsAtOnce(t *testing.T) {
	t.Parallel()
	pool := open(t)
	var all errgroup.Group
	for i := range 8 {
		all.Go(func() error {
			c := contract(t, strings.Replace(flights, "commands:", "owner: team"+string(rune('a'+i))+"\ncommands:", 1))
			_, err := registry.New(pool, schema).ApplyContract(t.Context(), "default", registry.Application{Contract: c, Actor: "x"})
			return err
		})
	}
	require.NoError(t, all.Wait())
	versions, err := registry.New(pool, schema).ContractVersions(t.Context(), "default", "flights", "", 10)
	require.NoError(t, err)
	require.Len(t, versions, 8)
	require.Equal(t, "c8", versions[0].Version)
	_, err = pool.Exec(t.Context(), `INSERT INTO "Mixed case".contracts (namespace, participant, number, canonical, actor) SELECT 'default', 'p' || n, 1, '', '' FROM generate_series(1, 1000) AS n`)
	require.NoError(t, err)
	_, err = registry.New(pool, schema).ApplyContract(t.Context(), "default", registry.Application{Contract: contract(t, strings.Replace(flights, "flights", "boats", 1)), Actor: "x"})
	require.ErrorIs(t, err, registry.ErrTooManyContracts)
}
