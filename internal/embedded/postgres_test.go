package embedded

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/embedded/download"
	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	return conn
}

func TestPostgresKeepsItsDataUntilReset(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), ".unwind") // 0700 above it: root's server cannot enter
	postgres, err := StartPostgres(t.Context(), Config{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, Reset(dir)) })
	conn := connect(t, postgres.URL())
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept (id int)")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))

	_, err = StartPostgres(t.Context(), Config{Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorIs(t, Reset(dir), ErrInUse)
	require.NoError(t, postgres.Stop(t.Context()))

	again, err := StartPostgres(t.Context(), Config{Dir: dir})
	require.NoError(t, err)
	require.Equal(t, postgres.URL(), again.URL())
	require.Equal(t, 1, tables(t, again.URL()))
	require.NoError(t, again.Stop(t.Context()))
	require.NoError(t, Reset(dir))

	fresh, err := StartPostgres(t.Context(), Config{Dir: dir})
	require.NoError(t, err)
	require.Zero(t, tables(t, fresh.URL()))
	require.NoError(t, fresh.Stop(t.Context()))
}

// tables counts the tables named "kept".
func tables(t *testing.T, url string) int {
	t.Helper()
	conn := connect(t, url)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'").Scan(&n))
	return n
}

func TestPostgresUsesAGivenURL(t *testing.T) {
	t.Parallel()
	postgres, err := StartPostgres(t.Context(), Config{URL: "postgres://elsewhere/db"})
	require.NoError(t, err)
	require.Equal(t, "postgres://elsewhere/db", postgres.URL())
	require.NoError(t, postgres.Stop(t.Context()))
}

// The download is real: it is what a machine without PostgreSQL relies on. It
// goes to the machine's cache, so that only the first run pays for it.
func TestPostgresRunsFromDownloadedBinaries(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	binDir, err := download.Postgres(t.Context(), &progress)
	if err != nil {
		testserver.Unavailable(t, "a downloaded PostgreSQL", err)
	}
	t.Log(progress.String())
	dir := t.TempDir()
	postgres, err := StartPostgres(t.Context(), Config{Dir: dir, BinDir: binDir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.RemovePostgres(postgresDir(dir))) })
	conn := connect(t, postgres.URL())
	var version string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW server_version").Scan(&version))
	require.Regexp(t, `^18\.`, version)
	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, postgres.Stop(t.Context()))
}

func TestResetOfNothing(t *testing.T) {
	t.Parallel()
	require.NoError(t, Reset(filepath.Join(t.TempDir(), "never-used")))
}
