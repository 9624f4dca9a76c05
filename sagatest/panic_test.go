package sagatest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAPanicIsReported: a panic of the core ends the world and not the program, so that
// the report says which seed it was.
func TestAPanicIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(7, Options{Sagas: 1})
	w.after(0, func() { panic("index out of range") })
	w.toItsEnd()
	require.Contains(t, w.report.String(), "-seed=7 -seeds=1")
	require.Equal(t, "panic", w.report.invariant())
	require.Contains(t, w.report.Violations[0], "panic: index out of range")
	require.Contains(t, w.report.Violations[0], "panic_test.go", "the stack says where")
}
