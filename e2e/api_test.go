package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

// script is what the participants are to do with a saga; see package participant.
type script map[string][]string

// request is one call of REST.
type request struct {
	method, path string
	body         []byte
	key          string // Idempotency-Key
	trace        string // traceparent
	node         int
	want         int // the status that the test expects
}

// requestTime bounds one request.
const requestTime = 10 * time.Second

var web = &http.Client{Timeout: requestTime}

// send sends a request and returns what came back.
func (w *world) send(r request) (status int, answer []byte, err error) {
	req, err := http.NewRequest(r.method, w.nodes[r.node].url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, err
	}
	if len(r.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
		if r.method == http.MethodPut {
			req.Header.Set("Content-Type", "application/yaml")
		}
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.trace != "" {
		req.Header.Set("Traceparent", r.trace)
	}
	resp, err := web.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// call sends a request that must be answered with the wanted status.
func (w *world) call(t testing.TB, r request) []byte {
	t.Helper()
	status, answer, err := w.send(r)
	require.NoError(t, err)
	require.Equal(t, r.want, status, "%s %s: %s", r.method, r.path, answer)
	return answer
}

// opening is the request that starts a saga.
func opening(definition string, s script) request {
	body, err := json.Marshal(map[string]any{"definition": definition, "input": map[string]any{"script": s}})
	if err != nil {
		panic(err) // strings are always JSON
	}
	return request{method: http.MethodPost, path: "/v1/sagas", body: body, want: http.StatusCreated}
}

// start starts a saga and returns its id.
func (w *world) start(t testing.TB, definition string, s script) saga.ID {
	t.Helper()
	return idOf(t, w.call(t, opening(definition, s)))
}

// insist starts a saga on whichever coordinator takes it, until one does. The key
// makes sure that it is one saga. It is for any goroutine.
func (w *world) insist(key, definition string, s script) (saga.ID, error) {
	r := opening(definition, s)
	r.key, r.node = key, rand.IntN(len(w.nodes))
	tick := time.NewTicker(often)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		status, answer, err := w.send(r)
		if err == nil && (status == http.StatusCreated || status == http.StatusOK) {
			var s client.Saga
			if err := json.Unmarshal(answer, &s); err != nil {
				return saga.ID{}, err
			}
			return saga.ParseID(s.ID)
		}
		if time.Now().After(end) {
			return saga.ID{}, fmt.Errorf("no coordinator starts a saga: %w: %d %s", err, status, answer)
		}
		r.node = (r.node + 1) % len(w.nodes)
	}
}

func idOf(t testing.TB, answer []byte) saga.ID {
	t.Helper()
	var s client.Saga
	require.NoError(t, json.Unmarshal(answer, &s))
	id, err := saga.ParseID(s.ID)
	require.NoError(t, err)
	return id
}

// cancel asks to turn a saga back and wants this status.
func (w *world) cancel(t testing.TB, id saga.ID, want int) []byte {
	t.Helper()
	return w.call(t, request{
		method: http.MethodPost, path: "/v1/sagas/" + id.String() + "/cancel", body: []byte(`{"reason":"changed my mind"}`), want: want,
	})
}

// look reads a saga from whichever coordinator answers.
func (w *world) look(id saga.ID) (s client.Saga, ok bool) {
	for n := range w.nodes {
		status, data, err := w.send(request{method: http.MethodGet, path: "/v1/sagas/" + id.String(), node: n})
		if err == nil && status == http.StatusOK && json.Unmarshal(data, &s) == nil {
			return s, true
		}
	}
	return s, false
}

// until waits for a saga to be as wanted.
func (w *world) until(t testing.TB, id saga.ID, what string, holds func(client.Saga) bool) client.Saga {
	t.Helper()
	var last client.Saga
	defer func() {
		if t.Failed() {
			text, _ := json.Marshal(last)
			t.Logf("saga %s is %s\n%s", id, text, w.story(id))
		}
	}()
	eventually(t, fmt.Sprintf("saga %s is %s", id, what), func() bool {
		s, ok := w.look(id)
		if ok {
			last = s
		}
		return ok && holds(s)
	})
	return last
}

// phase waits until a step has come that far.
func (w *world) phase(t testing.TB, id saga.ID, step, phase string) {
	t.Helper()
	w.until(t, id, step+" "+phase, func(s client.Saga) bool {
		for _, one := range s.Steps {
			if one.Step == step {
				return one.Phase == phase
			}
		}
		return false
	})
}

// attention waits until a saga needs attention for that reason.
func (w *world) attention(t testing.TB, id saga.ID, reason saga.AttentionReason) {
	t.Helper()
	w.until(t, id, "in need of attention for "+string(reason), func(s client.Saga) bool {
		return len(s.Attention) > 0 && s.Attention[0].Reason == string(reason)
	})
}

// history reads a saga's events over REST.
func (w *world) history(t testing.TB, id saga.ID) []client.Event {
	t.Helper()
	var page client.Events
	answer := w.call(t, request{method: http.MethodGet, path: "/v1/sagas/" + id.String() + "/history", node: w.alive(), want: http.StatusOK})
	require.NoError(t, json.Unmarshal(answer, &page))
	require.Zero(t, page.Next, "a history of the tests fits on one page")
	return page.Events
}

// story is a saga's history for people.
func (w *world) story(id saga.ID) string {
	_, data, err := w.send(request{method: http.MethodGet, path: "/v1/sagas/" + id.String() + "/history", node: w.alive()})
	var page client.Events
	if err != nil || json.Unmarshal(data, &page) != nil {
		return "no history"
	}
	return tell(page.Events)
}

// tell writes a history for people.
func tell(history []client.Event) string {
	var b bytes.Buffer
	for _, e := range history {
		_, _ = fmt.Fprintf(&b, "%d %s %s %s %s/%s %d#%d %s %q sent %v\n", // a buffer takes all
			e.Seq, e.At.Format("05.000"), e.Kind, e.Actor, e.Step, e.Direction, e.Attempt, e.Epoch, e.Outcome, e.Reason, e.Sent)
	}
	return b.String()
}
