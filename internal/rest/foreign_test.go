package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The ids of dead letters count up: an answer that differs would count those of
// others.
func TestAForeignObjectIsAnsweredAsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.guarded(t)
	foreign := w.addIn("shop").String()
	ask := func(method, path string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(`{"reason":"x"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer other=admin")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
		return string(text)
	}
	for _, c := range [][4]string{
		{"GET", "/v1/dead-letters/", "7", "8"},
		{"POST", "/v1/dead-letters/", "7/redrive", "8/redrive"},
		{"POST", "/v1/dead-letters/", "7/discard", "8/discard"},
		{"GET", "/v1/sagas/", foreign, id(99).String()},
		{"GET", "/v1/sagas/", foreign + "/history", id(99).String() + "/history"},
		{"POST", "/v1/sagas/", foreign + "/cancel", id(99).String() + "/cancel"},
	} {
		require.Equal(t, ask(c[0], c[1]+c[3]), ask(c[0], c[1]+c[2]), c[1]+c[2])
	}
}
