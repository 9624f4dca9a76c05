package compensation_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/compensation"
)

func ExampleOrder_Ready() {
	// 0 ─► 1 ─┬─► 3
	//         └ 2 (beside 1)
	order := compensation.NewOrder([][]int{{}, {0}, {0}, {1, 2}})
	done := []bool{true, true, true, true}
	for {
		ready := order.Ready(func(i int) bool { return done[i] })
		if len(ready) == 0 {
			return
		}
		fmt.Println(ready)
		for _, i := range ready {
			done[i] = false
		}
	}
	// Output:
	// [3]
	// [2 1]
	// [0]
}

// A wave is what Ready returns. Against the dumbest possible statement of the
// rule: whenever a step is undone, nothing that depends on it is still open.
func TestReadyIsTheReverseOfTheGraph(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		after := graph(t)
		open := rapid.SliceOfN(rapid.Bool(), len(after), len(after)).Draw(t, "open")
		order := compensation.NewOrder(after)
		for left(open) > 0 {
			ready := order.Ready(func(i int) bool { return open[i] })
			require.NotEmpty(t, ready, "something is open, so something can be undone")
			for _, i := range ready {
				for j := range after {
					require.False(t, open[j] && reaches(after, j, i), "step %d is open and comes after %d", j, i)
				}
			}
			open[ready[rapid.IntRange(0, len(ready)-1).Draw(t, "next")]] = false
		}
	})
}

// graph draws an acyclic graph: a step comes after steps of lower number.
func graph(t *rapid.T) [][]int {
	after := make([][]int, rapid.IntRange(1, 9).Draw(t, "steps"))
	for i := 1; i < len(after); i++ {
		after[i] = rapid.SliceOfNDistinct(rapid.IntRange(0, i-1), 0, 3, rapid.ID[int]).Draw(t, "after")
	}
	return after
}

func reaches(after [][]int, from, to int) bool {
	for _, next := range after[from] {
		if next == to || reaches(after, next, to) {
			return true
		}
	}
	return false
}

func left(open []bool) int {
	n := 0
	for _, o := range open {
		if o {
			n++
		}
	}
	return n
}
