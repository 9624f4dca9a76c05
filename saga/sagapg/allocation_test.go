//go:build !race

package sagapg

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Bounds of what a batch of a hundred sagas allocates before it is sent; see the
// test of the same name in package saga.
func TestAllocations(t *testing.T) { //nolint:paralleltest // counts the process's allocations
	rows := make([]coordinator.Row, 100)
	events := make([]saga.Event, 100)
	for i := range rows {
		rows[i] = coordinator.Row{Namespace: "default", State: saga.State{
			Definition: "trip", Version: "r1", Status: saga.Running, Input: saga.JSON(make([]byte, 200)), Steps: make([]saga.StepState, 3),
		}}
		events[i] = saga.Event{Kind: saga.Replied, At: time.Unix(0, 0), Step: saga.StepRef{Name: "flight"}, Actor: saga.Actor{Kind: saga.Engine}}
	}
	ofCode := slices.Clone(events)
	for i := range ofCode {
		ofCode[i].Extra = &saga.EventExtra{Asked: []saga.Asked{{What: "do:hotel hotels/reserve undo release", Data: make([]byte, 200)}}}
	}
	for _, c := range []struct {
		what string
		most float64
		do   func()
	}{
		{"a hundred states", 227, func() { columnsOf(rows) }},
		{"a hundred events", 119, func() {
			columns := newEventColumns(len(events))
			for i := range events {
				columns.add(saga.ID{}, &events[i])
			}
		}},
		{"a hundred events of code", 319, func() {
			columns := newEventColumns(len(ofCode))
			for i := range ofCode {
				columns.add(saga.ID{}, &ofCode[i])
			}
		}},
	} {
		got := testing.AllocsPerRun(100, c.do)
		require.LessOrEqual(t, got, c.most, c.what)
		t.Logf("%s: %v of %v", c.what, got, c.most)
	}
}
