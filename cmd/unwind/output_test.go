package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a participant says must not act on the terminal of whoever reads it.
func TestWhatASagaSaysIsHarmless(t *testing.T) {
	t.Parallel()
	const evil = "no\x1b[2J\x1b]0;gone\x07\u009b31m\u202eyes"
	for status, answer := range map[int]string{
		http.StatusOK:       `{"id":"` + sagaID + `","status":"compensated","cause":"%s"}`,
		http.StatusConflict: `{"code":"refused","status":409,"detail":"%s"}`,
	} {
		text, err := json.Marshal(evil)
		require.NoError(t, err)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(strings.Replace(answer, `"%s"`, string(text), 1)))
		}))
		t.Cleanup(server.Close)
		_, out, errs := unwind(t.Context(), nil, "saga", "show", sagaID, "--url", server.URL)
		require.Contains(t, out+errs, `no\u001b[2J\u001b]0;gone\u0007\u009b31m\u202eyes`)
		require.NotContains(t, out+errs, "\x1b")
	}
}
