package code_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// op is one thing that a drawn function does.
type op struct {
	kind     string // do, pivot, sleep, await, side, branches, first, dangle or fail
	step     saga.Step
	tolerant bool // goes on after an error
	branches [][]op
}

// drawFunction makes a function: any ops, nested branches, with or without a
// pivot.
func drawFunction(t *rapid.T) []op {
	ops := drawOps(t, 3, true)
	if rapid.Bool().Draw(t, "pivot") {
		pivot := saga.Step{Name: "pivot", Participant: "p1", Command: "run", Kind: saga.Pivot, Do: saga.Policy{Attempts: 2}}
		ops = append(ops, op{kind: "pivot", step: pivot, tolerant: rapid.Bool().Draw(t, "tolerant")})
		return append(ops, drawOps(t, 2, false)...)
	}
	if rapid.Bool().Draw(t, "fails") {
		ops = append(ops, op{kind: "fail"})
	}
	return ops
}

func drawOps(t *rapid.T, most int, before bool) []op {
	kinds := []string{"do", "do", "do", "sleep", "await", "side", "branches", "first"}
	var ops []op
	for range rapid.IntRange(1, most).Draw(t, "ops") {
		o := op{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), tolerant: rapid.Bool().Draw(t, "tolerant")}
		n := rapid.IntRange(0, 2).Draw(t, "step")
		o.step = saga.Step{Name: fmt.Sprintf("s%d", n), Participant: fmt.Sprintf("p%d", n), Command: "run"}
		switch {
		case !before: // or not, if the pivot was refused and that is tolerated
			o.step.Reason, o.tolerant = "reads only", true
		case rapid.IntRange(0, 3).Draw(t, "undo") == 0:
			o.step.Reason, o.step.Do.Attempts = "reads only", 2
		default:
			o.step.Compensation, o.step.Do.Attempts = "unrun", rapid.IntRange(1, 2).Draw(t, "attempts")
		}
		if o.kind == "branches" {
			for range rapid.IntRange(1, 3).Draw(t, "branches") {
				o.branches = append(o.branches, drawOps(t, 2, before))
			}
		}
		ops = append(ops, o)
	}
	return ops
}

// function is what runs ops.
func function(ops []op) func(c *code.Context, in trip) ([]string, error) {
	return func(c *code.Context, _ trip) ([]string, error) {
		var log []string
		err := runOps(c, ops, &log)
		return log, err
	}
}

func runOps(c *code.Context, ops []op, log *[]string) error {
	for i := range ops {
		o := &ops[i]
		text, err := o.run(c, log)
		*log = append(*log, text)
		if err != nil && !o.tolerant {
			return err
		}
	}
	return nil
}

func (o *op) run(c *code.Context, log *[]string) (string, error) {
	input := map[string]any{"n": c.Uint64() % 100, "at": c.Now(), "log": len(*log)}
	switch o.kind {
	case "do", "pivot":
		return code.Do[string](c, o.step, input)
	case "sleep":
		c.Sleep(time.Minute)
		return c.Now().String(), nil
	case "await":
		return code.Await[string](c, "a", 2*time.Minute)
	case "side":
		return code.SideEffect(c, "side", func() string { return "value" }), nil
	case "first":
		first := code.First(c, code.Signal[string](c, "b", time.Minute), c.Timer(time.Minute))
		return fmt.Sprint(first, c.Float64()), nil
	case "branches":
		return "joined", o.runBranches(c, log)
	}
	return "failed", errors.New("the function fails")
}

func (o *op) runBranches(c *code.Context, log *[]string) error {
	var branches []code.Future[int]
	for _, ops := range o.branches {
		branches = append(branches, code.Go(c, func(c *code.Context) (int, error) { return 1, runOps(c, ops, log) }))
	}
	var errs []error
	for _, b := range branches {
		_, err := b.Get(c)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// TestCodeProperties runs drawn functions through any events, with restarts at any
// moment, and checks after each what TestDecideProperties checks of declared
// sagas: with a coroutine and without one the same is decided (I8).
func TestCodeProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, mustCode(t, function(drawFunction(t))))
		defer w.run.Stop()
		w.start(`{"Trip":7}`)
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				w.forget()
			}
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
			w.compare(t, drawCodeEvent(t, w))
		}
		w.replay()
	})
}

// compare decides an event with the coroutine, and without.
func (w *world) compare(t *rapid.T, e saga.Event) {
	before, e2 := w.state, e
	e2.At = w.now
	next, effects, err2 := w.code.Decide(w.state, w.history, e2)
	_, err := w.try(e)
	require.Equal(t, fmt.Sprint(err2), fmt.Sprint(err))
	if err != nil {
		require.True(t, errors.Is(err, saga.ErrEnded) || errors.Is(err, saga.ErrNotNow) || errors.Is(err, saga.ErrPastPivot), "%s: %s", e.Kind, err)
		require.NotContains(t, []saga.EventKind{saga.Replied, saga.Woke}, e.Kind)
	}
	require.Equal(t, next, w.state)
	if next.Seq != before.Seq {
		require.Equal(t, e2.Stored(&next, effects), w.history[len(w.history)-1])
	}
	require.False(t, before.Status.Ended() && next.Status != before.Status)
	people := slices.ContainsFunc(next.WaitingFor(), func(w string) bool { return w == "signal" || w == "operator" })
	if !next.Status.Ended() && !people {
		require.False(t, next.WakeAt().IsZero(), "nothing will ever wake this saga: %s %v", next.Status, w.steps())
	}
}

