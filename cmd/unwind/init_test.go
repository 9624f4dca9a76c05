package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shop")
	code, out, _ := unwind(t.Context(), nil, "init", dir, "--module", "example.com/shop")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "wrote main.go")
	require.Contains(t, out, "dev --no-stub stock")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "module example.com/shop\n")
	code, _, errs := unwind(t.Context(), nil, "init", dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "is not written over")
	code, out, _ = unwind(t.Context(), nil, "def", "test", filepath.Join(dir, "order.test.yaml"))
	require.Equal(t, exitOK, code, out)
}
