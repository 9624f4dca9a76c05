package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

var update = flag.Bool("update", false, "write the golden files anew")

// errAway is what a test's server takes for a sign that its database is away.
var errAway = errors.New("the database is away")

// golden compares got with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -update")
	require.Equal(t, string(want), got)
}

func TestProblems(t *testing.T) {
	t.Parallel()
	const start = `{"definition":"bookTrip","input":{"cents":1}}`
	known := "/v1/sagas/" + id(1).String()
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		fail                     error
		missing                  []string
		headers                  []string
	}{
		{name: "no-route", method: "GET", path: "/v2/sagas", status: 404},
		{name: "not-json", method: "POST", path: "/v1/sagas", body: `{`, status: 400},
		{name: "unknown-field", method: "POST", path: "/v1/sagas", body: `{"definition":"bookTrip","input":{},"priority":1}`, status: 422},
		{name: "no-input", method: "POST", path: "/v1/sagas", body: `{"definition":"bookTrip"}`, status: 422},
		{name: "bad-input", method: "POST", path: "/v1/sagas", body: `{"definition":"bookTrip","input":{"cents":"many"}}`, status: 422},
		{name: "unknown-definition", method: "POST", path: "/v1/sagas", body: `{"definition":"boktrip","input":{}}`, status: 404},
		{name: "unknown-version", method: "POST", path: "/v1/sagas", body: `{"definition":"bookTrip","version":"r9","input":{}}`, status: 404},
		{name: "too-large", method: "POST", path: "/v1/sagas", body: `{"definition":"` + strings.Repeat("x", 1<<20) + `"}`, status: 413},
		{name: "long-key", method: "POST", path: "/v1/sagas", body: start, status: 422, headers: []string{"Idempotency-Key", strings.Repeat("k", 257)}},
		{name: "bad-wait", method: "POST", path: "/v1/sagas?wait=never", body: start, status: 422},
		{name: "bad-timeout", method: "POST", path: "/v1/sagas?wait=end&timeout=soon", body: start, status: 422},
		{name: "key-used", method: "POST", path: "/v1/sagas", body: start, status: 409, fail: coordinator.ErrKeyUsed},
		{name: "bad-start", method: "POST", path: "/v1/sagas", body: start, status: 422, fail: coordinator.ErrBadStart},
		{name: "not-ready", method: "POST", path: "/v1/sagas", body: start, status: 503, fail: coordinator.ErrNotReady},
		{name: "internal", method: "POST", path: "/v1/sagas", body: start, status: 500, fail: errors.New("secret of the house")},
		{name: "away", method: "POST", path: "/v1/sagas", body: start, status: 503, fail: errAway},
		{name: "too-late", method: "POST", path: "/v1/sagas", body: start, status: 503, fail: context.DeadlineExceeded},
		{name: "cross-origin", method: "POST", path: "/v1/sagas", body: start, status: 403, headers: []string{"Sec-Fetch-Site", "cross-site"}},
		{name: "topics-missing", method: "POST", path: "/v1/sagas", body: start, status: 409, missing: []string{"unwind.commands.flights"}},
		{name: "past-pivot", method: "POST", path: known + "/cancel", body: `{"reason":"late"}`, status: 409, fail: saga.ErrPastPivot},
		{name: "ended", method: "POST", path: known + "/pause", body: `{}`, status: 409, fail: saga.ErrEnded},
		{name: "not-now", method: "POST", path: known + "/retry", body: `{"step":"reserve"}`, status: 409, fail: saga.ErrNotNow},
		{name: "cannot", method: "POST", path: known + "/resume", body: `{}`, status: 409, fail: fmt.Errorf("%w: a secret", coordinator.ErrCannot)},
		{name: "pause-step", method: "POST", path: known + "/pause", body: `{"step":"reserve"}`, status: 422},
		{name: "terminate-silently", method: "POST", path: known + "/terminate", body: `{}`, status: 422},
		{name: "skip-silently", method: "POST", path: known + "/skip", body: `{"step":"reserve"}`, status: 422},
		{name: "cancel-unknown", method: "POST", path: "/v1/sagas/" + id(9).String() + "/cancel", body: `{}`, status: 404},
		{name: "unknown-saga", method: "GET", path: "/v1/sagas/" + id(9).String(), status: 404},
		{name: "unknown-history", method: "GET", path: "/v1/sagas/" + id(9).String() + "/history", status: 404},
		{name: "bad-id", method: "GET", path: "/v1/sagas/12", status: 422},
		{name: "bad-status", method: "GET", path: "/v1/sagas?status=gone", status: 422},
		{name: "bad-limit", method: "GET", path: "/v1/sagas?limit=201", status: 422},
		{name: "bad-cursor", method: "GET", path: "/v1/sagas?cursor=x", status: 422},
		{name: "unknown-parameter", method: "GET", path: "/v1/sagas?sort=up", status: 422},
		{name: "bad-definition", method: "PUT", path: "/v1/definitions?file=bad.yaml", body: "unwind: v1\nsaga: bad-name\nsteps:\n  - {step: a, command: x/y}\n  - {step: b, kind: odd, command: x/y}\n", status: 422},
		{name: "get-unknown-definition", method: "GET", path: "/v1/definitions/bokTrip", status: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.add()
			w.fail, w.missing = c.fail, c.missing
			server, _ := w.serve(t)
			res, body := call(t, c.method, server.URL+c.path, c.body, c.headers...)
			require.Equal(t, c.status, res.StatusCode, body)
			require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
			require.Equal(t, c.status == http.StatusServiceUnavailable, res.Header.Get("Retry-After") != "")
			require.NotContains(t, body, "secret")
			golden(t, c.name+".json", indent(t, body))
		})
	}
}

func indent(t *testing.T, body string) string {
	t.Helper()
	var value map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &value), body)
	require.NotEmpty(t, value["code"])
	out, err := json.MarshalIndent(value, "", "  ")
	require.NoError(t, err)
	return string(out) + "\n"
}

func TestReadyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.notReady = coordinator.ErrNotReady
	server, _ := w.serve(t, func(c *rest.Config) {
		c.Checks = []rest.Check{{Name: "postgres", Run: func(context.Context) error { return errors.New("away") }}}
	})
	res, body := call(t, "GET", server.URL+"/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	golden(t, "readyz.json", indent(t, body))
	res, body = call(t, "GET", server.URL+"/healthz", "")
	require.Equal(t, http.StatusOK, res.StatusCode, body)
}
