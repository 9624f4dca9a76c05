package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const named = `unwind: v1
saga: order
key: order-${input.id}
attributes: {cents: "${input.cents}", customer: "${input.?customer.orValue(null)}"}
steps:
  - {step: look, command: stock/look, noCompensation: reads only, when: "${input.cents > 5}"}
  - {step: charge, kind: pivot, command: payments/charge}
output: {ref: "${steps.charge.output.ref}", seen: "${steps.look.?output.n.orValue(0)}"}
`

func TestKeyAttributesAndOutput(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(named), definition.Options{})
	require.NoError(t, err)
	key, err := f.KeyOf([]byte(`{"id":7,"cents":1}`))
	require.NoError(t, err)
	require.Equal(t, "order-7", key)
	require.Equal(t, []string{"cents", "customer"}, []string{f.Definition.Attributes[0].Name, f.Definition.Attributes[1].Name})
	requireEval(t, "12", f.Definition.Attributes[0].Value, scope{input: `{"cents":12}`})
	requireEval(t, "null", f.Definition.Attributes[1].Value, scope{input: `{"cents":12}`})
	requireEval(t, `{"ref":"P1","seen":0}`, f.Definition.Output, scope{outputs: map[string]string{"charge": `{"ref":"P1"}`}})

	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, f.Canonical)))
}

func TestKeyOfNoUse(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(strings.Replace(named, "order-${input.id}", `"${input.id}"`, 1)), definition.Options{})
	require.NoError(t, err)
	for input, want := range map[string]string{
		`{}`:          "input: key: ${input.id}: input has no field id",
		`{"id":null}`: `input: ${input.id} yields null as the business key: want a text or a number`,
		`{"id":[1]}`:  `input: ${input.id} yields [1] as the business key: want a text or a number`,
		`{"id":""}`:   `input: ${input.id} yields "" as the business key: want a text or a number`,
		`{"id":"` + strings.Repeat("x", saga.MaxKey+1) + `"}`: "input: the business key must be plain text of at most 256 bytes",
		`{"id":"a\u0000"}`: "input: the business key must be plain text of at most 256 bytes",
	} {
		_, err := f.KeyOf([]byte(input))
		require.ErrorIs(t, err, definition.ErrInvalidInput)
		require.EqualError(t, err, want)
	}
	key, err := f.KeyOf([]byte(`{"id":7}`))
	require.NoError(t, err)
	require.Equal(t, "7", key)
}

func TestFaultsOfKeyAttributesAndOutput(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, want string }{
		{"order-${input.id}", `"${steps.charge.output.id}"`, "o.yaml:3: key: ${steps.charge.output.id}: no step is over before the saga begins; read the input alone"},
		{`cents: "${input.cents}"`, `two-cents: "${input.cents}"`, `o.yaml:4: attributes.two-cents: "two-cents" is not a name; write twoCents`},
		{`cents: "${input.cents}"`, `cents: 5`, "o.yaml:4: attributes.cents: want a text, found the number 5; write ${input.…}"},
		{"{ref: \"${steps.charge.output.ref}\"", "{ref: \"${steps.look.output.ref}\"", "o.yaml:8: output.ref: ${steps.look.output.ref}: step look may be skipped and then has no output; write steps.look.?output… and .orValue(…) behind it"},
		{"{ref: \"${steps.charge.output.ref}\"", "{ref: \"${steps.pay.output.ref}\"", `o.yaml:8: output.ref: ${steps.pay.output.ref}: there is no step "pay"; known are charge, look`},
	} {
		_, err := definition.Load("o.yaml", []byte(strings.Replace(named, tt.old, tt.new, 1)), definition.Options{})
		require.EqualError(t, err, tt.want)
	}
}
