package server

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// quick are settings for tests: no power cut will come.
var quick = map[string]string{"fsync": "off"}

// open returns a folder that every user can enter, unlike t.TempDir.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "unwind-server-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, RemovePostgres(dir)) })
	return dir
}

func start(t *testing.T, cfg PostgresConfig) *Postgres {
	t.Helper()
	if cfg.Settings == nil {
		cfg.Settings = quick
	}
	postgres, err := StartPostgres(t.Context(), cfg)
	installed(t, err)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.Stop(context.Background())) })
	return postgres
}

// query runs one statement with psql, of the same binaries, and returns what
// it prints.
func query(t *testing.T, p *Postgres, sql string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(p.cfg.BinDir, "psql"), p.URL(), "-XAtqc", sql)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.TrimSpace(string(out))
}

func TestPostgresKeepsDataAndPortOverRestarts(t *testing.T) {
	t.Parallel()
	dir := open(t)
	first := start(t, PostgresConfig{Dir: dir, Settings: map[string]string{"fsync": "off", "max_connections": "17"}})
	require.Equal(t, "17", query(t, first, "SHOW max_connections"))
	query(t, first, "CREATE TABLE kept AS SELECT 1 AS one")
	require.NoError(t, first.Restart(t.Context()))
	require.Equal(t, "1", query(t, first, "SELECT one FROM kept"))
	require.NoError(t, first.Stop(t.Context()))
	require.NoError(t, first.Stop(t.Context())) // does nothing

	second := start(t, PostgresConfig{Dir: dir})
	require.Equal(t, first.URL(), second.URL())
	require.Equal(t, "1", query(t, second, "SELECT one FROM kept"))
}

func TestPostgresRecoversFromAKill(t *testing.T) {
	t.Parallel()
	postgres := start(t, PostgresConfig{Dir: open(t)})
	query(t, postgres, "CREATE TABLE kept AS SELECT 1 AS one")
	url := postgres.URL()
	postgres.Kill()
	require.False(t, portOpen(t.Context(), postgres.port))
	require.NoError(t, postgres.Start(t.Context()))
	require.NoError(t, postgres.Start(t.Context())) // does nothing
	require.Equal(t, url, postgres.URL())
	require.Equal(t, "1", query(t, postgres, "SELECT one FROM kept"))
}

// As root, a folder under a closed one (t.TempDir is 0700 there) cannot hold
// the data: it goes elsewhere, is found again, and is removed with the folder.
func TestPostgresRunsInAFolderThatItsUserCannotEnter(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir := filepath.Join(closed, "server")
	t.Cleanup(func() { require.NoError(t, RemovePostgres(dir)) })
	first := start(t, PostgresConfig{Dir: dir})
	query(t, first, "CREATE TABLE kept AS SELECT 1 AS one")
	require.NoError(t, first.Stop(t.Context()))

	second := start(t, PostgresConfig{Dir: dir})
	require.Equal(t, "1", query(t, second, "SELECT one FROM kept"))
	require.NoError(t, second.Stop(t.Context()))
	if os.Geteuid() == 0 {
		note, err := os.ReadFile(filepath.Join(dir, noteFile))
		require.NoError(t, err)
		require.Equal(t, filepath.Dir(second.data), strings.TrimSpace(string(note)))
	}
	require.NoError(t, RemovePostgres(dir))
	require.NoDirExists(t, second.data)
	require.NoDirExists(t, dir)
}

func TestPostgresRefusesAFolderInUse(t *testing.T) {
	t.Parallel()
	dir := open(t)
	start(t, PostgresConfig{Dir: dir})
	_, err := StartPostgres(t.Context(), PostgresConfig{Dir: dir, Settings: quick})
	require.ErrorIs(t, err, ErrInUse)
}

func TestPostgresRefusesATakenPort(t *testing.T) {
	t.Parallel()
	first := start(t, PostgresConfig{Dir: open(t)})
	_, err := StartPostgres(t.Context(), PostgresConfig{Dir: open(t), Port: first.port, Settings: quick})
	require.ErrorContains(t, err, "port "+strconv.Itoa(first.port)+" is taken")
}

func TestPostgresQuotesTheLogOfAFailedStart(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(t.Context(), PostgresConfig{Dir: open(t), Settings: map[string]string{"fsync": "perhaps"}})
	installed(t, err)
	require.ErrorIs(t, err, errStopped)
	require.ErrorContains(t, err, `"fsync"`)
}

// The server of a process that is killed ends by itself, and the next process
// finds the data.
func TestPostgresEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	dir := open(t)
	_, err := FindPostgres(t.Context())
	installed(t, err)
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), asOwner+"="+dir)
	_, err = owner.StdinPipe()
	require.NoError(t, err)
	stdout, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	line := make([]byte, 4096)
	n, err := stdout.Read(line)
	require.NoError(t, err)
	port, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	require.NoError(t, err, string(line[:n]))
	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait())

	heir := start(t, PostgresConfig{Dir: dir}) // stops what still runs, or finds it stopped
	require.Equal(t, "1", query(t, heir, "SELECT 1"))
	require.NoError(t, heir.Stop(t.Context()))
	require.Eventually(t, func() bool { return !portOpen(t.Context(), port) }, time.Minute, readyPoll)
}

// A pid file whose number is now another program's must not harm that program.
func TestPostgresIgnoresAPidFileOfAnotherProgram(t *testing.T) {
	t.Parallel()
	postgres := start(t, PostgresConfig{Dir: open(t)})
	postgres.Kill()
	stale := []byte(strconv.Itoa(os.Getpid()) + "\n" + postgres.data + "\n")
	require.NoError(t, os.WriteFile(filepath.Join(postgres.data, "postmaster.pid"), stale, 0o644))
	require.NoError(t, postgres.Start(t.Context()))
	require.Equal(t, "1", query(t, postgres, "SELECT 1"))
}

func TestPostgresConfigJoinsAllFaults(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(t.Context(), PostgresConfig{Port: -1, StartTimeout: -1})
	for _, fault := range []string{"Dir", "Port", "StartTimeout"} {
		require.ErrorContains(t, err, "PostgresConfig."+fault)
	}
}

func TestRemovePostgresKeepsWhatAStrayNoteNames(t *testing.T) {
	t.Parallel()
	dir, other := open(t), open(t)
	require.NoError(t, note(dir, other))
	require.NoError(t, RemovePostgres(dir))
	require.DirExists(t, other)
}

func TestProgressSaysThatItGoesOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ticked := 0
	w := writerFunc(func(p []byte) (int, error) { ticked++; return out.Write(p) })
	enough := make(chan struct{})
	err := Progress(writerFunc(func(p []byte) (int, error) {
		n, err := w(p)
		if ticked == 3 {
			close(enough)
		}
		return n, err
	}), "working", time.Millisecond, func() error { <-enough; return os.ErrClosed })
	require.ErrorIs(t, err, os.ErrClosed)
	require.Contains(t, out.String(), "working …\nworking … (")
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
