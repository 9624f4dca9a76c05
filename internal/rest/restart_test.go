package rest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
)

// hasEnded makes a saga one that has ended, with the input of its first event.
func (w *world) hasEnded(id saga.ID) {
	w.set(id, func(s *saga.State) { s.Status = saga.Compensated })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = []saga.Event{{Seq: 1, Kind: saga.Started, Payload: saga.JSON([]byte(`{"cents": 5}`))}}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	id := w.add()
	_, err = c.Restart(t.Context(), id.String(), client.Verb{})
	requireCode(t, client.NotNow, err)
	require.Empty(t, w.requests)
	w.hasEnded(id)
	again, err := c.Restart(t.Context(), id.String(), client.Verb{Key: "k"})
	require.NoError(t, err)
	require.NotEqual(t, id.String(), again.ID)
	require.Len(t, w.requests, 1)
	require.Equal(t, `{"cents": 5}`, string(w.requests[0].Input.Data))
	require.Equal(t, "restart of "+id.String()+": k", w.requests[0].Key)
	res, body := call(t, http.MethodPost, server.URL+"/v1/sagas/"+id.String()+"/annotate", `{}`)
	require.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, body)
}
