package app_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/testserver"
)

// TestAThousandStartsWithOneRequest: a repeat of the request, or of a part of it, starts
// nothing twice.
func TestAThousandStartsWithOneRequest(t *testing.T) {
	t.Parallel()
	c := start(t, app.Config{DatabaseURL: testserver.Postgres(t), Listen: "127.0.0.1:0", Migrate: true})
	_, err := c.ApplyDefinition(t.Context(), "nap.yaml", []byte("unwind: v1\nsaga: nap\nsteps: [{step: rest, sleep: 1ms}]\n"))
	require.NoError(t, err)
	starts := make([]client.Start, client.MaxStarts)
	for i := range starts {
		starts[i] = client.Start{Definition: "nap", Key: fmt.Sprint("n", i%900), Input: map[string]int{"n": i % 900}} // some are there twice
	}
	ids := map[string]bool{}
	run := func(starts []client.Start) (fresh int) {
		results, err := c.StartMany(t.Context(), starts)
		require.NoError(t, err)
		for _, r := range results {
			require.Nil(t, r.Problem)
			ids[r.ID] = true
			if r.New {
				fresh++
			}
		}
		return fresh
	}
	require.Equal(t, 900, run(starts))
	require.Zero(t, run(starts[200:500]))
	require.Len(t, ids, 900)
}
