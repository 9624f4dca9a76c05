package download_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/embedded/download"
	"github.com/unwindhq/unwind/internal/testserver"
)

func TestPostgresIsDownloadedOnce(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	first, err := download.Postgres(t.Context(), &progress)
	if err != nil {
		testserver.Unavailable(t, "a downloaded PostgreSQL", err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(first, "initdb"), "--version").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "PostgreSQL")

	progress.Reset()
	second, err := download.Postgres(t.Context(), &progress)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.Empty(t, progress.String())
}
