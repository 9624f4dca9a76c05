package definition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// ending is a scope of a saga that has ended.
type ending struct {
	scope
	end saga.Ended
}

func (e ending) End() saga.Ended { return e.end }

const announced = `unwind: v1
saga: fulfil
onEnd:
  topic: shop.fulfilled
  type: com.example.order.over
  when: [completed, compensated]
  payload:
    order: ${input.id}
    status: ${status}
    why: because ${cause}
    payment: ${steps.charge.?output.ref.orValue('none')}
    good: ${status == 'completed' && output.total > 0}
    all: ${output}
steps:
  - {step: charge, command: payments/charge, compensation: refund}
output: {total: "${input.cents}"}
`

func TestOnEnd(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("fulfil.yaml", []byte(announced), definition.Options{})
	require.NoError(t, err)
	on := f.Definition.OnEnd
	require.Equal(t, "shop.fulfilled", on.Topic)
	require.Equal(t, []saga.Status{saga.Completed, saga.Compensated}, on.When)
	require.Equal(t, saga.Reads{Input: true, Steps: []string{"charge"}}, on.Payload.Reads())
	requireEval(t, `{"order":"o1","status":"completed","why":"because ","payment":"P1","good":true,"all":{"total":5}}`, on.Payload, ending{
		scope{input: `{"id":"o1"}`, outputs: map[string]string{"charge": `{"ref":"P1"}`}}, saga.Ended{Status: "completed", Output: json.RawMessage(`{"total":5}`)},
	})
	requireEval(t, `{"order":"o1","status":"compensated","why":"because no money","payment":"none","good":false,"all":null}`, on.Payload, ending{
		scope{input: `{"id":"o1"}`}, saga.Ended{Status: "compensated", Cause: "no money"},
	})
	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, []byte(announced))))
	plain, err := definition.Load("", []byte("unwind: v1\nsaga: s\nonEnd: {}\nsteps: [{step: a, sleep: 1s}]\n"), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, &saga.OnEnd{}, plain.Definition.OnEnd)
}

func TestFaultsOfOnEnd(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ option, want string }{
		{`{topic: "${input.a}"}`, `f.yaml:3: onEnd.topic: "${input.a}" is not the name of a topic; write one of at most 249 letters, digits, dots, dashes and underscores, without ${…}`},
		{`{when: done}`, `f.yaml:3: onEnd.when: unknown word "done"; known are `},
		{`{when: running}`, `f.yaml:3: onEnd.when: unknown word "running"; known are `},
		{`{playload: 1}`, "f.yaml:3: onEnd.playload: unknown option of onEnd; did you mean payload?"},
		{`{payload: }`, "f.yaml:3: onEnd.payload: the payload is empty; leave it out for a summary, or write {}"},
		{`{type: "a b"}`, `f.yaml:3: onEnd.type: "a b" is not the type of an event; write one such as com.example.order.fulfilled`},
		{`{payload: "${steps.charge.output.ref}"}`, "f.yaml:3: onEnd.payload: ${steps.charge.output.ref}: step charge may not be done when the saga ends, and then has no output; write steps.charge.?output… and .orValue(…) behind it, or when: completed"},
		{`{payload: "${event.value}"}`, "f.yaml:3: onEnd.payload: ${event.value}: column 1: undeclared reference to 'event'"},
		{"{}\noutput: ${status}", "f.yaml:4: output: ${status}: column 1: undeclared reference to 'status'"},
	} {
		_, err := definition.Load("f.yaml", []byte("unwind: v1\nsaga: s\nonEnd: "+tt.option+"\nsteps: [{step: charge, command: p/charge, compensation: refund}]\n"), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.option)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.option, tt.want, err)
	}
	_, err := definition.Load("f.yaml", []byte("unwind: v1\nsaga: s\nonEnd: {when: completed, payload: \"${steps.charge.output.ref}\"}\nsteps: [{step: charge, command: p/charge, compensation: refund}]\n"), definition.Options{})
	require.NoError(t, err)
}
