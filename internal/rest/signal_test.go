package rest_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func TestSignalsAndDecisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	id := w.add(isClaim)
	ctx, text := t.Context(), id.String()

	_, err = c.Signal(ctx, text, client.Verb{Signal: "pait"})
	requireCode(t, client.UnknownSignal, err)
	_, err = c.Signal(ctx, text, client.Verb{Signal: "paid"})
	requireCode(t, client.InvalidInput, err)
	_, err = c.Signal(ctx, text, client.Verb{Signal: "paid", Payload: []byte(`{"amount":1}`)})
	requireCode(t, client.InvalidInput, err)
	require.Empty(t, w.verbs)

	after, err := c.Signal(ctx, text, client.Verb{Signal: "paid", Payload: []byte(`{"ref":"P1"}`), Key: "k"})
	require.NoError(t, err)
	require.Equal(t, []string{"signal paid", "approval by group:desk or user:ann", "approval"}, waitsOf(after))
	_, err = c.Approve(ctx, text, client.Verb{Step: "sign", Reason: "fine"})
	require.NoError(t, err)
	_, err = c.Refuse(ctx, text, client.Verb{Step: "sign"})
	require.NoError(t, err)
	local := saga.Actor{Kind: saga.Operator, Name: "local"}
	require.Equal(t, []coordinator.Verb{
		{Kind: saga.Signalled, Saga: id, Signal: "paid", Payload: saga.JSON([]byte(`{"ref":"P1"}`)), Actor: local, RequestID: "k"},
		{Kind: saga.Decided, Saga: id, Step: "sign", Outcome: saga.Succeeded, Groups: []string{saga.Everyone}, Actor: local, Reason: "fine"},
		{Kind: saga.Decided, Saga: id, Step: "sign", Outcome: saga.Rejected, Groups: []string{saga.Everyone}, Actor: local},
	}, w.verbs)

	w.fail = saga.ErrNotYours
	_, err = c.Approve(ctx, text, client.Verb{Step: "sign"})
	requireCode(t, client.NotYours, err)
}

// Who may only look may decide what the definition asks its group for, and nothing
// else.
func TestViewersDecideWhatTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.guarded(t)
	id := w.addIn("shop")
	w.set(id, isClaim)
	for _, tt := range []struct {
		key, step string
		status    int
	}{
		{"shop=viewer", "sign", http.StatusOK},
		{"shop=viewer", "glance", http.StatusForbidden},
		{"shop=viewer", "paid", http.StatusForbidden},
		{"shop=operator", "glance", http.StatusOK},
	} {
		res, body := call(t, http.MethodPost, server.URL+"/v1/sagas/"+id.String()+"/approve", `{"step":"`+tt.step+`"}`, "Authorization", "Bearer "+tt.key)
		require.Equal(t, tt.status, res.StatusCode, "%s %s: %s", tt.key, tt.step, body)
	}
}

func requireCode(t *testing.T, want client.Code, err error) {
	t.Helper()
	p, ok := errors.AsType[*client.Problem](err)
	require.True(t, ok, err)
	require.Equal(t, want, p.Code)
}

func waitsOf(s client.Saga) []string {
	var waits []string
	for _, step := range s.Steps {
		waits = append(waits, step.Waits)
	}
	return waits
}

func TestListByAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	for query, status := range map[string]int{
		"key=order-17&attribute=customer=c7&attribute=cents=5": http.StatusOK,
		"attribute=customer":    http.StatusUnprocessableEntity,
		"attribute=custo-mer=5": http.StatusUnprocessableEntity,
		"attribute=a=1&attribute=a=1&attribute=a=1&attribute=a=1&attribute=a=1": http.StatusUnprocessableEntity,
	} {
		res, body := call(t, http.MethodGet, server.URL+"/v1/sagas?"+query, "")
		require.Equal(t, status, res.StatusCode, body)
	}
	require.Equal(t, []saga.Match{{Value: "order-17"}, {Name: "customer", Value: "c7"}, {Name: "cents", Value: "5"}}, w.filter.Attributes)
}
