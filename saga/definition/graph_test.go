package definition_test

import (
	"encoding/xml"
	"io"
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

// TestSVG holds the picture of a definition with everything that is drawn: branches,
// an arrow that passes a layer, kinds, waits, conditions and the way back.
func TestSVG(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(`unwind: v1
saga: fulfilOrder
title: Order <fulfilment>
owner: team-orders
steps:
  - {step: reserve, command: warehouse/reserve, compensation: release}
  - {step: score, after: [], command: risk/score, noCompensation: reads only}
  - {step: insure, after: [reserve], command: insurance/cover, compensation: cancel}
  - {step: sign, after: [reserve, score], when: "${input.cents > 100000 && input.customer != 'a customer of ours'}", approval: {by: group:order-desk}}
  - {step: pack, after: [sign, insure, reserve], command: warehouse/pack, compensation: unpack}
  - {step: charge, kind: pivot, command: payments/charge}
  - {step: confirm, after: [charge], kind: retriable, command: mail/send}
  - {step: delivered, after: [charge], await: {signal: delivered, timeout: 14d}}
  - {step: claim, when: "${steps.delivered.timedOut}", kind: retriable, command: claims/open}
  - {step: thank, after: [claim, confirm], kind: retriable, command: mail/thank}
`), definition.Options{})
	require.NoError(t, err)
	picture := definition.SVG(&f.Definition)
	golden(t, "testdata/order.svg", []byte(picture))
	require.Equal(t, 2, strings.Count(picture, "url(#u)"), "unpack before cancel before release")
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for err == nil {
		_, err = decoder.Token()
	}
	require.ErrorIs(t, err, io.EOF, "it is XML")
}
