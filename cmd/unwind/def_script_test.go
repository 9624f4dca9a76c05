package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/sagatest/script"
)

// TestDefGraph draws in both ways.
func TestDefGraph(t *testing.T) {
	t.Parallel()
	const file = "../../examples/travel/weekend.yaml"
	code, out, errs := unwind(t.Context(), nil, "def", "graph", file)
	require.Equal(t, exitOK, code, errs)
	require.True(t, strings.HasPrefix(out, "flowchart TD\n"))
	code, out, errs = unwind(t.Context(), nil, "def", "graph", file, "-o", "svg")
	require.Equal(t, exitOK, code, errs)
	require.True(t, strings.HasPrefix(out, "<svg "))
	code, _, _ = unwind(t.Context(), nil, "def", "graph", file, "-o", "png")
	require.Equal(t, exitUsage, code)
}

// TestDefTest plays the travel example, and a script that expects too much.
func TestDefTest(t *testing.T) {
	t.Parallel()
	const travel = "../../examples/travel/"
	code, out, errs := unwind(t.Context(), nil, "def", "test", travel+"travel.test.yaml", travel+"weekend.test.yaml", "--run", "refuses|no rooms")
	require.Equal(t, exitOK, code, errs)
	require.Contains(t, out, "ok   "+travel+"travel.test.yaml:26 no rooms\n")
	require.Contains(t, out, "2 scenes, 0 failed; ")

	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	write("a.yaml", "unwind: v1\nsaga: a\nsteps: [{step: pay, kind: pivot, command: cards/pay}]\n")
	wrong := write("a.test.yaml", "unwind: v1\ndefinition: a.yaml\nscenes: [{scene: one, expect: {status: compensated}}, {scene: two, expect: {status: completed}}]\n")
	junit := filepath.Join(dir, "junit.xml")
	code, out, _ = unwind(t.Context(), nil, "def", "test", wrong, "--junit", junit, "-o", "json")
	require.Equal(t, exitFailed, code)
	var results []script.Result
	require.NoError(t, json.Unmarshal([]byte(out), &results))
	require.Equal(t, "want compensated, got completed", strings.TrimPrefix(results[0].Failures[0].String(), "status: "))
	require.False(t, results[1].Failed())
	report, err := os.ReadFile(junit)
	require.NoError(t, err)
	require.Contains(t, string(report), `tests="2" failures="1"`)

	code, out, _ = unwind(t.Context(), nil, "def", "test", write("b.test.yaml", "unwind: v1\ndefinition: a.yaml\nscenes: [{scene: one, answers: {pai: fail}, expect: {}}]\n"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "b.test.yaml:3: scenes[0].answers.pai: a has no step pai; did you mean pay?")
	code, _, errs = unwind(t.Context(), nil, "def", "test", filepath.Join(dir, "none.yaml"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "none.yaml")
	code, _, _ = unwind(t.Context(), nil, "def", "test", wrong, "--run", "(")
	require.Equal(t, exitUsage, code)
}
