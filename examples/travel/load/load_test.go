package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/examples/travel"
	"github.com/unwindhq/unwind/internal/compose"
)

// coordinator answers as one: trips that cannot be booked are compensated. Its
// first start fails.
type coordinator struct {
	mu     sync.Mutex
	failed bool
	ends   []string          // by saga
	keys   map[string]string // to the saga
}

func (c *coordinator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := strings.CutPrefix(r.URL.Path, "/v1/sagas/"); ok {
		n, _ := strconv.Atoi(id)
		_ = json.NewEncoder(w).Encode(client.Saga{ID: id, Status: c.ends[n]})
		return
	}
	if !c.failed {
		c.failed = true
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var body struct{ Input travel.Input }
	data, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(data, &body)
	id, known := c.keys[r.Header.Get("Idempotency-Key")]
	if !known {
		id = strconv.Itoa(len(c.ends))
		c.keys[r.Header.Get("Idempotency-Key")] = id
		end := "completed"
		if body.Input.Card == "empty" || body.Input.Hotel == "Full" || body.Input.Flight == "FULL1" {
			end = "compensated"
		}
		c.ends = append(c.ends, end)
	}
	_ = json.NewEncoder(w).Encode(client.Saga{ID: id, Status: "running"})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	c := &coordinator{keys: map[string]string{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	env := map[string]string{"LOAD_URL": server.URL + "," + server.URL, "LOAD_COUNT": "30", "LOAD_RATE": "1000", "LOAD_FAILING": "0.5"}
	var out, errs strings.Builder
	require.Zero(t, program(t.Context(), []string{"-failing", "0.2"}, func(name string) string { return env[name] }, &out, &errs), errs.String())
	require.Contains(t, out.String(), "30 started, 24 completed, 6 compensated, 0 under way, 1 errors")
	require.Len(t, c.ends, 30)
}

func TestTripsFailInTurn(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{}
	for n := range int64(300) {
		in := trip(n, 0.1)
		for kind, failing := range map[string]bool{"card": in.Card == "empty", "hotel": in.Hotel == "Full", "flight": in.Flight == "FULL1"} {
			if failing {
				kinds[kind]++
			}
		}
	}
	require.Equal(t, map[string]int{"card": 10, "hotel": 10, "flight": 10}, kinds)
}

func TestSettingsNameEveryFault(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"rate is 0":            {"-rate", "0", "-in-flight", "0"},
		"in-flight is 0":       {"-rate", "0", "-in-flight", "0"},
		"failing is 2":         {"-failing", "2"},
		"write it like http":   {"-url", "coordinator"},
		"no argument \"now\"":  {"now"},
		"count is -1":          {"-count", "-1"},
		"every is 0s":          {"-every", "0s"},
		"provided but not def": {"-none"},
	} {
		var errs strings.Builder
		require.Equal(t, 1, program(t.Context(), args, func(string) string { return "" }, io.Discard, &errs))
		require.Contains(t, errs.String(), want)
	}
	var errs strings.Builder
	require.Equal(t, 1, program(t.Context(), nil, func(name string) string { return map[string]string{"LOAD_RATE": "fast"}[name] }, io.Discard, &errs))
	require.Contains(t, errs.String(), "LOAD_RATE: ")
}

// TestComposeLoad: docker-compose.yml runs the program with variables that it
// reads, and both coordinators get sagas.
func TestComposeLoad(t *testing.T) {
	t.Parallel()
	f, err := compose.Load(t.Context(), "../../../docker-compose.yml")
	require.NoError(t, err)
	s, ok := f.Service("load")
	require.True(t, ok)
	get, unread := s.Reader()
	cfg, err := settings(s.Command, get, io.Discard)
	require.NoError(t, err)
	require.Empty(t, unread())
	clients, err := cfg.clients()
	require.NoError(t, err)
	require.Len(t, clients, 2)
	require.Positive(t, cfg.failing)

	s.Environment["LOAD_RAT"] = "5"
	get, unread = s.Reader()
	_, err = settings(s.Command, get, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"LOAD_RAT"}, unread())
}
