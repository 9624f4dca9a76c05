package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

func TestMermaid(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("claim.yaml", []byte(waiting+"  - {step: end, kind: pivot, after: [charge, sign], command: p/q}\n"), definition.Options{})
	require.NoError(t, err)
	golden(t, "testdata/claim.mermaid", []byte(definition.Mermaid(&f.Definition)))
}

func TestDiff(t *testing.T) {
	t.Parallel()
	older, err := definition.Load("a.yaml", []byte(named), definition.Options{})
	require.NoError(t, err)
	text := strings.Replace(named, "kind: pivot, command: payments/charge", "kind: pivot, command: bank/charge, timeout: 1m", 1)
	text = strings.Replace(text, "saga: order", "saga: order\ntitle: An order", 1) + "  \n"
	newer, err := definition.Load("b.yaml", []byte(strings.Replace(text, "output:", "  - {step: rest, sleep: 1h}\noutput:", 1)), definition.Options{})
	require.NoError(t, err)
	changes, err := definition.Diff(older, newer)
	require.NoError(t, err)
	var lines []string
	for _, c := range changes {
		lines = append(lines, c.String())
	}
	require.Equal(t, []string{
		"steps: look, charge → look, charge, rest",
		`steps.charge.command: "payments/charge" → "bank/charge"`,
		`steps.charge.timeout: "30s" → "1m0s"`,
		`steps.rest.after: added ["charge"]`,
		`steps.rest.sleep.for: added "1h0m0s"`,
		`steps.rest.step: added "rest"`,
		`title: added "An order"`,
	}, lines)
	same, err := definition.Diff(older, older)
	require.NoError(t, err)
	require.Empty(t, same)
}
