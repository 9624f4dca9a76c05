package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
)

// TestTheTreeShowsItems: a step's items are counted, those in trouble are named, and no
// more than fit on a screen.
func TestTheTreeShowsItems(t *testing.T) {
	t.Parallel()
	step := client.Step{
		Step: "ship", Kind: "retriable", Command: "post/ship", Phase: "spreading", Items: map[string]int{"done": 12, "waiting": 185, "doing": 2, "resting": 1},
		Listed: []client.Item{{Step: "ship[3]", Phase: "resting", Attempt: 7}, {Step: "ship[12]", Phase: "doing", Attempt: 1}, {Step: "ship[13]", Phase: "doing", Attempt: 1}},
	}
	s := client.Saga{
		ID: sagaID, Definition: "order", Version: "r1", Status: "running", Steps: []client.Step{step},
		Attention: []client.Attention{{Reason: "retriable-failing", Step: "ship[3]", Text: "5 attempts: no stamps"}},
	}
	var b strings.Builder
	writeTree(&b, s)
	require.Equal(t, `needs attention: retriable-failing ship[3] 5 attempts: no stamps
└─ ▸ ship        spreading  post/ship  retriable, 12 of 200 done, 1 failing
│    ◦ ship[3]   resting               attempt 7, failing
│    ▸ ship[12]  doing
│    ▸ ship[13]  doing
`, fromAttention(b.String()))

	step.Listed = make([]client.Item, maxItemLines+5)
	b.Reset()
	writeTree(&b, client.Saga{Steps: []client.Step{step}})
	require.Contains(t, b.String(), "│    … and 5 more")
}

// fromAttention is what the tree shows below its first lines, from what needs attention on.
func fromAttention(tree string) string {
	_, rest, _ := strings.Cut(tree, "needs attention")
	return "needs attention" + rest
}
