package rest_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func clientOf(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: url + "/", APIKey: "k"})
	require.NoError(t, err)
	return c
}

func TestStartKeepsTheBytesAndTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	const body = `{"definition":"bookTrip","input":{ "cents": 12345678901234567890123, "note":"<\u00e9>" }}`
	res, text := call(t, "POST", server.URL+"/v1/sagas", body, "Idempotency-Key", "order 7")
	require.Equal(t, http.StatusCreated, res.StatusCode, text)
	require.Equal(t, "/v1/sagas/"+id(1).String(), res.Header.Get("Location"))
	require.JSONEq(t, `{ "cents": 12345678901234567890123, "note":"<\u00e9>" }`, string(w.requests[0].Input.Data))
	require.Equal(t, coordinator.StartRequest{
		Namespace: "default", Definition: "bookTrip", Version: "r1", Key: "order 7",
		Input: w.requests[0].Input, Actor: saga.Actor{Kind: saga.Operator, Name: "local"},
	}, w.requests[0])

	res, text = call(t, "POST", server.URL+"/v1/sagas", body, "Idempotency-Key", "order 7")
	require.Equal(t, http.StatusOK, res.StatusCode, text)
	require.Equal(t, "/v1/sagas/"+id(1).String(), res.Header.Get("Location"))
}

func TestClientSendsTheInputByteForByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	raw := `{ "cents" : 10000000000000000000001 }`
	started, fresh, err := c.Start(t.Context(), client.Start{Definition: "bookTrip", Version: "r1", Key: "k", Input: []byte(raw)})
	require.NoError(t, err)
	require.True(t, fresh)
	require.Equal(t, id(1).String(), started.ID)
	require.Equal(t, raw, string(w.requests[0].Input.Data))
	_, _, err = c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: map[string]int{"cents": 3}})
	require.NoError(t, err)
	require.JSONEq(t, `{"cents":3}`, string(w.requests[1].Input.Data))
	_, _, err = c.Start(t.Context(), client.Start{Definition: "bookTrip", Input: []byte("{")})
	require.Error(t, err)
}

func TestClientSeesSagas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	first := w.add(func(s *saga.State) {
		s.Attention = []saga.Attention{{Reason: saga.PivotUnknown, Step: "charge", Text: "no answer"}}
	})
	w.add(func(s *saga.State) { s.Status = saga.Completed })
	got, err := c.Get(t.Context(), first.String())
	require.NoError(t, err)
	due := at.Add(30 * time.Second)
	require.Equal(t, client.Saga{
		ID: first.String(), Definition: "bookTrip", Version: "r1", Status: "running", WaitingFor: []string{"reply"},
		Attention: []client.Attention{{Reason: "pivot-unknown", Step: "charge", Text: "no answer"}},
		StartedAt: &at, ChangedAt: &at, WakeAt: &due,
		Steps: []client.Step{
			{Step: "reserve", Kind: "compensable", Command: "flights/reserve", Phase: "doing", Attempt: 1, Epoch: 1, Due: &due},
			{Step: "charge", Kind: "pivot", Command: "payments/charge", Phase: "waiting"},
		},
	}, got)

	page, err := c.List(t.Context(), client.Filter{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "completed", page.Sagas[0].Status)
	page, err = c.List(t.Context(), client.Filter{Cursor: page.Next, Attention: true, Definition: "bookTrip", Status: "running"})
	require.NoError(t, err)
	require.Len(t, page.Sagas, 1)
	require.Empty(t, page.Next)

	_, err = c.Get(t.Context(), id(9).String())
	require.Equal(t, client.NotFound, client.CodeOf(err))
}

func TestClientSeesHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	w.events = []saga.Event{
		{
			Seq: 1, Kind: saga.Started, At: at, Actor: saga.Actor{Kind: saga.Operator, Name: "local"}, Payload: saga.JSON([]byte(`{"n":123456789012345678901}`)),
			Sent: []saga.Sent{{Step: saga.StepRef{Name: "reserve"}, Direction: saga.Do, Attempt: 1, Name: "flights/reserve", Hash: 10}},
		},
		{
			Seq: 2, Kind: saga.Replied, At: at, Actor: saga.Actor{Kind: saga.Participant, Name: "flights"}, Step: saga.StepRef{Name: "reserve"},
			Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded, Payload: saga.Payload{Data: []byte{1, 2}, ContentType: "application/avro"},
		},
		{
			Seq: 3, Kind: saga.Replied, At: at, Actor: saga.Actor{Kind: saga.Participant, Name: "flights"}, Step: saga.StepRef{Name: "reserve"},
			Direction: saga.Do, Attempt: 1, Epoch: 1, Outcome: saga.Succeeded, Payload: saga.JSON([]byte("\"\xff\"")),
		},
	}
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	page, err := c.History(t.Context(), first.String(), 0, 1)
	require.NoError(t, err)
	require.Equal(t, `{"n":123456789012345678901}`, string(page.Events[0].Payload))
	require.Equal(t, "flights/reserve", page.Events[0].Sent[0].Command)
	page, err = c.History(t.Context(), first.String(), page.Next, 0)
	require.NoError(t, err)
	require.Zero(t, page.Next)
	require.Equal(t, []byte{1, 2}, page.Events[0].PayloadBase64)
	require.Equal(t, []byte("\"\xff\""), page.Events[1].PayloadBase64, "readers of JSON refuse what is no UTF-8")
	require.Equal(t, "succeeded", page.Events[0].Outcome)
	require.Equal(t, "participant:flights", page.Events[0].Actor)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	cancelled, err := c.Cancel(t.Context(), first.String(), client.Verb{Reason: "twice", Key: "c1"})
	require.NoError(t, err)
	require.Equal(t, "compensating", cancelled.Status)
	require.Equal(t, coordinator.Verb{
		Kind: saga.Cancelled, Saga: first, Actor: saga.Actor{Kind: saga.Operator, Name: "local"}, Reason: "twice", RequestID: "c1",
	}, w.verbs[0])
	w.fail = saga.ErrPastPivot
	_, err = c.Cancel(t.Context(), first.String(), client.Verb{})
	require.Equal(t, client.PastPivot, client.CodeOf(err))
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.add()
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	for kind, ask := range map[saga.EventKind]func(context.Context, string, client.Verb) (client.Saga, error){
		saga.Paused: c.Pause, saga.Resumed: c.Resume, saga.Retried: c.Retry, saga.Terminated: c.Terminate,
	} {
		w.verbs = nil
		_, err := ask(t.Context(), id.String(), client.Verb{Reason: "because", Key: "k1"})
		require.NoError(t, err, kind)
		require.Equal(t, []coordinator.Verb{{
			Kind: kind, Saga: id, Actor: saga.Actor{Kind: saga.Operator, Name: "local"}, Reason: "because", RequestID: "k1",
		}}, w.verbs)
	}
	_, err := c.Retry(t.Context(), id.String(), client.Verb{Step: "reserve"})
	require.NoError(t, err)
	require.Equal(t, "reserve", w.verbs[1].Step)
	_, err = c.Skip(t.Context(), id.String(), client.Verb{Step: "reserve", Reason: "by telephone"})
	require.NoError(t, err)
	_, err = c.Resolve(t.Context(), id.String(), client.Verb{Step: "reserve", Reason: "seen", Output: []byte(`{"seat":12}`)})
	require.NoError(t, err)
	require.Equal(t, saga.StepSkipped, w.verbs[2].Kind)
	require.Equal(t, coordinator.Verb{
		Kind: saga.StepResolved, Saga: id, Step: "reserve", Actor: saga.Actor{Kind: saga.Operator, Name: "local"}, Reason: "seen",
		Payload: saga.JSON([]byte(`{"seat":12}`)),
	}, w.verbs[3])
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c := clientOf(t, server.URL)
	applied, err := c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip))
	require.NoError(t, err)
	require.Equal(t, client.Applied{Name: "bookTrip", Version: "r1", Hash: applied.Hash}, applied)
	applied, err = c.ApplyDefinition(t.Context(), "trip.yaml", []byte(trip+"title: Trips\n"))
	require.NoError(t, err)
	require.True(t, applied.Created)
	list, err := c.Definitions(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "bookTrip", list.Definitions[0].Name)
	one, err := c.Definition(t.Context(), "bookTrip", "r1")
	require.NoError(t, err)
	require.JSONEq(t, string(w.files["bookTrip r1"].Canonical), string(one.Canonical))
	_, err = c.ApplyDefinition(t.Context(), "bad.yaml", []byte("saga: x"))
	require.Equal(t, client.InvalidDefinition, client.CodeOf(err))
	require.ErrorContains(t, err, "bad.yaml:1: ")
}

func TestAnotherNamespacesSagaIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	server, _ := w.serve(t, func(c *rest.Config) { c.Namespaces = []string{"other"} })
	for _, path := range []string{"", "/history"} {
		res, _ := call(t, "GET", server.URL+"/v1/sagas/"+first.String()+path, "")
		require.Equal(t, http.StatusNotFound, res.StatusCode)
	}
	res, _ := call(t, "POST", server.URL+"/v1/sagas/"+first.String()+"/cancel", "{}")
	require.Equal(t, http.StatusNotFound, res.StatusCode)
	require.Empty(t, w.verbs)
}

