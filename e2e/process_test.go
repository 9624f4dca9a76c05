package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// commandTime bounds a command that ends by itself.
	commandTime = time.Minute
	// logTail is how much of a process's log a failed test shows, in bytes.
	logTail = 6000
)

// process is a program that runs until the test kills it.
type process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// launch starts a program. It is killed when t ends; if t failed, the end of its
// log is shown.
func launch(t testing.TB, env []string, binary string, args ...string) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "unwind-e2e-log-")
	require.NoError(t, err)
	file, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	p := &process{cmd: exec.Command(binary, args...), log: file.Name(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = file, file
	dieWithParent(p.cmd)
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // a killed process fails
		_ = file.Close()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %v:\n%s", filepath.Base(binary), args, tail(p.output()))
		}
		_ = os.RemoveAll(dir)
	})
	return p
}

// kill ends the process as kill -9 does and returns once it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has ended already
	<-p.ended
}

// output is what it has printed so far.
func (p *process) output() string {
	data, _ := os.ReadFile(p.log) // an unreadable log is an empty one
	return string(data)
}

func tail(text string) string {
	if len(text) > logTail {
		return "…" + text[len(text)-logTail:]
	}
	return text
}

// command runs a program to its end, which must be a good one.
func command(t testing.TB, env []string, binary string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), "%s: %s", strings.Join(args, " "), &out)
}
