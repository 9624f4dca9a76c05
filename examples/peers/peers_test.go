package peers

import (
	"fmt"
	"os"
	"regexp"
	"strings"
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

// TestTheLinesAreCounted: docs/peers.md says how long each of them is.
func TestTheLinesAreCounted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/peers.md")
	require.NoError(t, err)
	for _, name := range []string{"temporal.go", "stepfunctions.yaml", "eventuate.yaml", "dtm.yaml"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		lines := 0
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") && !strings.HasPrefix(line, "#") {
				lines++
			}
		}
		require.Regexp(t, fmt.Sprintf(`(?m)^.*\[%s\].* \| %d\b`, regexp.QuoteMeta(name), lines), string(page))
	}
}
