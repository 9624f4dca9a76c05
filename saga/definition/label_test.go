package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const labelled = `unwind: v1
saga: order
title: Order ${input.id}, ${string(size(input.lines))} lines
subject: ${input.customer}
retention: long
priority: "${input.express ? 'high' : 'low'}"
attributes: {ref: "${steps.charge.output.ref}", both: "${string(input.id) + steps.charge.output.ref}"}
steps:
  - {step: look, command: stock/look, noCompensation: reads only, when: "${input.id > 5}"}
  - {step: charge, kind: pivot, command: payments/charge}
`

func TestLabel(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(labelled), definition.Options{})
	require.NoError(t, err)
	in := scope{input: `{"id":7,"lines":[1,2],"customer":"c9","express":true}`, outputs: map[string]string{"charge": `{"ref":"P1"}`}}
	requireEval(t, `"Order 7, 2 lines"`, f.Definition.Heading, in)
	requireEval(t, `"c9"`, f.Definition.Subject, in)
	require.Equal(t, saga.Long, f.Definition.Retention)
	requireEval(t, `"7P1"`, f.Definition.Attributes[0].Value, in)
	require.Equal(t, []string{"charge"}, f.Definition.Attributes[1].Value.Reads().Steps)
	for input, want := range map[string]saga.Priority{`{"express":true}`: saga.High, `{"express":false}`: saga.Low} {
		got, err := f.PriorityOf([]byte(input))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, f.Canonical)))
}

// A title without an expression, and what is the default, is kept with no saga.
func TestNoLabel(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("o.yaml", []byte("unwind: v1\nsaga: o\ntitle: Order\npriority: normal\nretention: standard\nsteps: [{step: a, local: a, noCompensation: no}]"), definition.Options{})
	require.NoError(t, err)
	require.Nil(t, f.Definition.Heading)
	require.Nil(t, f.Definition.Priority)
}

func TestPriorityOfNoUse(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("o.yaml", []byte(strings.Replace(labelled, `"${input.express ? 'high' : 'low'}"`, "${input.urgency}", 1)), definition.Options{})
	require.NoError(t, err)
	for input, want := range map[string]string{
		`{"urgency":"urgent"}`: `input: ${input.urgency}: "urgent" is no priority: want high, normal, low`,
		`{"urgency":[1]}`:      "input: ${input.urgency}: want a text, found [1]",
		`{}`:                   "input: priority: ${input.urgency}: input has no field urgency",
	} {
		_, err := f.PriorityOf([]byte(input))
		require.ErrorIs(t, err, definition.ErrInvalidInput)
		require.EqualError(t, err, want)
	}
}

// A heartbeat takes the place of the default timeout; one that is written bounds the
// whole attempt.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("o.yaml", []byte(`unwind: v1
saga: o
defaults: {timeout: 10s}
steps:
  - {step: a, command: x/a, compensation: b, heartbeat: 5m}
  - {step: c, command: x/c, compensation: d, heartbeat: 300s, timeout: 2h}
`), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, saga.Policy{Heartbeat: 5 * time.Minute, Attempts: 5, Backoff: time.Second, Cap: time.Minute}, f.Definition.Steps[0].Do)
	require.Equal(t, 2*time.Hour, f.Definition.Steps[1].Do.Timeout)
	require.Equal(t, 30*time.Second, f.Definition.Steps[0].Undo.Timeout)
	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, f.Canonical)))
}

func TestFaultsOfLabels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, want string }{
		{"subject: ${input.customer}", "subject: us", "o.yaml:4: subject: it is the same for every saga; write ${input.…}: whose data the saga holds"},
		{"subject: ${input.customer}", "subject: ${steps.charge.output.x}", "o.yaml:4: subject: ${steps.charge.output.x}: no step is over before the saga begins; read the input alone"},
		{"retention: long", "retention: lung", `o.yaml:5: retention: unknown class "lung"; did you mean long?`},
		{`priority: "${input.express ? 'high' : 'low'}"`, "priority: hihg", `o.yaml:6: priority: unknown priority "hihg"; did you mean high?`},
		{`priority: "${input.express ? 'high' : 'low'}"`, "priority: ${steps.look.output.p}", "o.yaml:6: priority: ${steps.look.output.p}: no step is over before the saga begins; read the input alone"},
		{`ref: "${steps.charge.output.ref}"`, `ref: "${steps.look.output.ref}"`, "o.yaml:7: attributes.ref: ${steps.look.output.ref}: step look may be skipped and then has no output; write steps.look.?output… and .orValue(…) behind it"},
		{`ref: "${steps.charge.output.ref}"`, `ref: "${steps.chrage.output.ref}"`, `o.yaml:7: attributes.ref: ${steps.chrage.output.ref}: there is no step "chrage"; did you mean charge?`},
	} {
		_, err := definition.Load("o.yaml", []byte(strings.Replace(labelled, tt.old, tt.new, 1)), definition.Options{})
		require.EqualError(t, err, tt.want)
	}
}
