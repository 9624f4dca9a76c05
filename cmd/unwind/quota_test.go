package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

func TestQuotaCommand(t *testing.T) {
	t.Parallel()
	at := begin
	var asked []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			asked, _ = io.ReadAll(r.Body)
		}
		_ = json.NewEncoder(w).Encode(client.Quotas{
			Namespace: "shop", QuotaLimits: client.QuotaLimits{Starts: 50, Burst: 200, Bytes: 20e9}, Used: client.QuotaUse{Open: 81204, Bytes: 11_300_000_000},
			Actor: "operator:ann", Reason: "the contract of May", At: &at,
		})
	}))
	t.Cleanup(server.Close)
	env := []string{"UNWIND_URL=" + server.URL}
	code, out, errs := unwind(t.Context(), env, "quota", "set", "--starts", "50/s", "--open", "none", "--bytes", "20GB", "--reason", "the contract of May")
	require.Equal(t, exitOK, code, errs)
	require.JSONEq(t, `{"starts":50,"open":0,"bytes":20000000000,"reason":"the contract of May"}`, string(asked))
	require.Equal(t, `QUOTA OF SHOP       USED     MOST
starts a second              50, 200 at once
open sagas          81204    any
bytes in histories  11.3 GB  20.0 GB
set by operator:ann 2026-03-01 12:00:00Z: the contract of May
`, out)
	code, again, _ := unwind(t.Context(), env, "quota", "show")
	require.Equal(t, exitOK, code)
	require.Equal(t, out, again)
	for _, wrong := range [][]string{{"--open", "many"}, {"--bytes", "20XB"}, {"--bytes", "-1"}, {"--starts", "5/m"}, {"--bytes", "99999999999TB"}, {}} {
		code, _, errs = unwind(t.Context(), env, append([]string{"quota", "set", "--reason", "x"}, wrong...)...)
		require.Equal(t, exitUsage, code, errs)
	}
}

func TestParseQuota(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"none": 0, "7": 7, "7B": 7, "2kB": 2000, "3MiB": 3 << 20, "20GB": 20e9, "1TiB": 1 << 40} {
		n, err := parseQuota(text, true)
		require.NoError(t, err)
		require.Equal(t, want, n, text)
	}
}

// Lines for which a quota has no room are asked for again, and nothing else is.
func TestStartManyWaitsForAQuota(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Starts []struct{ Key string } }
		_ = json.NewDecoder(r.Body).Decode(&body)
		var answer struct {
			Results []client.Started `json:"results"`
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range body.Starts {
			over := client.Problem{Code: client.OverQuota, Status: http.StatusTooManyRequests, Detail: "no room", Quota: &client.Exceeded{Quota: "open"}}
			asked[s.Key]++
			switch {
			case s.Key == "full":
				over.Quota = &client.Exceeded{Quota: "bytes", RetryAfter: 60}
				answer.Results = append(answer.Results, client.Started{Problem: &over})
			case s.Key == "b" && asked["b"] < 3:
				answer.Results = append(answer.Results, client.Started{Problem: &over})
			default:
				answer.Results = append(answer.Results, client.Started{ID: sagaID, New: true})
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "orders.ndjson")
	require.NoError(t, os.WriteFile(path, []byte("{\"key\":\"a\"}\n{\"key\":\"b\"}\n{\"key\":\"full\"}\n"), 0o600))
	code, out, errs := unwind(t.Context(), []string{"UNWIND_URL=" + server.URL}, "saga", "start-many", "order", path)
	require.Equal(t, exitFailed, code)
	require.Equal(t, "2 started, 0 were started before, 1 failed\n", out)
	require.Equal(t, "no room\nline 3: no room\n", errs)
	require.Equal(t, map[string]int{"a": 1, "b": 3, "full": 1}, asked)
}
