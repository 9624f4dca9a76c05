package peers

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest"
)

// Whatever refuses, dies, is late or comes twice: all of a saga is done, or none of it.
func TestWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	trip, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1"}, BookTrip)
	require.NoError(t, err)
	ticket := []sagatest.Answer{{Output: Ticket{"T-1"}}}
	for name, c := range map[string]struct {
		of    sagatest.Saga
		scene sagatest.Scene
	}{
		"temporal": {trip, sagatest.Scene{
			Input: Trip{"Ada", "Rome"}, Answers: map[string][]sagatest.Answer{"hotel": ticket, "flight": ticket, "car": ticket},
		}},
		"stepfunctions": {declared(t, "stepfunctions.yaml"), sagatest.Scene{
			Input:   map[string]any{"traveller": "Ada", "to": "Rome", "cents": 90_000},
			Answers: map[string][]sagatest.Answer{"hotel": ticket, "flight": ticket, "car": ticket},
		}},
		"eventuate": {declared(t, "eventuate.yaml"), sagatest.Scene{
			Input: map[string]any{"customer": "c-1", "cents": 4200}, Answers: map[string][]sagatest.Answer{"create": {{Output: map[string]any{"order": "o-1"}}}},
		}},
		"dtm": {declared(t, "dtm.yaml"), sagatest.Scene{Input: map[string]any{"from": "anna", "to": "bob", "cents": 3000}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sagatest.Inject(t, c.of, c.scene, sagatest.Faults{Runs: 2000})
		})
	}
}

func declared(t *testing.T, name string) *saga.Machine {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	file, err := definition.Load(name, text, definition.Options{})
	require.NoError(t, err)
	machine, err := saga.Compile(file.Definition)
	require.NoError(t, err)
	return machine
}
