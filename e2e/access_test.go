package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

// output runs an unwind command and returns its exit code and what it printed.
func output(t *testing.T, env []string, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, unwindBinary, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code says it
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// guardedWorld is a database and a coordinator that asks for keys.
type guardedWorld struct {
	t    *testing.T
	env  []string
	url  string
	node *process
	keys []string
}

func newGuardedWorld(t *testing.T) *guardedWorld {
	t.Helper()
	port, err := server.FreePort(1)
	require.NoError(t, err)
	g := &guardedWorld{t: t, url: "http://" + server.Address(port), env: []string{
		"UNWIND_DATABASE_URL=" + testserver.Postgres(t), "UNWIND_LISTEN=" + server.Address(port), "UNWIND_AUTH=keys",
		"UNWIND_NAMESPACES=default,shop,travel", "UNWIND_METRICS_LISTEN=off",
	}}
	command(t, g.env, unwindBinary, "migrate", "up")
	g.node = launch(t, g.env, unwindBinary, "serve")
	eventually(t, "coordinator is ready", func() bool {
		resp, err := web.Get(g.url + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close() // the status is all
		return resp.StatusCode == http.StatusOK
	})
	return g
}

// key creates a key.
func (g *guardedWorld) key(name, role, namespace string) string {
	g.t.Helper()
	code, out, errs := output(g.t, g.env, "apikey", "create", "--name", name, "--role", role, "--namespace", namespace)
	require.Zero(g.t, code, errs)
	key := strings.TrimSuffix(out, "\n")
	g.keys = append(g.keys, key)
	return key
}

// as runs a command with a key.
func (g *guardedWorld) as(key string, args ...string) (code int, out, errs string) {
	g.t.Helper()
	return output(g.t, append(g.env, "UNWIND_URL="+g.url, "UNWIND_API_KEY="+key), args...)
}

// refused runs a command that must be refused with these words.
func (g *guardedWorld) refused(key, words string, args ...string) {
	g.t.Helper()
	code, out, errs := g.as(key, args...)
	require.Equal(g.t, 1, code, "%v: %s", args, out)
	require.Contains(g.t, errs, words, "%v", args)
}

// done runs a command that must succeed.
func (g *guardedWorld) done(key string, args ...string) string {
	g.t.Helper()
	code, out, errs := g.as(key, args...)
	require.Zero(g.t, code, "%v: %s", args, errs)
	return out
}

func TestKeysFromTheFirstToARevokedOne(t *testing.T) {
	t.Parallel()
	g := newGuardedWorld(t)
	admin := g.key("anna", "admin", "*")
	operator, viewer := g.key("ci", "operator", "shop"), g.key("board", "viewer", "shop")
	stranger := g.key("other", "admin", "travel")

	file := t.TempDir() + "/wait.yaml"
	require.NoError(t, os.WriteFile(file, []byte("unwind: v1\nsaga: wait\nsteps:\n  - {step: hold, command: nobody/hold, compensation: free}\n"), 0o600))
	g.refused("", "show an API key", "saga", "list")
	g.refused("unwind_aaaaaaaa_"+strings.Repeat("a", 52), "not valid", "saga", "list")
	g.refused(operator, "takes the role admin", "def", "apply", file)
	g.done(admin, "def", "apply", file, "--namespace", "shop")

	g.refused(viewer, "takes the role operator", "saga", "start", "wait")
	var started client.Saga
	require.NoError(t, json.Unmarshal([]byte(g.done(operator, "saga", "start", "wait", "-o", "json")), &started))
	require.Contains(t, g.done(viewer, "saga", "history", started.ID), "operator:ci")
	require.Contains(t, g.done(viewer, "saga", "list"), started.ID)
	g.refused(viewer, "takes the role operator", "saga", "cancel", started.ID)

	for _, verb := range []string{"show", "history", "cancel"} {
		g.refused(stranger, "no such saga", "saga", verb, started.ID)
	}
	g.refused(stranger, "no such namespace", "saga", "list", "--namespace", "shop")
	require.NotContains(t, g.done(stranger, "saga", "list"), started.ID)
	require.Contains(t, g.done(stranger, "whoami"), "travel=admin")

	id := strings.Split(operator, "_")[1]
	g.done("", "apikey", "revoke", id)
	begun := time.Now()
	eventually(t, "a revoked key ends", func() bool {
		code, _, errs := g.as(operator, "saga", "list")
		return code == 1 && strings.Contains(errs, "not valid")
	})
	require.Less(t, time.Since(begun), patience/2, "Fresh is five seconds; the rest is for a busy machine")

	g.node.kill()
	for _, key := range g.keys {
		require.NotContains(t, g.node.output(), strings.Split(key, "_")[2])
	}
}

func TestAnOpenAddressWithoutKeysIsRefused(t *testing.T) {
	t.Parallel()
	env := []string{"UNWIND_DATABASE_URL=postgres://127.0.0.1/x"}
	code, _, errs := output(t, env, "serve", "--listen", "0.0.0.0:0", "--auth", "none")
	require.Equal(t, 2, code, errs)
	require.Contains(t, errs, "can be reached from other machines")
	require.Contains(t, errs, "--insecure")
	code, _, errs = output(t, env, "saga", "list", "--api-key", "unwind_aaaaaaaa_b")
	require.Equal(t, 2, code, errs)
	require.Contains(t, errs, "UNWIND_API_KEY")
}
