package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

// TestStartMany: each of several starts fares by itself.
func TestStartMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, _ := w.serve(t)
	c, err := client.New(client.Config{URL: server.URL})
	require.NoError(t, err)
	start := func(key, input string) client.Start {
		return client.Start{Definition: "bookTrip", Key: key, Input: json.RawMessage(input)}
	}
	starts := []client.Start{
		start("a", `{"cents": 1}`),
		start("", `{"cents":1}`),
		start("b", `{"cents":"many"}`),
		start("c", `{"cents":3}`),
		{Definition: "bookTrap", Key: "d", Input: json.RawMessage(`{}`)},
		{Definition: "book\x00", Key: "e", Input: json.RawMessage(`{}`)},
		start(strings.Repeat("k", 257), `{}`),
	}
	results, err := c.StartMany(t.Context(), starts)
	require.NoError(t, err)
	require.Len(t, results, len(starts))
	codes := make([]client.Code, len(results))
	for i, r := range results {
		if r.Problem != nil {
			codes[i] = r.Problem.Code
		} else {
			require.NotEmpty(t, r.ID)
		}
	}
	require.Equal(t, []client.Code{"", client.BadRequest, client.InvalidInput, "", client.UnknownDefinition, client.UnknownDefinition, client.BadRequest}, codes)

	many := make([]client.Start, client.MaxStarts+1)
	for i := range many {
		many[i] = start(fmt.Sprint("many ", i), `{"cents":1}`)
	}
	_, err = c.StartMany(t.Context(), many)
	p, ok := errors.AsType[*client.Problem](err)
	require.True(t, ok, err)
	require.Equal(t, http.StatusUnprocessableEntity, p.Status)
	results, err = c.StartMany(t.Context(), many[1:])
	require.NoError(t, err)
	require.Len(t, results, client.MaxStarts)
}
