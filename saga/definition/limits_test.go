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

func TestResultIsLimited(t *testing.T) {
	t.Parallel()
	doc := scope{input: `{"s":"` + strings.Repeat("x", saga.MaxPayload/2) + `"}`}
	for _, input := range []string{`["${input.s}","${input.s}","${input.s}"]`, `"${input.s}${input.s}${input.s}"`} {
		_, err := bind(t, input, nil).Eval(doc)
		require.ErrorContains(t, err, "step c, input: the result is larger than 524288 bytes: pass a reference")
	}
}
