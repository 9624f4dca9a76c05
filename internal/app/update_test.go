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

// summing adds what it is told to until it is enough.
func summing(t *testing.T) *saga.Code {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "summing", Version: "r1"}, func(c *code.Context, in int) (int, error) {
		code.Update(c, "add", func(n int) error {
			if n <= 0 {
				return errors.New("only more than nothing")
			}
			return nil
		}, func(n int) (int, error) {
			if n > 100 {
				return 0, errors.New("too much at once")
			}
			in += n
			return in, nil
		})
		code.Update(c, "broken", nil, func(any) (int, error) { panic("no sum") })
		c.Until(func() bool { return in >= 100 })
		return in, nil
	})
	require.NoError(t, err)
	return made
}

// A function is changed and asked over REST, at any process that has it, and the same
// request gets the same answer.
func TestCodeIsUpdatedOverREST(t *testing.T) {
	t.Parallel()
	database := testserver.Postgres(t)
	cfg := app.Config{DatabaseURL: database, Listen: "127.0.0.1:0", Migrate: true, Code: []*saga.Code{summing(t)}}
	one, other := start(t, cfg), start(t, cfg)
	cfg.Code = nil
	without := start(t, cfg)
	s, _, err := one.Start(t.Context(), client.Start{Definition: "summing", Input: 1})
	require.NoError(t, err)
	shown, err := one.Get(t.Context(), s.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"update"}, shown.WaitingFor)
	reasons, err := one.Why(t.Context(), s.ID)
	require.NoError(t, err)
	require.Contains(t, reasons.Reasons[0].Moves, "unwind saga update "+s.ID+" NAME")
	for i, c := range []*client.Client{one, other, one, other} {
		got, err := c.Update(t.Context(), s.ID, "add", client.Verb{Input: []byte(`10`), Key: []string{"a", "b"}[i/2]})
		require.NoError(t, err)
		require.Equal(t, []string{"11", "21"}[i/2], string(got.Output))
		require.EqualValues(t, 2+i/2, got.Seq)
	}
	got, err := other.Update(t.Context(), s.ID, "add", client.Verb{Input: []byte(`200`), Reason: "a try"})
	require.NoError(t, err)
	require.Equal(t, "too much at once", got.Error)
	require.NotEmpty(t, got.ID)
	for _, bad := range []struct {
		c             *client.Client
		update, input string
		key           string
		code          client.Code
		detail        string
	}{
		{one, "add", "0", "", client.UpdateRefused, "only more than nothing"},
		{other, "sum", "1", "", client.UnknownUpdate, "it has add, broken"},
		{one, "broken", "1", "", client.UpdateFailed, "panic in the code: no sum"},
		{one, "add", "11", "a", client.KeyUsed, "add, event 2"},
		{without, "add", "1", "", client.NotReady, "this process does not have it"},
	} {
		_, err = bad.c.Update(t.Context(), s.ID, bad.update, client.Verb{Input: []byte(bad.input), Key: bad.key})
		p, is := errors.AsType[*client.Problem](err)
		require.True(t, is, "%v", err)
		require.Equal(t, bad.code, p.Code, p.Detail)
		require.Contains(t, p.Detail, bad.detail)
	}
	_, err = one.Update(t.Context(), s.ID, "add", client.Verb{Input: []byte(`90`)})
	require.NoError(t, err)
	require.Equal(t, "completed", wait(t, one, s.ID, client.End).Status)
	got, err = one.Update(t.Context(), s.ID, "add", client.Verb{Input: []byte(`10`), Key: "b"})
	require.NoError(t, err)
	require.Equal(t, "21", string(got.Output))
	events, err := one.History(t.Context(), s.ID, 0, 0)
	require.NoError(t, err)
	require.Len(t, events.Events, 5, "the start and four updates")
	require.Equal(t, "a try", events.Events[3].Reason)
}
