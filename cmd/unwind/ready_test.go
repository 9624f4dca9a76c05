package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReady(t *testing.T) {
	t.Parallel()
	status, body := http.StatusOK, `{"status":"ok"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			status = http.StatusTeapot
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	code, out, errs := unwind(t.Context(), nil, "ready", "--url", server.URL)
	require.Equal(t, []any{exitOK, "ready\n", ""}, []any{code, out, errs})

	status, body = http.StatusServiceUnavailable, `{"code":"not-ready","status":503,"detail":"not ready","errors":[{"path":"leases","problem":"this process owns no bucket"}]}`
	code, _, errs = unwind(t.Context(), nil, "ready", "--url", server.URL)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "this process owns no bucket")

	server.Close()
	code, _, _ = unwind(t.Context(), []string{"UNWIND_URL=" + server.URL}, "ready")
	require.Equal(t, exitFailed, code)
}
