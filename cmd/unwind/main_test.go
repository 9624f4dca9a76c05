package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

var update = flag.Bool("update", false, "write the golden files anew")

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

// unwind runs a command line with an environment of KEY=value.
func unwind(ctx context.Context, env []string, args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	p := &program{out: &stdout, errs: &stderr, in: strings.NewReader(`{"from":"stdin"}`), getenv: func(key string) string {
		for _, pair := range env {
			if value, ok := strings.CutPrefix(pair, key+"="); ok {
				return value
			}
		}
		return ""
	}}
	code = p.run(ctx, args)
	return code, stdout.String(), stderr.String()
}

const (
	sagaID   = "0190a1b2-c3d4-7e5f-8a9b-000000000001"
	familyID = "0190a1b2-c3d4-7e5f-8a9b-000000000002"
)

var (
	begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later = begin.Add(1500 * time.Millisecond)
	due   = begin.Add(31 * time.Second)
)

func reversing() client.Saga {
	return client.Saga{
		ID: sagaID, Definition: "bookTrip", Version: "r3", Status: "compensating", WaitingFor: []string{"reply"},
		Cause: "no seats left", StartedAt: &begin, ChangedAt: &later,
		Attention: []client.Attention{{Reason: "compensation-failed", Step: "bookHotel", Text: "10 attempts failed"}},
		Steps: []client.Step{
			{Step: "reserveFlight", Kind: "compensable", Command: "flights/reserve", Phase: "undone", Attempt: 1},
			{Step: "bookHotel", Kind: "compensable", Command: "hotels/book", Phase: "undoing", Attempt: 11, Due: &due},
			{Step: "charge", Kind: "pivot", Command: "payments/charge", Phase: "waiting"},
		},
	}
}

func story() client.Events {
	return client.Events{Events: []client.Event{
		{Seq: 1, Kind: "started", At: begin, Actor: "operator:rest", Sent: []client.Sent{{Step: "reserveFlight", Direction: "do", Attempt: 1, Command: "flights/reserve"}}},
		{Seq: 2, Kind: "replied", At: later, Actor: "participant:flights", Step: "reserveFlight", Direction: "do", Attempt: 2, Outcome: "rejected", Reason: "no seats left"},
	}}
}

func troubled() client.Breakers {
	open := client.BreakerNode{Node: "host/7/ABCDEFGH", State: "open", Since: begin, Held: 112, OldestHeld: &later, InFlight: 3, Requests: 24, Failures: 20, At: due}
	ramp := client.BreakerNode{Node: "host/8/IJKLMNOP", State: "closed", Since: later, Held: 4, OldestHeld: &later, Rate: 40, InFlight: 9, At: due}
	return client.Breakers{Breakers: []client.Breaker{
		{Participant: "payments", Direction: "do", State: "open", Since: begin, Held: 116, OldestHeld: &later, Rate: 40, Requests: 24, Failures: 20, Nodes: []client.BreakerNode{open, ramp}},
		{Participant: "payments", Direction: "undo", State: "closed", Since: begin, Nodes: []client.BreakerNode{{Node: "host/7/ABCDEFGH", State: "closed", Since: begin}}},
	}}
}

func pausedSaga() client.Saga {
	s := reversing()
	s.PausedAt, s.WaitingFor = &later, []string{"operator"}
	return s
}

