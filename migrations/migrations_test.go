package migrations_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/migrations"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// strange needs quoting wherever it is used as a name.
const strange = `Un"wind sagas`

func TestUpAtOnceAndTwice(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	var g errgroup.Group
	for range 3 {
		g.Go(func() error {
			return migrations.Up(t.Context(), url, strange, migrations.Outbox, migrations.Participant)
		})
	}
	require.NoError(t, g.Wait())
	require.NoError(t, migrations.Up(t.Context(), url, strange, migrations.Outbox))

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	var buckets, guards int
	schema := pgx.Identifier{strange}.Sanitize()
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM "+schema+".buckets").Scan(&buckets))
	require.Equal(t, 64, buckets)
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM "+schema+".guard").Scan(&guards))
}

// TestUpWhateverTheDatabaseSets: settings that an administrator gives the programs of a
// database do not end a migration half-way.
func TestUpWhateverTheDatabaseSets(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, setting := range []string{
		"idle_in_transaction_session_timeout = '1ms'", "standard_conforming_strings = off",
		"default_transaction_isolation = 'serializable'", "search_path = nowhere",
	} {
		_, err := conn.Exec(t.Context(), "ALTER DATABASE "+pgx.Identifier{conn.Config().Database}.Sanitize()+" SET "+setting)
		require.NoError(t, err)
	}
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox, migrations.Participant, migrations.Coordinator))
}

func TestStatusTellsPendingFromApplied(t *testing.T) {
	t.Parallel()
	url := testserver.Postgres(t)
	require.NoError(t, migrations.Up(t.Context(), url, "unwind", migrations.Outbox))
	all, err := migrations.Status(t.Context(), url, "unwind", migrations.Outbox, migrations.Participant)
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, m := range all {
		require.Equal(t, m.Set == migrations.Participant, m.Pending(), m)
		require.NotEmpty(t, m.Name)
	}
}

func TestUpRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, migrations.Up(t.Context(), "postgres://localhost", "", migrations.Outbox), "empty")
	require.ErrorContains(t, migrations.Up(t.Context(), "::", "unwind", migrations.Outbox), "parse the database URL")
	require.ErrorContains(t, migrations.Up(t.Context(), testserver.Postgres(t), "unwind", "none"), `"none"`)
}
