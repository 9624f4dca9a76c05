package testserver_test

import (
	"net"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func TestPostgresGivesEachTestItsOwnDatabase(t *testing.T) {
	t.Parallel()
	first, second := testserver.Postgres(t), testserver.Postgres(t)
	require.NotEqual(t, first, second)
	conn, err := pgx.Connect(t.Context(), first)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	_, err = conn.Exec(t.Context(), "CREATE TABLE only_here (id int)")
	require.NoError(t, err)

	other, err := pgx.Connect(t.Context(), second)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close(t.Context())) }()
	var tables int
	require.NoError(t, other.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
	require.Zero(t, tables)
}

func TestPostgresDropsTheDatabaseUnderOpenConnections(t *testing.T) {
	t.Parallel()
	t.Run("inner", func(t *testing.T) {
		_, err := pgx.Connect(t.Context(), testserver.Postgres(t)) // stays open: the clean-up must cope
		require.NoError(t, err)
	})
}

func TestKafkaAcceptsConnections(t *testing.T) {
	t.Parallel()
	for _, broker := range testserver.Kafka(t) {
		conn, err := net.Dial("tcp", broker)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

func TestRestartableServersComeBackWhereTheyWere(t *testing.T) {
	t.Parallel()
	postgres := testserver.RestartablePostgres(t)
	before := postgres.URL()
	postgres.Kill()
	require.NoError(t, postgres.Start(t.Context()))
	require.Equal(t, before, postgres.URL())
}
