package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
	load "github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// A thousand steps on Postgres.
func TestAThousandDocuments(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, testserver.Postgres(t), 1000))
	require.Equal(t, "1000 documents completed {\"words\":5000}\n", out.String())
}

// One of a thousand cannot be read: nothing is stored.
func TestOneThatCannotBeReadSpoilsTheWhole(t *testing.T) {
	t.Parallel()
	file, err := load.Load("pipeline.yaml", definition, load.Options{})
	require.NoError(t, err)
	pipeline, err := saga.Compile(file.Definition)
	require.NoError(t, err)
	names := make([]string, 1000)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	played := sagatest.Play(t, pipeline, sagatest.Scene{
		Input: Order{1000},
		Answers: map[string][]sagatest.Answer{
			"list": {{Output: Listing{names}}},
			"read": {{Reject: "torn", When: sagatest.Input(func(name string) bool { return name == "700" })}, {Output: 5}},
		},
		Expect: sagatest.Expect{Status: saga.Compensated, Cause: "torn", Steps: map[string]saga.Phase{"store": saga.Waiting}},
	})
	require.GreaterOrEqual(t, len(played.Sent), 701)
}
