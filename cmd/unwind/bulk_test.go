package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

// counter answers starts and remembers their keys.
type counter struct {
	mu   sync.Mutex
	keys []string
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Starts []struct {
			Key   string
			Input struct{ N int }
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	c.mu.Lock()
	defer c.mu.Unlock()
	var answer struct {
		Results []client.Started `json:"results"`
	}
	for _, s := range body.Starts {
		result := client.Started{ID: sagaID}
		switch {
		case s.Input.N == 13:
			result = client.Started{Problem: &client.Problem{Code: client.KeyTaken, Status: http.StatusConflict, Detail: "a running saga has this business key"}}
		case !slices.Contains(c.keys, s.Key):
			result.New = true
			c.keys = append(c.keys, s.Key)
		}
		answer.Results = append(answer.Results, result)
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// A second run over a file starts nothing twice, and a line that fails holds no other.
func TestStartMany(t *testing.T) {
	t.Parallel()
	var c counter
	server := httptest.NewServer(&c)
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "orders.ndjson")
	lines := []string{
		`{"key":"order-1","input":{"n":1}}`, `{"input":{"n":2}}`, ``, `{"input":{"n":2}}`, `{"input":{"n":13}}`, `{"imput":{}}`, `{`,
		`{"definition":"other","input":{"n":3}}`,
	}
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	run := func() (int, string, []string) {
		var out, errs bytes.Buffer
		p := &program{out: &out, errs: &errs, in: strings.NewReader(""), getenv: func(name string) string {
			return map[string]string{"UNWIND_URL": server.URL}[name]
		}}
		code := p.run(context.Background(), []string{"saga", "start-many", "order", path})
		said := strings.Split(strings.TrimSpace(errs.String()), "\n")
		slices.Sort(said)
		return code, out.String(), said
	}
	code, out, said := run()
	require.Equal(t, exitFailed, code)
	require.Equal(t, "4 started, 0 were started before, 3 failed\n", out)
	require.Equal(t, []string{
		"line 5: a running saga has this business key", `line 6: json: unknown field "imput"`, "line 7: unexpected EOF",
	}, said)
	_, out, _ = run()
	require.Equal(t, "0 started, 4 were started before, 3 failed\n", out)
	require.Len(t, c.keys, 4)
	require.Contains(t, c.keys, "order-1")
}
