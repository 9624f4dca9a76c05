//go:build !race

package code_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

// What a function costs more than a definition is mostly what it allocates: more than
// this is a fault, less is a new bound. See the test of the same name in package saga.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	made := mustCode(t, bookTrip)
	var run saga.Run
	defer run.Stop()
	require.Equal(t, saga.Completed, bookOne(made, &run))
	const most = 115
	got := testing.AllocsPerRun(200, func() { bookOne(made, &run) })
	require.LessOrEqual(t, got, float64(most), "a whole saga of four commands")
	t.Logf("a whole saga of four commands: %v of %v", got, most)
}

// A function pays for a context that ends only if it asks for one.
func TestDoneIsMadeWhenItIsAskedFor(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	run := func(fn func(*code.Context)) float64 {
		made := mustCode(t, func(c *code.Context, in trip) (booking, error) { fn(c); return bookTrip(c, in) })
		var run saga.Run
		defer run.Stop()
		return testing.AllocsPerRun(100, func() { bookOne(made, &run) })
	}
	plain := run(func(*code.Context) {})
	require.InDelta(t, plain, run(func(c *code.Context) { _, _ = c.Deadline(); _, _ = c.Err(), c.Value(key{}) }), 0.5)
	const most = 6
	got := run(func(c *code.Context) { _ = c.Done() }) - plain
	require.LessOrEqual(t, got, float64(most))
	t.Logf("Done: %v of %v", got, most)
}

// A saga of 10,000 events goes on within 50 ms of CPU (BenchmarkResume10000), most of
// them for what it allocates: more for each event is a fault, less is a new bound.
func TestResumeAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	made, history, state, next := longHistory(t)
	e := replyTo(next, saga.Succeeded, "3", "")
	e.At = state.Last
	const most = 22
	got := testing.AllocsPerRun(3, func() {
		if _, _, err := made.Decide(state, history, e); err != nil {
			t.Error(err)
		}
	}) / float64(len(history))
	require.LessOrEqual(t, got, float64(most))
	t.Logf("going on after 10,000 events: %.1f of %v an event", got, most)
}
