package project_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/dev"
	"github.com/unwindhq/unwind/internal/embedded"
	"github.com/unwindhq/unwind/internal/project"
	"github.com/unwindhq/unwind/sagatest"
)

func TestScenes(t *testing.T) {
	t.Parallel()
	sagatest.Scripts(t, os.DirFS("template"), "*.test.yaml")
}

// TestNothingIsWrittenOver: a project is written once, and a file in its way stays as it
// is, as does the rest of the folder.
func TestNothingIsWrittenOver(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "folder")
	files, err := project.Write(dir, project.Options{Module: "example.com/shop", Version: "v1.2.3"})
	require.NoError(t, err)
	require.Contains(t, files, "order.yaml")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Equal(t, "module example.com/shop\n\ngo 1.26\n\nrequire github.com/unwindhq/unwind v1.2.3\n", string(mod))

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "main.go"), []byte("mine"), 0o600))
	_, err = project.Write(other, project.Options{})
	require.ErrorIs(t, err, project.ErrExists)
	left, err := os.ReadDir(other)
	require.NoError(t, err)
	require.Len(t, left, 1)
	_, err = project.Write(dir, project.Options{})
	require.ErrorIs(t, err, project.ErrExists)
}

// TestAProjectRuns does what its README says: unwind dev, the participant as a program of
// its own, an order that goes well and one that is refused and undone.
func TestAProjectRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program and starts servers")
	}
	t.Parallel()
	dir := t.TempDir()
	_, err := project.Write(dir, project.Options{Source: filepath.Join("..", "..")})
	require.NoError(t, err)
	command(t, dir, "go", "build", "-mod=mod", "-o", "stock", ".")

	c := running(t, dir)
	stock := exec.CommandContext(t.Context(), filepath.Join(dir, "stock"))
	out := &bytes.Buffer{}
	stock.Dir, stock.Stdout, stock.Stderr = dir, out, out
	require.NoError(t, stock.Start())
	t.Cleanup(func() {
		_ = stock.Process.Signal(os.Interrupt)
		_ = stock.Wait()
		if t.Failed() {
			t.Log(out)
		}
	})
	require.Equal(t, "completed", ends(t, c, `{"order": "o-1", "item": "tea", "card": "gold", "cents": 4200}`).Status)
	require.Equal(t, "compensated", ends(t, c, `{"order": "o-2", "item": "piano", "card": "gold", "cents": 4200}`).Status)

	state := filepath.Join(dir, ".unwind")
	require.NoError(t, dev.Break(t.Context(), state, dev.Fault{Command: "payments/charge", Mode: dev.Reject}))
	undone := ends(t, c, `{"order": "o-3", "item": "tea", "card": "none", "cents": 4200}`)
	require.Equal(t, "compensated", undone.Status)
	require.Equal(t, "undone", undone.Steps[0].Phase)
}

// command runs a program in a folder.
func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// running runs unwind dev in a folder until the test ends, with servers of its own.
func running(t *testing.T, dir string) *client.Client {
	t.Helper()
	state := filepath.Join(dir, ".unwind")
	started, ended := make(chan *dev.Session, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- dev.Run(ctx, dev.Config{
			World: dev.WorldConfig{Dir: state, Listen: "127.0.0.1:0", NoSync: true}, Definitions: dir, NoStub: []string{"stock"},
			Started: func(s *dev.Session) { started <- s },
		})
	}()
	stop := sync.OnceFunc(func() { cancel(); require.NoError(t, <-ended) })
	t.Cleanup(func() {
		stop()
		require.NoError(t, embedded.Reset(state))
	})
	select {
	case s := <-started:
		c, err := client.New(client.Config{URL: s.URL()})
		require.NoError(t, err)
		return c
	case err := <-ended:
		ended <- err
		require.NoError(t, err)
	case <-time.After(2 * time.Minute):
		require.FailNow(t, "dev did not start")
	}
	return nil
}

// ends starts an order and waits for its end.
func ends(t *testing.T, c *client.Client, input string) client.Saga {
	t.Helper()
	started, _, err := c.Start(t.Context(), client.Start{Definition: "order", Input: []byte(input)})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ended, err := c.Wait(ctx, started.ID, client.End)
	require.NoError(t, err)
	return ended
}
