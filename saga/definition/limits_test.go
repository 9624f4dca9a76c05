package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	head := "unwind: v1\nsaga: s\nsteps:\n"
	step := "- {step: a, local: a, noCompensation: x, input: "
	many := make([]string, definition.MaxExpressions+5)
	for i := range many {
		many[i] = `"${1 + 1}"`
	}
	for _, tt := range []struct{ data, want string }{
		{head + strings.Repeat("- {local: a}\n", 5000), "f.yaml:3: steps: 5000 steps; write 1 to 100"},
		{head + step + "[" + strings.Join(many, ",") + "]}", "f.yaml:4: steps[0].input[1000]: the definition has more than 1000 expressions; pass whole objects instead of field by field"},
		{head + step + `"${'` + strings.Repeat("x", 5000) + `'}"}`, "expression code point size exceeds limit: size: 5002, limit 4096"},
		{head + step + `"${` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}"}`, "recursion limit exceeded: 32"},
		{head + step + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested deeper than 64"},
		{strings.Repeat("#", definition.MaxFile+1), "f.yaml: the file has 1048577 bytes, the most is 1048576"},
	} {
		_, err := definition.Load("f.yaml", []byte(tt.data), definition.Options{})
		require.ErrorContains(t, err, tt.want)
	}
}

func TestLimitsOfAContract(t *testing.T) {
	t.Parallel()
	head, tail := "unwind: v1\nparticipant: pay\n", "\ncommands: {charge: {}}\n"
	c, err := definition.LoadContract("c.yaml", []byte(head+"limits: {concurrency: 20, rate: 50}"+tail))
	require.NoError(t, err)
	require.Equal(t, &definition.Limits{Concurrency: 20, Rate: 50}, c.Limits)
	canonical, err := c.Canonical()
	require.NoError(t, err)
	again, err := definition.LoadContract("", canonical)
	require.NoError(t, err)
	require.Equal(t, c.Limits, again.Limits)
	for limits, want := range map[string]string{
		"limits: {rate: 50/s}": `c.yaml:3: limits.rate: want a whole number of at least 1, found the text "50/s"`,
		"limits: {rtae: 50}":   "c.yaml:3: limits.rtae: unknown option of limits; did you mean rate?",
	} {
		_, err := definition.LoadContract("c.yaml", []byte(head+limits+tail))
		require.EqualError(t, err, want)
	}
}

func TestResultIsLimited(t *testing.T) {
	t.Parallel()
	doc := scope{input: `{"s":"` + strings.Repeat("x", saga.MaxPayload/2) + `"}`}
	for _, input := range []string{`["${input.s}","${input.s}","${input.s}"]`, `"${input.s}${input.s}${input.s}"`} {
		_, err := bind(t, input, nil).Eval(doc)
		require.ErrorContains(t, err, "step c, input: the result is larger than 524288 bytes: pass a reference")
	}
}
