package saga_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

func threeSteps() saga.Definition {
	return saga.Definition{Name: "trip", Version: "r1", Steps: []saga.Step{
		{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"},
		{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"},
		{Name: "pay", Participant: "payments", Command: "charge", Kind: saga.Pivot},
	}}
}

// happyPath is the four events of a saga of three steps.
func happyPath() []saga.Event {
	input := saga.JSON([]byte(`{"trip":7,"seat":"12A"}`))
	events := []saga.Event{{Kind: saga.Started, At: storyStart, Extra: &saga.EventExtra{Definition: "trip", Version: "r1", Level: saga.Level}, Payload: input}}
	for _, step := range threeSteps().Steps {
		events = append(events, saga.ReplyEvent(saga.Reply{
			ID: saga.CommandID{Step: saga.StepRef{Name: step.Name}, Direction: saga.Do}, Participant: step.Participant,
			Attempt: 1, Epoch: 1, Outcome: saga.Succeeded,
		}, storyStart))
	}
	return events
}

// BenchmarkDecide is one transition of the happy path of three steps.
func BenchmarkDecide(b *testing.B) {
	machine, err := saga.Compile(threeSteps())
	require.NoError(b, err)
	events := happyPath()
	state := saga.State{ID: storyID}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%len(events) == 0 {
			state = saga.State{ID: storyID}
		}
		if state, _, err = machine.Decide(state, nil, events[n%len(events)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStateCodec writes and reads a state of three steps.
func BenchmarkStateCodec(b *testing.B) {
	machine, err := saga.Compile(threeSteps())
	require.NoError(b, err)
	state := saga.State{ID: storyID}
	for _, e := range happyPath() {
		state, _, err = machine.Decide(state, nil, e)
		require.NoError(b, err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = saga.AppendState(buf[:0], &state)
		if state, err = saga.DecodeState(storyID, buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}
