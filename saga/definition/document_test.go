package definition_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

// TestTheDocumentsExamples: the definitions of docs/definitions.md can be applied, and
// its pieces of definitions stand in one that can.
func TestTheDocumentsExamples(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/definitions.md")
	require.NoError(t, err)
	opts := definition.Options{Dir: fstest.MapFS{"order.schema.json": {Data: []byte(`{"type": "object"}`)}}}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		file := block[1]
		if strings.HasPrefix(file, "  - ") {
			file = "unwind: v1\nsaga: piece\nsteps:\n" + file
		}
		_, err := definition.Load("docs/definitions.md", []byte(file), opts)
		require.NoError(t, err, file)
	}
}

// TestTheDocumentsSchedules: the schedules of docs/schedules.md can be applied.
func TestTheDocumentsSchedules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/schedules.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		_, err := definition.LoadSchedule("docs/schedules.md", []byte(block[1]))
		require.NoError(t, err)
	}
}

// TestTheDocumentsContracts: the contracts of docs/participants.md can be applied.
func TestTheDocumentsContracts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/participants.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		_, err := definition.LoadContract("docs/participants.md", []byte(block[1]))
		require.NoError(t, err)
	}
}
