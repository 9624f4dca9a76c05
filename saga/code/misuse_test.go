package code_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

func faultsOf[In, Out any](fn func(c *code.Context, in In) (Out, error)) string {
	_, err := code.Func(saga.Definition{Name: "misused", Version: "r1"}, fn)
	if err == nil {
		return ""
	}
	return err.Error()
}

func nothing[In, Out any]() func(c *code.Context, in In) (out Out, err error) {
	return func(*code.Context, In) (out Out, err error) { return out, nil }
}

type (
	hidden   struct{ number int } //nolint:unused // that is what is wrong with it
	nested   struct{ In []map[string]*callback }
	callback struct{ Done func() }
	tree     struct {
		Left, Right *tree
		Secret      func() `json:"-"`
	}
)

// TestWhatIsNoJSON is found when the saga is made, not when the first one has run.
func TestWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	const cure = "; use types that encoding/json writes and reads back"
	require.Equal(t, "function: it is nil; hand over the function that the saga is", faultsOf[int, int](nil))
	require.Equal(t, "input: func() cannot be written as JSON"+cure, faultsOf(nothing[func(), int]()))
	require.Equal(t, "output: chan int cannot be written as JSON"+cure, faultsOf(nothing[int, chan int]()))
	require.Equal(t, "input: its field In: its field Done: func() cannot be written as JSON"+cure, faultsOf(nothing[nested, any]()))
	require.Contains(t, faultsOf(nothing[hidden, any]()), "code_test.hidden has no exported field, so that nothing of it would be kept")
	for _, none := range []string{
		faultsOf(nothing[tree, *tree]()), faultsOf(nothing[time.Time, struct{}]()), faultsOf(nothing[any, json.RawMessage]()),
		faultsOf(nothing[map[string][]saga.ID, error]()),
	} {
		require.Empty(t, none)
	}
}

// TestMisuse: what a function does wrong is said with its cure, and where.
func TestMisuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fn    func(c *code.Context, in trip) (float64, error)
		wants []string
	}{
		"a branch with the Context of another": {func(c *code.Context, in trip) (float64, error) {
			return 0, second(code.Go(c, func(*code.Context) (ref, error) { return code.Do[ref](c, flightStep, in) }).Get(c))
		}, []string{"this branch uses the Context of another one", "misuse_test.go:"}},
		"no Context": {func(_ *code.Context, in trip) (float64, error) {
			return 0, second(code.Do[ref](nil, flightStep, in))
		}, []string{"nil pointer", "code_test.TestMisuse.func", "misuse_test.go:"}},
		"an output that is no JSON": {func(*code.Context, trip) (float64, error) {
			return math.Inf(1), nil
		}, []string{"write the saga's output: json: unsupported value: +Inf"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := code.Func(saga.Definition{Name: "misused", Version: "r1"}, test.fn)
			require.NoError(t, err)
			w := newWorld(t, made)
			_, err = w.try(w.started(`{"Trip":7}`))
			for _, want := range test.wants {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "saga/code.", "the frames are the user's")
			require.NotContains(t, err.Error(), "runtime.")
		})
	}
}

func second[T any](_ T, err error) error { return err }

// TestAContextThatIsKept is told when it is used after its function has ended.
func TestAContextThatIsKept(t *testing.T) {
	t.Parallel()
	var kept *code.Context
	w := newTest(t, func(c *code.Context, _ trip) (ref, error) {
		kept = c
		return ref{}, nil
	})
	w.start(`{}`)
	require.PanicsWithError(t, "the saga's function has ended or was stopped: its Context must not be used any more", func() {
		_, _ = code.Do[ref](kept, flightStep, 1)
	})
}

// TestReplaying: a function that is run again says nothing twice, up to where it was.
func TestReplaying(t *testing.T) {
	t.Parallel()
	var said []string
	w := newTest(t, func(c *code.Context, in trip) (ref, error) {
		say := func(what string) {
			if !c.Replaying() {
				said = append(said, what)
			}
		}
		say("begins")
		got, err := code.Do[ref](c, flightStep, in)
		say("has a flight")
		return got, err
	})
	out := w.start(`{"Trip":7}`)
	w.forget()
	w.reply(out[0], saga.Succeeded, `{"Ref":"F1"}`, "")
	w.replay()
	require.Equal(t, []string{"begins", "has a flight"}, said)
}
