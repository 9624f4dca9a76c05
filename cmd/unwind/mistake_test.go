package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMistakes are those of a first day.
func TestMistakes(t *testing.T) {
	t.Parallel()
	lost := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"code":"not-found","status":404,"detail":"there is no ` + r.Method + " " + r.URL.Path + `"}`))
	}))
	t.Cleanup(lost.Close)
	nobody := "http://" + freeAddress(t)
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"sagas list", exitUsage, "there is no command unwind sagas; did you mean saga?\nSee unwind --help."},
		{"saga lst", exitUsage, "there is no command unwind saga lst; did you mean list?\nSee unwind saga --help."},
		{"saga list --limt 3", exitUsage, "there is no flag --limt of unwind saga list; did you mean --limit?"},
		{"saga list --limit many", exitUsage, `--limit: want a whole number, found "many"`},
		{"saga start x --timeout 3", exitUsage, `--timeout: want a time such as 500ms, 30s or 2h, found "3"`},
		{"saga cancel", exitUsage, "found no argument; write unwind saga cancel ID\nSee unwind saga cancel --help."},
		{"saga list now", exitUsage, "found now; write unwind saga list\n"},
		{"def list --url 127.0.0.1:8080", exitUsage, `"127.0.0.1:8080": write it like http://127.0.0.1:8080`},
		{"def list --url " + nobody, exitFailed, "no Unwind server answers at " + nobody + " (--url): "},
		{"def list --url " + nobody, exitFailed, "start one with unwind serve or unwind dev, or name another with --url, UNWIND_URL or a context"},
		{"def list --url " + lost.URL + "/v1", exitFailed, "there is no GET /v1/v1/definitions; the server was named as " + lost.URL + "/v1 (--url): leave the path out"},
		{"config check serve --writer 3", exitUsage, "there is no flag --writer of unwind serve; did you mean --writers?"},
	} {
		code, out, errs := unwind(t.Context(), nil, strings.Fields(c.line)...)
		require.Equal(t, c.code, code, c.line)
		require.Contains(t, out+errs, c.want, c.line)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	code, out, _ := unwind(t.Context(), nil, "__complete", "context", "")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "protect\t")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, out, _ := unwind(t.Context(), nil, "completion", shell)
		require.Equal(t, exitOK, code)
		require.Contains(t, out, "__complete")
	}
}
