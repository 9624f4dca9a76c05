package code_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

type key struct{}

// over asks a context in every way that there is whether it is over, as a package may that
// knows nothing of sagas.
func over(ctx context.Context) string {
	closed := false
	select {
	case <-ctx.Done():
		closed = true
	default:
	}
	err := ctx.Err()
	return fmt.Sprintf("closed %t, canceled %t, because %v", closed, errors.Is(err, context.Canceled), context.Cause(ctx))
}

const (
	goesOn = "closed false, canceled false, because <nil>"
	isOver = "closed true, canceled true, because the saga turns back"
)

// asPackages lets packages look at its context before and after what it waits for, at
// contexts that are made of it, and at those of a branch.
func asPackages(c *code.Context, in trip) (out string, err error) {
	var log []string
	code.Query(c, "log", func() []string { return log })
	named := context.WithValue(c, key{}, "trip")
	made, cancel := context.WithCancel(named)
	defer cancel()
	look := func(when string) {
		log = append(log, when, over(c), over(named), over(made), fmt.Sprint(named.Value(key{})))
	}
	defer look("deferred")
	look("begins")
	if _, err := code.Do[ref](c, flightStep, in); err != nil {
		return "", err
	}
	look("flight")
	branch := code.Go(c, func(c *code.Context) (int, error) {
		before := over(c)
		_, err := code.Await[int](c, "go", 0)
		log = append(log, "branch", before, over(c))
		return 0, err
	})
	_, err = branch.Get(c)
	look("ends")
	return "", err
}

// TestContextsEndWhereTheSagaTurnsBack: a context that is made of a function's is over at
// the very place where the saga turns back, and again whenever the function is run again:
// whether it was in memory, or has to be had again for that event.
func TestContextsEndWhereTheSagaTurnsBack(t *testing.T) {
	t.Parallel()
	on, off := []string{goesOn, goesOn, goesOn, "trip"}, []string{isOver, isOver, isOver, "trip"}
	want := append([]string{"begins"}, on...)
	want = append(append(want, "flight"), on...)
	want = append(append(want, "branch", goesOn, isOver, "ends"), off...)
	want = append(append(want, "deferred"), off...)
	for _, forget := range []bool{false, true} {
		w := newTest(t, asPackages)
		w.reply(w.start(`{"Trip":7}`)[0], saga.Succeeded, `{"Ref":"F1"}`, "")
		if forget {
			w.forget()
		}
		cancel(w)
		for range 2 {
			log, err := w.ask("log")
			require.NoError(t, err)
			var got []string
			require.NoError(t, json.Unmarshal([]byte(log), &got))
			require.Equal(t, want, got)
			w.replay()
		}
	}
}

// A context that is asked for when the saga has turned back is over from its start, and so
// is what is made of it.
func TestAContextThatIsAskedForLate(t *testing.T) {
	t.Parallel()
	var got []string
	w := newTest(t, tidied(func(c *code.Context, _ func(string)) error {
		require.NoError(t, context.Cause(c))
		require.Nil(t, c.Value(key{}))
		_, err := code.Await[int](c, "go", 0)
		require.ErrorIs(t, context.Cause(c), code.ErrCanceled)
		made, cancel := context.WithCancel(c)
		cancel()
		got = []string{over(c), over(made)}
		return err
	}))
	w.reply(w.start(`{}`)[0], saga.Succeeded, `{}`, "")
	cancel(w)
	require.Equal(t, []string{isOver, isOver}, got)
}

// A function's deadline is its saga's, whichever event it is told of, and stays what it
// was behind the pivot, as that of a context has to.
func TestTheDeadlineIsTheSagas(t *testing.T) {
	t.Parallel()
	var got []time.Time
	fn := func(c *code.Context, in trip) (string, error) {
		for _, step := range []saga.Step{flightStep, payStep, mailStep} {
			at, ok := context.WithValue(c, key{}, 1).Deadline()
			require.True(t, ok)
			got = append(got, at)
			if _, err := code.Do[ref](c, step, in); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	made, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1", Deadline: time.Hour}, fn)
	require.NoError(t, err)
	w := newWorld(t, made)
	defer w.run.Stop()
	w.start(`{}`)
	for range 3 {
		w.now = w.now.Add(time.Minute)
		w.forget()
		w.reply(w.sent[0], saga.Succeeded, `{}`, "")
	}
	require.Equal(t, saga.Completed, w.state.Status)
	w.replay()
	for _, at := range got {
		require.Equal(t, testStart.Add(time.Hour), at)
	}
	w = newTest(t, func(c *code.Context, _ trip) (int, error) {
		_, ok := c.Deadline()
		c.SetAttribute("deadline", ok)
		return 0, nil
	})
	w.start(`{}`)
	require.Equal(t, "false", string(w.state.Extras().Attributes[0].Value))
}

// watch is what packages do with a context: a goroutine waits for its end, others ask.
func watch(ctx context.Context, ended *sync.WaitGroup) {
	for range 4 {
		ended.Go(func() {
			made, cancel := context.WithTimeout(context.WithValue(ctx, key{}, 1), time.Hour)
			defer cancel()
			for made.Err() == nil && ctx.Err() == nil {
				_, _ = made.Deadline()
				_ = made.Value("none")
				runtime.Gosched()
			}
			<-made.Done()
			<-ctx.Done()
		})
	}
}

// TestContextsEndWithTheCoroutine: goroutines that hang on a function's context end with
// it, however that ends, and may ask it at any time. This package's goroutines are counted
// in TestMain; the race detector looks on in CI.
func TestContextsEndWithTheCoroutine(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"evicted":   func(w *world) { w.forget() },
		"cancelled": cancel,
		"ended":     func(w *world) { w.signal("go", "1") },
		"panics": func(w *world) {
			_, err := w.try(saga.Event{Kind: saga.Signalled, Payload: saga.JSON([]byte("2")), Extra: &saga.EventExtra{Signal: "go"}})
			require.Error(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ended sync.WaitGroup
			var mine *code.Context
			w := newWorld(t, mustCode(t, func(c *code.Context, _ trip) (string, error) {
				mine = c
				watch(c, &ended)
				n, err := code.Await[int](c, "go", 0)
				if n == 2 {
					panic("no")
				}
				return "", err
			}))
			w.start(`{}`)
			end(w)
			ended.Wait()
			require.ErrorIs(t, mine.Err(), context.Canceled)
			require.Equal(t, name == "cancelled", errors.Is(mine.Err(), code.ErrCanceled))
			w.run.Stop()
		})
	}
}
