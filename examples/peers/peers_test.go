package peers

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

func TestScenes(t *testing.T) { sagatest.Scripts(t, os.DirFS("."), "*.test.yaml") }

func TestBookTrip(t *testing.T) {
	t.Parallel()
	trip, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1"}, BookTrip)
	require.NoError(t, err)
	answers := map[string][]sagatest.Answer{"hotel": {{Output: Ticket{"H-1"}}}, "flight": {{Output: Ticket{"F-1"}}}, "car": {{Output: Ticket{"C-1"}}}}
	sagatest.Play(t, trip, sagatest.Scene{
		Name: "all of it", Input: Trip{"Ada", "Rome"}, Answers: answers,
		Expect: sagatest.Expect{Status: saga.Completed, Output: Booked{"H-1", "F-1", "C-1"}},
	})
	answers["car"] = []sagatest.Answer{{Reject: "none left"}}
	sagatest.Play(t, trip, sagatest.Scene{
		Name: "no car", Input: Trip{"Ada", "Rome"}, Answers: answers,
		Expect: sagatest.Expect{
			Status: saga.Compensated, Cause: "none left",
			Commands: []sagatest.Command{{Do: "hotel"}, {Do: "flight"}, {Do: "car"}, {Undo: "flight"}, {Undo: "hotel"}},
		},
	})
}
