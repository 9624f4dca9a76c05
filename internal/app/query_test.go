package app_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// counting counts signals until one says that it is enough, and lets others see the
// count.
func counting(t *testing.T) *saga.Code {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "counting", Version: "r1"}, func(c *code.Context, in int) (int, error) {
		code.Query(c, "sum", func() int { return in })
		code.Query(c, "broken", func() int { panic("no sum") })
		for in < 100 {
			more, err := code.Await[int](c, "more", 0)
			if err != nil {
				return in, err
			}
			in += more
		}
		return in, nil
	})
	require.NoError(t, err)
	return made
}

// A function's variables are seen over REST after each event and when the saga has
// ended, by a process that has the function; the history knows nothing of it.
func TestCodeIsAskedOverREST(t *testing.T) {
	t.Parallel()
	database := testserver.Postgres(t)
	cfg := app.Config{DatabaseURL: database, Listen: "127.0.0.1:0", Migrate: true, Code: []*saga.Code{counting(t)}}
	c := start(t, cfg)
	cfg.Code = nil
	other := start(t, cfg)
	s, _, err := c.Start(t.Context(), client.Start{Definition: "counting", Input: 1})
	require.NoError(t, err)
	sum := func(want string) {
		t.Helper()
		for range 2 {
			got, err := c.Query(t.Context(), s.ID, "sum")
			require.NoError(t, err)
			require.Equal(t, want, string(got.Answer))
		}
	}
	sum("1")
	for _, step := range [][2]string{{"10", "11"}, {"20", "31"}, {"70", "101"}} {
		_, err = c.Signal(t.Context(), s.ID, client.Verb{Signal: "more", Payload: []byte(step[0])})
		require.NoError(t, err)
		sum(step[1])
	}
	require.Equal(t, "completed", wait(t, c, s.ID, client.End).Status)
	sum("101")
	events, err := c.History(t.Context(), s.ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, events.Events, 4, "the start and three signals")

	for _, bad := range []struct {
		c      *client.Client
		query  string
		code   client.Code
		detail string
	}{
		{c, "sums", client.UnknownQuery, "it has broken, sum"},
		{c, "broken", client.QueryFailed, "query broken: panic in the code: no sum"},
		{other, "sum", client.NotReady, "saga counting r1 is code, and this process does not have it"},
	} {
		_, err = bad.c.Query(t.Context(), s.ID, bad.query)
		p, is := errors.AsType[*client.Problem](err)
		require.True(t, is, "%v", err)
		require.Equal(t, bad.code, p.Code)
		require.Contains(t, p.Detail, bad.detail)
	}
}
