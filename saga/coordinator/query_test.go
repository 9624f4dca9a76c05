package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// functions are definitions: code by its name, of which the process does not have lost.
type functions map[string]saga.Decider

func (f functions) Decider(_, name, _ string) (saga.Decider, bool) {
	d := f[name]
	return d, d != nil
}

func (f functions) Load(_ context.Context, _, name, _ string) error {
	switch {
	case f[name] != nil:
		return nil
	case name == "lost":
		return fmt.Errorf("saga lost r1 is code, and this process does not have it: %w", ErrNoDefinition)
	}
	return errors.New("no answer from Postgres")
}

// asking returns a coordinator that has functions, a saga of one, and how to read the
// saga's history.
func asking(t *testing.T, out *bytes.Buffer, held chan struct{}) (c *Coordinator, row func(name string) Row, history func(context.Context) (saga.History, error)) {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "watched", Version: "r1"}, func(c *code.Context, in int) (int, error) {
		code.Query(c, "input", func() int { return in })
		code.Query(c, "panics", func() int { panic("no map") })
		code.Query(c, "overruns", func() int { <-held; return 1 })
		_, err := code.Await[any](c, "go", 0)
		return in, err
	})
	require.NoError(t, err)
	machine, err := saga.Compile(saga.Definition{Name: "declared", Version: "r1", Steps: []saga.Step{
		{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot},
	}})
	require.NoError(t, err)
	c = &Coordinator{
		cfg: Config{
			Definitions: functions{"watched": made, "declared": machine}, CodeTimeout: 100 * time.Millisecond, Log: slog.New(slog.NewTextHandler(out, nil)),
		},
		asked: make(chan struct{}, maxAsked),
	}
	start := saga.Event{Kind: saga.Started, At: time.Unix(1, 0), Payload: saga.JSON([]byte("7"))}
	start.Own().Definition, start.Own().Version, start.Own().Level = "watched", "r1", saga.Level
	state, effects, err := made.Decide(saga.State{ID: saga.ID{1}}, nil, start)
	require.NoError(t, err)
	h := saga.History{start.Stored(&state, effects)}
	row = func(name string) Row {
		return Row{Namespace: "default", State: saga.State{ID: saga.ID{1}, Definition: name, Version: "r1", Status: saga.Running}}
	}
	return c, row, func(context.Context) (saga.History, error) { return h, nil }
}

// A function that this process has is asked; what cannot be asked is said.
func TestQuery(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c, row, history := asking(t, &out, nil)
	got, err := c.Query(t.Context(), row("watched"), "input", history)
	require.NoError(t, err)
	require.Equal(t, "7", string(got))
	_, err = c.Query(t.Context(), row("declared"), "input", history)
	require.ErrorIs(t, err, saga.ErrNoQuery)
	require.ErrorContains(t, err, "declared r1 is declared, and has no function that could be asked")
	_, err = c.Query(t.Context(), row("lost"), "input", history)
	require.ErrorIs(t, err, ErrVersion)
	require.ErrorContains(t, err, "saga lost r1 is code, and this process does not have it")
	_, err = c.Query(t.Context(), row("unread"), "input", history)
	require.EqualError(t, err, "no answer from Postgres")
	_, err = c.Query(t.Context(), row("watched"), "input", func(context.Context) (saga.History, error) { return nil, errors.New("no answer") })
	require.EqualError(t, err, "no answer")
	require.Empty(t, out.String())
	var fault *saga.QueryError
	_, err = c.Query(t.Context(), row("watched"), "panics", history)
	require.ErrorAs(t, err, &fault)
	require.Contains(t, out.String(), "no map")
	require.Empty(t, c.asked, "every place is free again")
}

// A query that does not end costs its place and no more; when none is left, it is said.
func TestAQueryThatOverruns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	held := make(chan struct{})
	c, row, history := asking(t, &out, held)
	for range maxAsked {
		_, err := c.Query(t.Context(), row("watched"), "overruns", history)
		require.EqualError(t, err, "query overruns: the function and its query have run for 100ms: both must be quick")
	}
	_, err := c.Query(t.Context(), row("watched"), "input", history)
	require.ErrorIs(t, err, ErrNotReady)
	close(held)
	require.Eventually(t, func() bool { return len(c.asked) == 0 }, 10*time.Second, time.Millisecond)
	got, err := c.Query(t.Context(), row("watched"), "input", history)
	require.NoError(t, err)
	require.Equal(t, "7", string(got))
}
