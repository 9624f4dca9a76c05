package rest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const parcels = `unwind: v1
saga: parcels
steps:
  - {step: reserve, forEach: "${input.lines}", command: stock/reserve, compensation: release}
  - {step: charge, kind: pivot, command: payments/charge}
`

// TestItemsAreCountedAndListed: of a step's items people see how many are how far, and
// by name those that are under way or in trouble.
func TestItemsAreCountedAndListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file, err := definition.Load("parcels.yaml", []byte(parcels), definition.Options{})
	require.NoError(t, err)
	w.files["parcels r1"] = file
	server, _ := w.serve(t)
	id := w.add(func(s *saga.State) {
		s.Definition = "parcels"
		s.Steps = make([]saga.StepState, 2, 7)
		s.Steps[0].Phase = saga.Spreading
		s.Own().Spreads = []saga.Spread{{Step: 0, First: 2, Count: 5}}
		s.Steps = append(s.Steps, saga.StepState{Phase: saga.Done, Epoch: 1, Attempt: 1}, saga.StepState{Phase: saga.Doing, Epoch: 1, Attempt: 1, Due: at},
			saga.StepState{Phase: saga.Done, Epoch: 1, Attempt: 1}, saga.StepState{Phase: saga.Resting, Epoch: 1, Attempt: 3, Due: at}, saga.StepState{})
	})
	got, err := clientOf(t, server.URL).Get(t.Context(), id.String())
	require.NoError(t, err)
	require.Equal(t, []client.Step{
		{
			Step: "reserve", Kind: "compensable", Command: "stock/reserve", Phase: "spreading",
			Items:  map[string]int{"done": 2, "doing": 1, "resting": 1, "waiting": 1},
			Listed: []client.Item{{Step: "reserve[1]", Phase: "doing", Attempt: 1, Due: &at}, {Step: "reserve[3]", Phase: "resting", Attempt: 3, Due: &at}},
		},
		{Step: "charge", Kind: "pivot", Command: "payments/charge", Phase: "waiting"},
	}, got.Steps)
}