func drawCodeEvent(t *rapid.T, w *world) saga.Event {
	e := saga.Event{Hold: rapid.IntRange(0, 9).Draw(t, "hold") == 0}
	for _, p := range []string{"p0", "p1"} {
		if rapid.IntRange(0, 9).Draw(t, "shut") == 0 {
			own := e.Own()
			own.Held = append(own.Held, saga.Way{Participant: p, Direction: rapid.SampledFrom([]saga.Direction{saga.Do, saga.Undo}).Draw(t, "way")})
		}
	}
	kinds := []saga.EventKind{saga.Woke, saga.Signalled, saga.Cancelled, saga.Paused, saga.Resumed, saga.Retried, saga.StepResolved, saga.StepSkipped}
	e.Kind = saga.Replied
	if rapid.IntRange(0, 2).Draw(t, "verb") == 0 {
		e.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	}
	e.Payload = saga.JSON([]byte(`"out"`))
	pending := w.code.Pending(&w.state)
	switch e.Kind {
	case saga.Cancelled:
		if rapid.IntRange(0, 4).Draw(t, "cancel") > 0 {
			e.Kind = saga.Woke
		}
	case saga.Signalled:
		e.Own().Signal = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "signal")
		if rapid.IntRange(0, 5).Draw(t, "large") == 0 {
			e.Payload.Data = fmt.Appendf(nil, "%q", strings.Repeat("x", saga.InlineMax))
		}
	}
	if len(pending) > 0 && e.Kind != saga.Signalled {
		p := rapid.SampledFrom(pending).Draw(t, "pending")
		e.Step, e.Attempt, e.Direction = p.Step, max(p.Attempt, 1), p.Way.Direction
		i := slices.IndexFunc(w.state.Extras().Plan.Steps, func(s *saga.Planned) bool { return s.Ref() == p.Step })
		e.Epoch = w.state.Steps[i].Epoch
		e.Actor = saga.Actor{Kind: saga.Participant, Name: p.Way.Participant}
	}
	outcomes := []saga.Outcome{saga.Succeeded, saga.Succeeded, saga.Rejected, saga.Failed, saga.Ongoing}
	e.Outcome, e.Reason = rapid.SampledFrom(outcomes).Draw(t, "outcome"), "because"
	return e
}

// declaredTrip is bookTrip as a definition.
func declaredTrip() saga.Definition {
	mail := mailStep
	mail.Kind = saga.Retriable
	return saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{flightStep, hotelStep, payStep, mail}}
}

// tripOfTheSameInput is bookTrip with the saga's input for every step.
func tripOfTheSameInput(c *code.Context, in trip) (string, error) {
	for _, step := range []saga.Step{flightStep, hotelStep, payStep, mailStep} {
		if _, err := code.Do[any](c, step, in); err != nil {
			return "", err
		}
	}
	return "", nil
}

// TestBothKindsDoTheSame books the same trip as a definition and as code, with the
// same answers, late, early, repeated and none: what is sent, when, and where the
// saga stands is the same after every event.
func TestBothKindsDoTheSame(t *testing.T) {
	t.Parallel()
	machine, err := saga.Compile(declaredTrip())
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, mustCode(t, tripOfTheSameInput))
		defer w.run.Stop()
		first := saga.Event{Kind: saga.Started, At: testStart, Payload: saga.JSON([]byte(`{"Trip":7}`))}
		first.Own().Definition, first.Own().Version, first.Own().Level = "trip", "r1", saga.Level
		both(t, w, machine, first)
		declared, _, err := machine.Decide(saga.State{ID: testID}, nil, first)
		require.NoError(t, err)
		for range rapid.IntRange(1, 25).Draw(t, "events") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			e := drawCodeEvent(t, w)
			if e.Kind == saga.StepSkipped || e.Kind == saga.Signalled { // only a definition says what will be awaited, and who reads what
				continue
			}
			e.At = w.now
			next, effects, err := machine.Decide(declared, nil, e)
			got, codeErr := w.try(e)
			require.Equal(t, fmt.Sprint(err), fmt.Sprint(codeErr))
			if err != nil {
				continue
			}
			require.Equal(t, commands(effects), got, "event %s", e.Kind)
			declared = next
			same(t, declared, w.state)
		}
	})
}

// both starts the saga of code.
func both(t *rapid.T, w *world, machine *saga.Machine, first saga.Event) {
	_, effects, err := machine.Decide(saga.State{ID: testID}, nil, first)
	require.NoError(t, err)
	got, err := w.try(first)
	require.NoError(t, err)
	require.Equal(t, commands(effects), got)
}

// same compares a declared saga with one that is code, which has only the steps
// that it has come to.
func same(t *rapid.T, declared, written saga.State) {
	require.Equal(t, declared.Status, written.Status)
	require.Equal(t, declared.Cause, written.Cause)
	require.Equal(t, declared.Seq, written.Seq)
	require.Equal(t, declared.Attention, written.Attention)
	require.Equal(t, declared.WakeAt(), written.WakeAt())
	require.Equal(t, declared.Steps[:len(written.Steps)], written.Steps)
	for _, later := range declared.Steps[len(written.Steps):] {
		require.Equal(t, saga.Waiting, later.Phase)
	}
}
