package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

func TestParseSent(t *testing.T) {
	t.Parallel()
	all, err := rules.ParseSent("ship[3]#2/do stores/ship 2 00000000000000ff\npay/undo banks/refund 1 0000000000000000")
	require.NoError(t, err)
	require.Equal(t, []rules.Sent{
		{Step: "ship[3]#2", Direction: rules.Do, Participant: "stores", Name: "ship", Attempt: 2, Hash: 255},
		{Step: "pay", Direction: rules.Undo, Participant: "banks", Name: "refund", Attempt: 1},
	}, all)
	for _, text := range []string{"x", "ship/do stores/ship 2", "ship/do stores/ship two ff", "ship/done stores/ship 2 ff", "ship/do stores/ship 2 xyz"} {
		_, err := rules.ParseSent(text)
		require.Error(t, err, text)
	}
}
