package coordinator

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/saga"
)

// A saga that this node cannot decide is not released either: its wake would
// change nothing, take the pass of another one and come again at once, for ever.
func TestSagaThatCannotBeDecidedIsNotAtTheGate(t *testing.T) {
	t.Parallel()
	gate, err := breaker.NewGate[saga.ID](breaker.Config{})
	require.NoError(t, err)
	machine, err := saga.Compile(saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		{Name: "book", Participant: "hotels", Command: "book", Compensation: "cancel"},
	}})
	require.NoError(t, err)
	s := &folding{id: saga.ID{1}, decider: machine, found: true}
	s.row.State = saga.State{ID: s.id, Status: saga.Running, Level: saga.Level + 1, Steps: []saga.StepState{{Phase: saga.Held}}}
	book := newGateBook(gate)

	book.settled(s)
	require.Equal(t, []saga.ID{s.id}, gate.Release(10))

	s.lacking = true
	book.settled(s)
	require.Empty(t, gate.Release(10))
	require.Empty(t, book.sagas)
}
