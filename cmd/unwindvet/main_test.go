package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const found = "bad.go:13:14: time.Now in a saga function: the clock says something else when it is run again; write c.Now()"

// TestVettool runs the built program as go vet does, and alone: on a saga function
// that is written with the real package code, and on the example.
func TestVettool(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(t.TempDir(), "unwindvet.exe")
	out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, command := range map[string][]string{
		"go vet": {"go", "vet", "-vettool=" + tool},
		"alone":  {tool},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func(dir string) ([]byte, error) {
				return exec.Command(command[0], slices.Concat(command[1:], []string{dir})...).CombinedOutput()
			}
			out, err := run("./testdata/bad")
			require.Error(t, err)
			require.Contains(t, string(out), found)
			out, err = run("../../examples/booking")
			require.NoError(t, err, "%s", out)
			require.Empty(t, string(out))
		})
	}
}