func TestWaitAnswersWhenItHasCome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		until  client.Until
		change func(*saga.State)
	}{
		"end":               {client.End, func(s *saga.State) { s.Status = saga.Compensated }},
		"pivot done":        {client.Pivot, func(s *saga.State) { s.Steps[1].Phase = saga.Done }},
		"pivot not reached": {client.Pivot, func(s *saga.State) { s.Status = saga.Compensating }},
		"standstill":        {client.Standstill, func(s *saga.State) { needsSomebody(s); s.Steps[1].Phase = saga.Done }},
		"standstill, poisoned": {client.Standstill, func(s *saga.State) {
			s.Attention = []saga.Attention{{Reason: saga.TransitionFailed}}
		}},
		"standstill, ended":   {client.Standstill, func(s *saga.State) { s.Status = saga.Completed }},
		"pivot, but no pivot": {client.Pivot, func(s *saga.State) { s.Status = saga.Completed }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.add()
			server, _ := w.serve(t)
			answered := make(chan client.Saga, 1)
			asking := clientOf(t, server.URL)
			go func() {
				got, err := asking.Wait(t.Context(), first.String(), c.until)
				if err == nil {
					answered <- got
				}
			}()
			w.set(first, func(s *saga.State) { s.Steps[0].Phase = saga.Done })
			w.set(first, c.change)
			require.NotEmpty(t, (<-answered).Status)
		})
	}
}

// needsSomebody puts attention on a saga none of whose steps waits for anything.
func needsSomebody(s *saga.State) {
	s.Attention = []saga.Attention{{Reason: saga.ChildAbandoned}}
	for i := range s.Steps {
		s.Steps[i].Phase = saga.Done
	}
}

// TestAttentionAloneIsNoStandstill: a saga that needs attention and goes on by itself is
// waited for.
func TestAttentionAloneIsNoStandstill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	server, _ := w.serve(t)
	w.set(first, func(s *saga.State) { needsSomebody(s); s.Steps[1].Phase = saga.Doing })
	_, body := call(t, "GET", server.URL+"/v1/sagas/"+first.String()+"?wait=standstill&timeout=1ms", "")
	require.Contains(t, body, `"waitingFor":["reply"]`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := clientOf(t, server.URL).Wait(ctx, first.String(), client.Standstill)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestWaitAnswersWithWhatThereIsWhenTimeIsUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	server, _ := w.serve(t)
	res, body := call(t, "GET", server.URL+"/v1/sagas/"+first.String()+"?wait=end&timeout=1ms", "")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, `"status":"running"`)
}

func TestWaitingIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	server, _ := w.serve(t, func(c *rest.Config) { c.MaxWaiting = 1 })
	waits := func() { // again and again: the requests below may be first
		for t.Context().Err() == nil {
			if _, err := clientOf(t, server.URL).Wait(t.Context(), first.String(), client.End); err == nil {
				return
			}
		}
	}
	go waits()
	require.Eventually(t, func() bool {
		res, _ := call(t, "GET", server.URL+"/v1/sagas/"+first.String()+"?wait=end&timeout=1ms", "")
		return res.StatusCode == http.StatusServiceUnavailable
	}, 10*time.Second, time.Millisecond)
	w.set(first, func(s *saga.State) { s.Status = saga.Completed })
}

func TestServeEndsWaitingRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.add()
	_, s := w.serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	url := "http://" + listener.Addr().String() + "/v1/sagas/" + first.String()
	answered := make(chan int, 1)
	go func() {
		res, err := http.Get(url + "?wait=end")
		if err != nil {
			answered <- 0
			return
		}
		defer func() { _ = res.Body.Close() }()
		answered <- res.StatusCode
	}()
	w.set(first, func(*saga.State) {}) // the request has begun to wait, or will
	require.Eventually(t, func() bool { return len(w.changed) == 0 }, 10*time.Second, time.Millisecond)
	stop()
	require.Equal(t, http.StatusOK, <-answered)
	require.NoError(t, <-ended)
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	server, _ := newWorld(t).serve(t)
	res, body := call(t, "GET", server.URL+"/openapi.json", "")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, body, `"openapi":"3.1.0"`)
	require.Contains(t, body, `"/v1/sagas/{id}/cancel"`)
	require.NotContains(t, body, "ErrorModel")
}
