package server_test

import (
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

func TestJaeger(t *testing.T) {
	t.Parallel()
	jaeger, err := server.StartJaeger(t.Context(), server.JaegerConfig{Dir: filepath.Join(t.TempDir(), "jaeger")})
	if err != nil {
		testserver.Unavailable(t, "Jaeger", err)
	}
	defer jaeger.Kill()
	res, err := http.Get(jaeger.URL() + "/api/services")
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), `"errors":null`)
	require.ErrorContains(t, server.JaegerConfig{StartTimeout: -1}.Validate(), "Dir is empty")
}
