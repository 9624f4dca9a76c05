//go:build !race

package code_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// What a function costs more than a definition is mostly what it allocates: more than
// this is a fault, less is a new bound. See the test of the same name in package saga.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	made := mustCode(t, bookTrip)
	require.Equal(t, saga.Completed, bookOne(made))
	const most = 140
	got := testing.AllocsPerRun(200, func() { bookOne(made) })
	require.LessOrEqual(t, got, float64(most), "a whole saga of four commands")
	t.Logf("a whole saga of four commands: %v of %v", got, most)
}
