package coordinator

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// startOf is a start of a line.
func startOf(k flowKey) *item {
	return &item{start: &StartRequest{Namespace: k.namespace, Definition: k.definition, Priority: k.priority}}
}

func pushed(t *testing.T, s *starts, n int, k flowKey) {
	t.Helper()
	for range n {
		require.NoError(t, s.push(t.Context(), startOf(k)))
	}
}

// taken takes n starts and counts them by namespace/definition/priority.
func taken(s *starts, n int) map[string]int {
	count := map[string]int{}
	for range n {
		if it := s.take(); it != nil {
			count[fmt.Sprintf("%s/%s/%s", it.start.Namespace, it.start.Definition, it.start.Priority)]++
		}
	}
	return count
}

// A flood of one namespace, or of one definition inside one, does not make another's
// single start wait for the whole of it.
func TestNamespacesAndDefinitionsTakeTurns(t *testing.T) {
	t.Parallel()
	s := newStarts(5000)
	pushed(t, s, 5000, flowKey{"flood", "a", saga.Normal})
	pushed(t, s, 1, flowKey{"calm", "b", saga.Normal})
	pushed(t, s, 1, flowKey{"flood", "c", saga.Normal})
	require.Equal(t, map[string]int{"flood/a/normal": 1, "calm/b/normal": 1}, taken(s, 2))
	require.Equal(t, map[string]int{"flood/c/normal": 1}, taken(s, 1))
	pushed(t, s, 100, flowKey{"many", "x", saga.Normal})
	pushed(t, s, 100, flowKey{"many", "y", saga.Normal})
	require.Equal(t, map[string]int{"flood/a/normal": 50, "many/x/normal": 25, "many/y/normal": 25}, taken(s, 100))
	require.Len(t, drain(s), 5000-51+150)
	require.Nil(t, s.take())
	require.Zero(t, s.size.Load())
}

func drain(s *starts) (all []*item) {
	for it := s.take(); it != nil; it = s.take() {
		all = append(all, it)
	}
	return all
}

// A high priority overtakes the backlog of its namespace, a low one is not starved,
// and neither gains anything over another namespace.
func TestAHighPriorityOvertakes(t *testing.T) {
	t.Parallel()
	s := newStarts(5000)
	pushed(t, s, 2000, flowKey{"shop", "bulk", saga.Low})
	pushed(t, s, 1, flowKey{"shop", "express", saga.High})
	require.Equal(t, map[string]int{"shop/express/high": 1}, taken(s, 1))
	pushed(t, s, 2000, flowKey{"shop", "express", saga.High})
	pushed(t, s, 2000, flowKey{"shop", "order", saga.Normal})
	require.Equal(t, map[string]int{"shop/express/high": 160, "shop/order/normal": 40, "shop/bulk/low": 10}, taken(s, 210))
	pushed(t, s, 100, flowKey{"other", "bulk", saga.Low})
	require.Equal(t, 50, taken(s, 100)["other/bulk/low"])
}

func TestAFlowKeepsItsOrder(t *testing.T) {
	t.Parallel()
	s := newStarts(100)
	var want []*item
	for range 20 {
		it := startOf(flowKey{"n", "d", saga.Normal})
		want = append(want, it)
		require.NoError(t, s.push(t.Context(), it))
	}
	want[3].gone.Store(true)
	require.True(t, slices.Equal(slices.Delete(slices.Clone(want), 3, 4), drain(s)), "one whose caller has gone is left out")
}

// A full flow makes its own callers wait, and nobody else.
func TestAFullFlowHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := newStarts(2)
	pushed(t, s, 2, flowKey{"flood", "a", saga.Normal})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- s.push(ctx, startOf(flowKey{"flood", "a", saga.Normal})) }()
	}
	pushed(t, s, 2, flowKey{"flood", "b", saga.Normal})
	pushed(t, s, 2, flowKey{"calm", "a", saga.Normal})
	require.Equal(t, map[string]int{"flood/a/normal": 1, "calm/a/normal": 1}, taken(s, 2))
	require.NoError(t, <-ended)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

// What is idle is forgotten, so that names that come once cost nothing for ever.
func TestIdleFlowsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStarts(2)
	for i := range 3 * maxFlows {
		pushed(t, s, 1, flowKey{fmt.Sprint("n", i), "d", saga.Normal})
		require.NotNil(t, s.take())
	}
	require.LessOrEqual(t, len(s.flows), maxFlows)
	require.LessOrEqual(t, len(s.tenants), maxFlows)
}

// What has begun goes before what would begin, but for every fourth turn.
func TestStartsHaveTheirShareOfTurns(t *testing.T) {
	t.Parallel()
	w := &writer{queue: make(chan *item, 100), starts: newStarts(100)}
	pushed(t, w.starts, 50, flowKey{"n", "d", saga.Normal})
	for range 30 {
		w.queue <- &item{}
	}
	starts := 0
	for range 40 {
		if it := w.next(); it.start != nil {
			starts++
		}
	}
	require.Equal(t, 10, starts)
	require.Len(t, drain(w.starts), 40)
}
