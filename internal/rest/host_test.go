package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/rest"
)

func TestWhatPostgresCannotKeepIsNotAskedFor(t *testing.T) {
	t.Parallel()
	server, _ := newWorld(t).guarded(t)
	ask := func(method, path, body string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer *=admin")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, "%s: %s", path, text)
		return string(text)
	}
	for _, path := range []string{
		"/v1/sagas?definition=a%00b", "/v1/sagas?definition=%ff", "/v1/definitions?after=%00", "/v1/definitions/a%00", "/v1/definitions/a?version=%ff",
		"/v1/breakers/%00", "/v1/dead-letters?topic=%00", "/v1/sagas?definition=%zz",
	} {
		require.Contains(t, ask(http.MethodGet, path, ""), "plain text")
	}
	ask(http.MethodPost, "/v1/sagas", `{"definition":"book\u0000Trip","input":{}}`)
}

func TestALocalServerAnswersNoOtherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	local, _ := w.serve(t, func(c *rest.Config) { c.LocalOnly = true })
	open, _ := w.serve(t)
	for host, is := range map[string]bool{
		"": true, "localhost": true, "LocalHost:8080": true, "dev.localhost:1": true, "127.0.0.2:8080": true, "[::1]:8080": true, "[::1]": true,
		"evil.example": false, "evil.example:8080": false, "10.0.0.1:8080": false, "0.0.0.0:8080": false, "localhost.evil.example": false, "127.0.0.1.evil.example:80": false,
	} {
		ask := func(url string) int {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/sagas", http.NoBody)
			require.NoError(t, err)
			req.Host = host // empty: that of the URL, 127.0.0.1
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			return res.StatusCode
		}
		want := http.StatusMisdirectedRequest
		if is {
			want = http.StatusOK
		}
		require.Equal(t, want, ask(local.URL), host)
		require.Equal(t, http.StatusOK, ask(open.URL), host)
	}
}
