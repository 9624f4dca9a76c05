package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
)

// asCommand makes the test binary act as the command itself.
const asCommand = "WITHSERVERS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// withservers returns the command, running the shell script, without servers
// in its environment.
func withservers(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "--", "sh", "-c", script)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "UNWIND_TEST_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, asCommand+"=1", "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	return cmd
}

func TestNamesServersAndPassesTheExitCodeOn(t *testing.T) {
	t.Parallel()
	cmd := withservers(t, `echo "$`+testserver.EnvDatabaseURL+` $`+testserver.EnvKafkaBrokers+`"; exit 7`)
	out, err := cmd.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 7, exit.ExitCode())
	require.Regexp(t, `^postgres://postgres@127\.0\.0\.1:\d+/postgres\?sslmode=disable 127\.0\.0\.1:\d+\n$`, string(out))
}

func TestForwardsSignalsAndStopsItsServers(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	cmd := withservers(t, `trap 'exit 9' TERM; echo "$`+testserver.EnvDatabaseURL+`" > `+started+`.new; mv `+started+`.new `+started+`; while :; do sleep 0.1; done`)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(started); return err == nil }, time.Minute, 20*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	err := cmd.Wait()
	require.Equal(t, 9, exitCode(err))
	leftovers, globErr := filepath.Glob(filepath.Join(envOf(cmd, "TMPDIR"), "unwind-*"))
	require.NoError(t, globErr)
	require.Empty(t, leftovers)
}

func TestLeavesNamedServersAlone(t *testing.T) {
	t.Parallel()
	cmd := withservers(t, `echo "$`+testserver.EnvDatabaseURL+` $`+testserver.EnvKafkaBrokers+`"`)
	cmd.Env = append(cmd.Env, testserver.EnvDatabaseURL+"=postgres://elsewhere", testserver.EnvKafkaBrokers+"=elsewhere:1")
	out, err := cmd.Output()
	require.NoError(t, err)
	require.Equal(t, "postgres://elsewhere elsewhere:1\n", string(out))
}

// envOf returns the value that cmd's environment gives a variable.
func envOf(cmd *exec.Cmd, name string) string {
	value := ""
	for _, entry := range cmd.Env {
		if found, ok := strings.CutPrefix(entry, name+"="); ok {
			value = found
		}
	}
	return value
}
