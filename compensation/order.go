// Package compensation says in which order the steps of a saga are undone. It
// is pure and imports only the standard library.
//
// The order is the reverse of the steps' graph: a step may be undone once
// nothing that came after it is left to be undone. Steps that do not depend on
// each other are undone side by side, and one whose compensation keeps failing
// does not hold up the others (DESIGN.md 6.5, 6.7; FEATURES.md pitfall 14).
package compensation

import "slices"

// Order knows, for each step of a graph, the steps after it. It is immutable.
type Order struct {
	later [][]int
}

// NewOrder computes the order of a graph: after[i] lists the steps that must be
// over before step i starts. The graph must not have a cycle.
func NewOrder(after [][]int) Order {
	later := make([][]int, len(after))
	for i := range after {
		for _, earlier := range ancestors(after, i) {
			later[earlier] = append(later[earlier], i)
		}
	}
	return Order{later: later}
}

// ancestors lists every step that comes, directly or not, before step i.
func ancestors(after [][]int, i int) []int {
	seen := make([]bool, len(after))
	var found []int
	queue := slices.Clone(after[i])
	for len(queue) > 0 {
		step := queue[0]
		queue = queue[1:]
		if !seen[step] {
			seen[step] = true
			found = append(found, step)
			queue = append(queue, after[step]...)
		}
	}
	return found
}

// Later lists the steps that come, directly or not, after step i, ascending.
func (o Order) Later(i int) []int { return o.later[i] }

// Ready lists the steps that may be undone now, last first: those for which
// open is true while it is false for every later step. open must say whether a
// step's effect is still there, or may be.
func (o Order) Ready(open func(step int) bool) []int {
	var ready []int
	for i, later := range slices.Backward(o.later) {
		if open(i) && !slices.ContainsFunc(later, open) {
			ready = append(ready, i)
		}
	}
	return ready
}
