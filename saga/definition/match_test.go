package definition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// awaiting has a step that an event or a signal ends, and one whose key is an output.
const awaiting = `unwind: v1
saga: ship
steps:
  - {step: hand, command: shipping/hand, noCompensation: for a test}
  - step: delivered
    await:
      signal: found
      topic: shipping.events
      match: ${input.orderId == event.value.order.id && event.value.status in ['delivered', 'kept'] && event.headers.exists(h, true) || false}
      timeout: 14d
  - step: paid
    await: {topic: bank.events, match: "${event.value.ref == steps.hand.output.ref && input.bank == event.key && event.value.cents > 0}", schema: {type: object, required: [cents]}}
  - {step: thank, command: mail/thank, noCompensation: for a test, input: {by: "${steps.delivered.signal}", cents: "${steps.paid.output.cents}"}}
`

func TestAwaitAnEvent(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(awaiting, " && event.headers.exists(h, true) || false", " && [1, 2].exists(n, n == event.value.n)")
	f, err := definition.Load("ship.yaml", []byte(text), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"bank.events", "shipping.events"}, f.Topics())
	delivered, paid := f.Awaits("shipping.events")[0], f.Awaits("bank.events")[0]
	require.Equal(t, "delivered", delivered.Step)
	require.Equal(t, []string{"found"}, f.Definition.Steps[1].Await.Signals)
	require.Equal(t, "shipping.events", f.Definition.Steps[1].Await.Event.Topic)
	require.Equal(t, saga.Reads{Input: true}, f.Definition.Steps[1].Await.Event.Key.Reads(), "known from the start")
	require.Equal(t, []string{"hand"}, f.Definition.Steps[2].Await.Event.Key.Reads().Steps)

	event := func(value string) record.Record {
		return record.Record{Topic: "t", Key: []byte("b1"), Value: []byte(value)}
	}
	for _, tt := range []struct {
		awaited *definition.Awaited
		event   record.Record
		key     string // empty: it is for no saga
	}{
		{delivered, event(`{"order":{"id":7},"status":"delivered","n":2}`), `[7]`},
		{delivered, event(`{"order":{"id":7.0},"status":"kept","n":1}`), `[7]`},
		{delivered, event(`{"order":{"id":"7"},"status":"kept","n":1}`), `["7"]`},
		{delivered, event(`{"order":{"id":7},"status":"sent","n":1}`), ``},
		{delivered, event(`{"order":{"id":7},"status":"kept","n":3}`), ``},
		{delivered, event(`{"id":7}`), ``},
		{delivered, event(`no JSON`), ``},
		{paid, event(`{"ref":"R","cents":5}`), `["R","b1"]`},
		{paid, event(`{"ref":"R","cents":0}`), ``},
	} {
		got, ok := tt.awaited.Key(tt.event)
		require.Equal(t, tt.key != "", ok, "%s", tt.event.Value)
		require.Equal(t, tt.key, got)
	}
	for _, id := range []string{`7`, `7.0`, `7e0`} {
		requireEval(t, `"[7]"`, f.Definition.Steps[1].Await.Event.Key, scope{input: `{"orderId":` + id + `}`})
	}
	requireEval(t, `"[\"R\",\"b1\"]"`, f.Definition.Steps[2].Await.Event.Key, scope{input: `{"bank":"b1"}`, outputs: map[string]string{"hand": `{"ref":"\u0052"}`}})
	long, err := f.Definition.Steps[1].Await.Event.Key.Eval(scope{input: `{"orderId":"` + strings.Repeat("x", 300) + `"}`})
	require.NoError(t, err)
	var hashed string
	require.NoError(t, json.Unmarshal(long, &hashed))
	require.Len(t, hashed, len("sha256:")+64)

	require.ErrorIs(t, f.CheckSignal(saga.EventSignal("delivered"), nil), definition.ErrUnknownSignal, "nobody can pass off a signal as an event")
	require.NoError(t, f.CheckSignal("found", []byte(`1`)))
	require.NoError(t, paid.Check(event(`{"cents":1}`)))
	require.EqualError(t, paid.Check(event(`{}`)), "event.value: missing property 'cents'")
	require.NoError(t, delivered.Check(record.Record{}))
	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, []byte(text))))
}

func TestFaultsOfMatch(t *testing.T) {
	t.Parallel()
	const why = "f.yaml:4: steps[0].await.match: "
	for _, tt := range []struct{ await, want string }{
		{`{topic: t}`, why + "it does not say which events of the topic; write match: ${event.value.id == input.id}"},
		{`{match: "${event.value.a == input.a}"}`, "f.yaml:4: steps[0].await.topic: it names no topic; write topic: and a name such as orders"},
		{`{topic: t, match: "event.value.a == input.a"}`, why + "want one expression; write ${…} around all of it"},
		{`{topic: t, match: "${event.value.a == 1}"}`, why + "${event.value.a == 1}: no saga can be told from another by it; add an equality such as event.value.id == input.id"},
		{`{topic: t, match: "${event.value.a == input.a && input.b == 1}"}`, why + "${event.value.a == input.a && input.b == 1}: input.b == 1 asks nothing of the event; ask it in the step's when"},
		{`{topic: t, match: "${event.value.a > input.a}"}`, why + "${event.value.a > input.a}: event.value.a > input.a cannot be looked up; compare something of the event with something of the saga by == alone, such as event.value.id == input.id, and join the rest with &&"},
		{`{topic: t, match: "${event.value.a == input.a || event.value.b == input.b}"}`, why + "${event.value.a == input.a || event.value.b == input.b}: event.value.a == input.a || event.value.b == input.b cannot be looked up; "},
		{`{topic: t, match: "${event.value.a + input.a == 3}"}`, why + "${event.value.a + input.a == 3}: event.value.a + input.a == 3 cannot be looked up; "},
		{`{topic: t, match: "${event.body.a == input.a}"}`, why + `${event.body.a}: event has no field "body" in an event; known are `},
		{`{topic: t, match: "${event.value.a == steps.b.output.c}"}`, why + `${steps.b.output.c}: there is no step "b"`},
		{`{topic: t, match: "${event.value.a =}"}`, why + "${event.value.a =}: column 15: Syntax error"},
	} {
		_, err := definition.Load("f.yaml", []byte("unwind: v1\nsaga: s\nsteps:\n  - {step: a, await: "+tt.await+"}\n"), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.await)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.await, tt.want, err)
		require.NotContains(t, err.Error(), "\n", "one fault")
	}
}
