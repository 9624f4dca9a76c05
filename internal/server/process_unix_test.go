//go:build unix

package server

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// deaf is a program that does not end when it is asked to.
const deaf = `trap '' INT TERM; echo deaf; while :; do sleep 0.1; done`

func TestTheGuardKillsAServerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	server := exec.CommandContext(t.Context(), "/bin/sh", "-c", deaf)
	said, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	_, err = said.Read(make([]byte, 4)) // from now on it is deaf
	require.NoError(t, err)
	guard := exec.CommandContext(t.Context(), "/bin/sh", "-c", guardScript, "guard", strconv.Itoa(server.Process.Pid), "TERM", "1")
	require.NoError(t, guard.Run()) // its standard input is empty: as if the owner had died
	var exit *exec.ExitError
	require.ErrorAs(t, server.Wait(), &exit)
	require.Equal(t, "signal: killed", exit.Error())
}

func TestTheGuardSentHomeHarmsNothing(t *testing.T) {
	t.Parallel()
	server, err := startProcess(exec.CommandContext(t.Context(), "/bin/sh", "-c", deaf), t.TempDir()+"/log", "KILL")
	require.NoError(t, err)
	server.unguard()
	require.True(t, server.running())
	require.NoError(t, server.cmd.Process.Signal(os.Kill))
	require.NoError(t, server.wait(t.Context()))
}
