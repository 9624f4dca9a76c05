package rest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

func (w *world) connect(t *testing.T) *client.Client {
	t.Helper()
	server, _ := w.serve(t)
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	return c
}

// A query is asked with the whole history that has led to the saga's state, and none
// of what came since.
func TestQueryReadsTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.add(func(s *saga.State) { s.Seq = 450 }).String()
	w.events = make([]saga.Event, 470)
	c := w.connect(t)
	got, err := c.Query(t.Context(), id, "progress")
	require.NoError(t, err)
	require.Equal(t, "progress", got.Query)
	require.Equal(t, int64(450), got.Seq)
	require.JSONEq(t, `{"name":"progress","of":"bookTrip","events":450}`, string(got.Answer))
	w.events = w.events[:449]
	_, err = c.Query(t.Context(), id, "progress")
	requireCode(t, client.Internal, err)
}

// What is wrong is said, save the stack of a panic, which is in the log.
func TestQueryProblems(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		err    error
		status int
		code   client.Code
		detail string
	}{
		"no query":    {fmt.Errorf("%w as \"x\"; it has progress", saga.ErrNoQuery), 404, client.UnknownQuery, `no such query as "x"; it has progress`},
		"not begun":   {fmt.Errorf("it has not begun: %w", saga.ErrNotNow), 409, client.NotNow, "it has not begun"},
		"no function": {fmt.Errorf("%w: r1 is code", coordinator.ErrVersion), 503, client.NotReady, "r1 is code"},
		"a panic":     {&saga.QueryError{Query: "x", Err: errors.New("panic in the code: no map\nstack")}, 500, client.QueryFailed, "query x: panic in the code: no map"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.add().String()
			w.unasked = one.err
			c := w.connect(t)
			_, err := c.Query(t.Context(), id, "x")
			var p *client.Problem
			require.ErrorAs(t, err, &p)
			require.Equal(t, one.status, p.Status)
			require.Equal(t, one.code, p.Code)
			require.Contains(t, p.Detail, one.detail)
			require.NotContains(t, p.Detail, "stack")
		})
	}
	c := newWorld(t).connect(t)
	_, err := c.Query(t.Context(), id(9).String(), "x")
	requireCode(t, client.NotFound, err)
}
