package saga_test

import (
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// Example books a trip whose payment is declined: the flight is released.
func Example() {
	machine, err := saga.Compile(saga.Definition{Name: "bookTrip", Version: "r1", Steps: []saga.Step{
		{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"},
		{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	state := saga.State{ID: storyID}
	for _, event := range []saga.Event{
		{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Definition: "bookTrip", Version: "r1", Level: saga.Level}, Payload: saga.JSON([]byte(`{}`))},
		{Kind: saga.Replied, At: storyStart, Step: saga.StepRef{Name: "flight"}, Direction: saga.Do, Epoch: 1, Attempt: 1, Outcome: saga.Succeeded},
		{Kind: saga.Replied, At: storyStart, Step: saga.StepRef{Name: "pay"}, Direction: saga.Do, Epoch: 1, Attempt: 1, Outcome: saga.Rejected, Reason: "card declined"},
		{Kind: saga.Replied, At: storyStart, Step: saga.StepRef{Name: "flight"}, Direction: saga.Undo, Epoch: 2, Attempt: 1, Outcome: saga.Succeeded},
	} {
		var effects []saga.Effect
		if state, effects, err = machine.Decide(state, nil, event); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(state.Status)
		for _, effect := range effects {
			command := effect.(saga.Send).Command
			fmt.Printf("  send %s/%s\n", command.Participant, command.Name)
		}
	}
	// Output:
	// running
	//   send airline/reserve
	// running
	//   send payments/charge
	// compensating
	//   send airline/release
	// compensated
}
