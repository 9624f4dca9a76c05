package code_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// undone lists the waves in which a saga is undone, once its function has returned an
// error: what is sent at once is one wave.
func undone(t *testing.T, fn func(c *code.Context, do func(c *code.Context, name string)) error) (waves [][]string) {
	t.Helper()
	w := newTest(t, func(c *code.Context, in trip) (string, error) {
		return "", errors.Join(errors.New("back"), fn(c, func(c *code.Context, name string) {
			_, _ = code.Do[ref](c, saga.Step{Name: name, Participant: "p", Command: "run", Compensation: "undo"}, in) // it succeeds
		}))
	})
	for out := w.start(`{}`); len(out) > 0; {
		var next []saga.Command
		var wave []string
		for _, cmd := range out {
			if cmd.ID.Direction == saga.Undo {
				wave = append(wave, cmd.ID.Step.Name)
			}
			next = append(next, w.reply(cmd, saga.Succeeded, `{}`, "")...)
		}
		if len(wave) > 0 {
			slices.Sort(wave)
			waves = append(waves, wave)
		}
		w.forget()
		out = next
	}
	require.Equal(t, saga.Compensated, w.state.Status)
	w.replay()
	return waves
}

// TestUndoTogether: what ran one after the other is undone in that order the other way
// round, unless it was asked that it be undone side by side.
func TestUndoTogether(t *testing.T) {
	t.Parallel()
	three := func(do func(*code.Context, string), c *code.Context, names ...string) error {
		for _, name := range names {
			do(c, name)
		}
		return nil
	}
	for name, test := range map[string]struct {
		fn   func(c *code.Context, do func(*code.Context, string)) error
		want string
	}{
		"not asked": {func(c *code.Context, do func(*code.Context, string)) error { return three(do, c, "a", "b", "d") }, "[[d] [b] [a]]"},
		"all": {func(c *code.Context, do func(*code.Context, string)) error {
			return c.UndoTogether(func() error { return three(do, c, "a", "b", "d") })
		}, "[[a b d]]"},
		"some": {func(c *code.Context, do func(*code.Context, string)) error {
			do(c, "first")
			err := c.UndoTogether(func() error { return three(do, c, "a", "b", "d") })
			do(c, "last")
			return err
		}, "[[last] [a b d] [first]]"},
		"two groups": {func(c *code.Context, do func(*code.Context, string)) error {
			err := c.UndoTogether(func() error { return three(do, c, "a", "b") })
			return errors.Join(err, c.UndoTogether(func() error { return three(do, c, "d", "e") }))
		}, "[[d e] [a b]]"},
		"one in the other": {func(c *code.Context, do func(*code.Context, string)) error {
			return c.UndoTogether(func() error {
				do(c, "a")
				return c.UndoTogether(func() error { return three(do, c, "b", "d") })
			})
		}, "[[a b d]]"},
		"a branch in it": {func(c *code.Context, do func(*code.Context, string)) error {
			return c.UndoTogether(func() error {
				do(c, "a")
				branch := code.Go(c, func(c *code.Context) (int, error) { return 1, three(do, c, "b", "d") })
				do(c, "e")
				_, err := branch.Get(c)
				return err
			})
		}, "[[a d e] [b]]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, fmt.Sprint(undone(t, test.fn)))
		})
	}
}

// A function that asks for another order than it did is found out.
func TestUndoTogetherIsRecorded(t *testing.T) {
	t.Parallel()
	order := func(together bool) func(c *code.Context, in trip) (string, error) {
		return func(c *code.Context, in trip) (string, error) {
			both := func() error {
				if _, err := code.Do[ref](c, flightStep, in); err != nil {
					return err
				}
				_, err := code.Do[ref](c, hotelStep, in)
				return err
			}
			if together {
				return "", c.UndoTogether(both)
			}
			return "", both()
		}
	}
	w := newWorld(t, mustCode(t, order(true)))
	defer w.run.Stop()
	out := w.start(`{"Trip":7}`)
	out = w.reply(out[0], saga.Succeeded, `{}`, "")
	w.forget()
	w.code = mustCode(t, order(false))
	_, err := w.try(replyTo(out[0], saga.Succeeded, `{}`, ""))
	require.ErrorIs(t, err, saga.ErrCodeChanged)
	require.ErrorContains(t, err, "event 1 was together, the code now wants do:flight airline/reserve undo release")
}