func familySaga() client.Saga {
	s := reversing()
	s.Locks = []client.Lock{{Key: "account a7", Granted: true, Holder: familyID}, {Key: "account a8", Holder: sagaID, Ahead: 3}}
	s.Parent, s.ParentStep = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a00", "settle#2"
	s.Steps[1] = client.Step{Step: "settle", Kind: "compensable", Saga: "settleOrder r3", Child: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c", Phase: "reversing", Attempt: 1}
	return s
}

func abandonedSaga() client.Saga {
	s := reversing()
	s.Status, s.WaitingFor, s.Cause = "abandoned", nil, "the airline went bankrupt"
	s.Steps = slices.Clone(s.Steps)
	s.Steps[0].LeftAlive = true
	return s
}

// fake answers like a server.
func fake(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(pattern string, status int, body any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	answer("GET /v1/sagas/"+sagaID, 200, reversing())
	answer("GET /v1/sagas/"+familyID, 200, familySaga())
	answer("GET /v1/sagas/"+sagaID+"/history", 200, story())
	answer("POST /v1/sagas/"+sagaID+"/cancel", 409, client.Problem{Code: client.PastPivot, Status: 409, Detail: "past-pivot: the point of no return was passed"})
	answer("POST /v1/sagas/"+sagaID+"/pause", 200, pausedSaga())
	answer("POST /v1/sagas/"+sagaID+"/terminate", 200, abandonedSaga())
	answer("POST /v1/sagas/"+sagaID+"/retry", 409, client.Problem{Code: client.NotNow, Status: 409, Detail: "no step is resting before its next attempt"})
	answer("POST /v1/sagas", 201, reversing())
	answer("GET /v1/whoami", 200, client.Identity{Name: "ci", Key: "k7mq2xwa", Roles: map[string]string{"shop": "operator", "*": "viewer"}, Namespaces: []string{"default", "shop"}})
	answer("GET /v1/sagas", 200, client.Page{Sagas: []client.Saga{reversing()}, Next: sagaID})
	answer("GET /v1/definitions", 200, client.Definitions{Definitions: []client.Definition{{Name: "bookTrip", Version: "r3", Hash: "0123456789abcdef", AppliedAt: &begin}}})
	answer("GET /v1/definitions/bookTrip", 200, client.Definition{Name: "bookTrip", Version: "r3", Hash: "0123", Retention: "short", KeptFor: "168h0m0s", Canonical: []byte(`{"saga":"bookTrip"}`)})
	answer("PUT /v1/definitions", 200, client.Applied{Name: "bookTrip", Version: "r3", Created: true})
	bank := client.Hold{Kind: "participant", Name: "payments", Held: true, Reason: "the bank moves", Actor: "operator:ann", At: begin}
	answer("GET /v1/holds", 200, client.Holds{Holds: []client.Hold{bank, {Kind: "definition", Name: "order", Rate: 20, Actor: "operator:bob", At: later}}})
	answer("POST /v1/participants/payments/hold", 200, bank)
	answer("POST /v1/participants/payments/release", 200, client.Hold{Kind: "participant", Name: "payments", Rate: 20, Actor: "operator:ann", At: later})
	answer("GET /v1/breakers", 200, troubled())
	answer("GET /v1/breakers/payments", 200, troubled())
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestOutput(t *testing.T) {
	t.Parallel()
	env := []string{"UNWIND_URL=" + fake(t)}
	for _, c := range []struct {
		name, line string
		code       int
	}{
		{"saga-show", "saga show " + sagaID, exitOK},
		{"saga-show-family", "saga show " + familyID, exitOK},
		{"saga-show-json", "saga show -o json " + sagaID, exitOK},
		{"saga-history", "saga history " + sagaID, exitOK},
		{"saga-list", "saga list", exitOK},
		{"saga-start", "saga start bookTrip --input-file -", exitOK},
		{"saga-cancel-late", "saga cancel " + sagaID, exitFailed},
		{"saga-pause", "saga pause " + sagaID + " --reason bank", exitOK},
		{"saga-terminate", "saga terminate " + sagaID + " --reason bankrupt", exitOK},
		{"saga-terminate-silently", "saga terminate " + sagaID, exitUsage},
		{"saga-skip-silently", "saga skip " + sagaID + " hotel", exitUsage},
		{"saga-resolve-not-json", "saga resolve " + sagaID + " hotel --reason seen --output {", exitUsage},
		{"saga-retry-not-now", "saga retry " + sagaID + " hotel", exitFailed},
		{"breaker-list", "breaker list", exitOK},
		{"breaker-show", "breaker show payments", exitOK},
		{"def-list", "def list", exitOK},
		{"def-show", "def show bookTrip", exitOK},
		{"def-apply", "def apply testdata/good.yaml", exitOK},
		{"def-apply-bad", "def apply testdata/bad.yaml", exitFailed},
		{"def-validate", "def validate testdata/good.yaml", exitOK},
		{"def-validate-bad", "def validate testdata/bad.yaml testdata/good.yaml", exitFailed},
		{"hold-list", "hold list", exitOK},
		{"hold", "hold participant payments --reason bank", exitOK},
		{"hold-silently", "hold participant payments", exitFailed},
		{"release", "release participant payments --rate 20/s", exitOK},
		{"release-odd", "release participant payments --rate much", exitUsage},
		{"no-command", "saga brew", exitUsage},
		{"no-such-command", "brew", exitUsage},
		{"no-such-flag", "saga list --colour", exitUsage},
		{"no-argument", "saga show", exitUsage},
		{"bad-format", "saga list -o xml", exitUsage},
		{"not-json", "saga start bookTrip --input {", exitUsage},
		{"no-database", "serve", exitUsage},
		{"open-to-all", "serve --listen 0.0.0.0:8080 --database-url postgres://localhost/x --auth none", exitUsage},
		{"no-such-auth", "serve --auth maybe --database-url postgres://127.0.0.1/x", exitUsage},
		{"half-a-certificate", "serve --tls-cert-file c.pem --database-url postgres://127.0.0.1/x", exitUsage},
		{"key-on-the-line", "saga list --api-key unwind_aaaaaaaa_x", exitUsage},
		{"apikey-faults", "apikey create --role operator --namespace No --expires 3x --database-url postgres://127.0.0.1/x", exitUsage},
		{"apikey-no-role", "apikey create --name ci --database-url postgres://127.0.0.1/x", exitUsage},
		{"whoami", "whoami", exitOK},
		{"no-brokers", "topics plan --database-url postgres://localhost/x", exitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := unwind(t.Context(), env, strings.Fields(c.line)...)
			golden(t, c.name+".txt", out+errs)
			require.Equal(t, c.code, code)
		})
	}
}

func TestTheFlagWinsOverTheEnvironment(t *testing.T) {
	t.Parallel()
	code, _, _ := unwind(t.Context(), []string{"UNWIND_URL=http://127.0.0.1:1"}, "def", "list", "--url", fake(t))
	require.Equal(t, exitOK, code)
	code, _, errs := unwind(t.Context(), []string{"UNWIND_INSECURE=maybe"}, "serve")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "UNWIND_INSECURE")
}

func TestDefSchema(t *testing.T) {
	t.Parallel()
	for kind, title := range map[string]string{"": "definition", "contract": "contract", "script": "test script", "schedule": "schedule"} {
		args := append([]string{"def", "schema"}, strings.Fields(kind)...)
		code, out, _ := unwind(t.Context(), nil, args...)
		require.Equal(t, exitOK, code)
		require.True(t, json.Valid([]byte(out)))
		require.Contains(t, out, title)
	}
	code, _, errs := unwind(t.Context(), nil, "def", "schema", "saga")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "contract, definition, schedule, script")
}

// TestASagaThatNeedsAPersonIsNotWaitedFor: --wait end returns at once, with a code of
// its own and what to ask.
func TestASagaThatNeedsAPersonIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	stands := reversing()
	stands.WaitingFor, stands.Attention = nil, []client.Attention{{Reason: "step-failed"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(stands) }))
	t.Cleanup(server.Close)
	code, _, errs := unwind(t.Context(), nil, "saga", "start", "bookTrip", "--wait", "end", "--url", server.URL)
	require.Equal(t, exitStands, code)
	require.Contains(t, errs, "unwind saga why "+stands.ID)
}

func TestWaitingForAnEndThatIsNotCompletedFails(t *testing.T) {
	t.Parallel()
	ended := reversing()
	ended.Status = "compensated"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(ended) }))
	t.Cleanup(server.Close)
	code, out, _ := unwind(t.Context(), nil, "saga", "start", "bookTrip", "--wait", "end", "--url", server.URL)
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "compensated")
}
