package sagapg_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// parent begins a child of each kind, and then waits to be told whether all is well.
func parent(c *code.Context, in any) (string, error) {
	written := code.StartChild[string](c, "written", saga.Child{Definition: "travel"}, in)
	if _, err := code.Child[any](c, "declared", saga.Child{Definition: "settle"}, in); err != nil {
		return "", err
	}
	got, err := written.Get(c)
	if err != nil {
		return "", err
	}
	well, err := code.Await[bool](c, "go", 0)
	if err == nil && !well {
		err = errors.New("all is not well")
	}
	return "parent of " + got, err
}

// child books a hotel and nothing else.
func child(c *code.Context, in any) (string, error) {
	_, err := code.Do[any](c, patient().Steps[1], in)
	return "a hotel", err
}

// codeFamily is a world with the two, and with settle.
func codeFamily(t *testing.T) (*world, *saga.Code) {
	t.Helper()
	var made [2]*saga.Code
	w := tuned(t, func(cfg *coordinator.Config) {
		var err error
		shelf := cfg.Definitions.(library)
		made[0], err = code.Func(saga.Definition{Name: "parent", Version: "r1"}, parent)
		require.NoError(t, err)
		made[1], err = code.Func(saga.Definition{Name: "travel", Version: "r1"}, child)
		require.NoError(t, err)
		shelf["parent"], shelf["travel"] = made[0], made[1]
	}, settle())
	return w, made[0]
}

func (w *world) waitsForSignal(t *testing.T, id saga.ID) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Contains(w.stateOf(t, id).WaitingFor(), "signal") }, patience, time.Millisecond)
}

// Code has children of both kinds; what they yield, and what becomes of them, is
// as with a declared parent, also when its owner is another one in between.
func TestCodeHasChildrenOfBothKinds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]saga.Status{"true": saga.Completed, "false": saga.Compensated} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, made := codeFamily(t)
			id := w.start(t, "parent", `{"n":1}`)
			w.waitsForSignal(t, id)
			require.Len(t, w.children(t, id), 2)
			w.c.Lose(all())
			w.c.Gain(context.Background(), all())
			_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Signalled, Saga: id, Signal: "go", RequestID: "q", Payload: saga.JSON([]byte(name))})
			require.NoError(t, err)
			w.ends(t, id, want)
			for _, child := range w.children(t, id) {
				require.Equal(t, want, child.Status, child.Definition)
				require.Equal(t, bucket.Of(id.String(), bucket.Count), bucket.Of(child.ID.String(), bucket.Count))
			}
			w.again(t, made, id)
			require.Eventually(t, func() bool { return w.mail(t) == 0 }, patience, time.Millisecond)
		})
	}
}

// A cancel goes down to children that run.
func TestCodeTurnsItsChildrenBack(t *testing.T) {
	t.Parallel()
	w, made := codeFamily(t)
	paying := make(chan saga.Command, 1)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name != "pay" {
			return succeed(cmd)
		}
		paying <- cmd
		return nil
	})
	id := w.start(t, "parent", `{"n":1}`)
	pay := <-paying
	_, err := w.c.Do(t.Context(), coordinator.Verb{Kind: saga.Cancelled, Saga: id, RequestID: "c"})
	require.NoError(t, err)
	w.bus.say(pay, saga.Succeeded, `{}`)
	w.ends(t, id, saga.Compensated)
	for _, child := range w.children(t, id) {
		require.Equal(t, saga.Compensated, child.Status, child.Definition)
	}
	w.again(t, made, id)
}

// What a child cannot do is an error of its step.
func TestAChildOfCodeIsRefused(t *testing.T) {
	t.Parallel()
	w, made := codeFamily(t)
	w.bus.answers(func(cmd saga.Command) []saga.Reply {
		if cmd.Name == "book" {
			return []saga.Reply{replyTo(cmd, saga.Rejected)}
		}
		return succeed(cmd)
	})
	id := w.start(t, "parent", `{"n":1}`)
	w.ends(t, id, saga.Compensated)
	require.Contains(t, w.state(t, id).Cause, "declared was turned back: book was rejected")
	w.again(t, made, id)
}
