package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// listening is a definition that an event starts.
const listening = `unwind: v1
saga: fulfil
startOn:
  topic: shop.orders
  when: ${event.value.status == 'placed' && event.headers.?kind.orValue('') != 'test'}
  key: order-${event.value.id}
  input: {order: "${event.value.id}", lines: "${event.value.lines}", from: "${event.topic}/${event.partition}/${event.offset}", by: "${event.key}", kind: "${event.headers['kind']}"}
steps:
  - {step: ship, command: shipping/ship, noCompensation: for a test}
`

// placed is an event that listening wants.
func placed() record.Record {
	return record.Record{
		Topic: "shop.orders", Partition: 3, Offset: 17, Key: []byte("c7"), Value: []byte(`{"id": "o1", "status": "placed", "lines": [ 1.50 ]}`),
		Headers: []record.Header{{Key: "kind", Value: []byte("order")}, {Key: "kind", Value: []byte("test")}, {Key: "raw", Value: []byte{0xff}}, {Key: "none"}},
	}
}

func TestStartOn(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("fulfil.yaml", []byte(listening), definition.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"shop.orders"}, f.Topics())
	start, ok, err := f.StartOn.Start(placed())
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "order-o1", start.Key)
	require.Equal(t, `{"order":"o1","lines":[ 1.50 ],"from":"shop.orders/3/17","by":"c7","kind":"order"}`, string(start.Input), "bytes are copied, the first of two headers counts")

	unwanted := placed()
	unwanted.Value = []byte(`{"id":"o1","status":"paid"}`)
	_, ok, err = f.StartOn.Start(unwanted)
	require.NoError(t, err)
	require.False(t, ok)

	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, []byte(listening))))
}

// TestStartOnByDefault: every event starts a saga, its value is the input, and its
// place the key.
func TestStartOnByDefault(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("", []byte("unwind: v1\nsaga: s\nstartOn: {topic: t}\nsteps: [{step: a, sleep: 1s}]\n"), definition.Options{})
	require.NoError(t, err)
	start, ok, err := f.StartOn.Start(placed())
	require.NoError(t, err)
	require.True(t, ok)
	require.Empty(t, start.Key)
	require.Equal(t, placed().Value, start.Input)
}

func TestWhatAnEventMayLack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		rec    record.Record
		option string
		want   string // of the error; empty: it is wanted
	}{
		{"no key is null", record.Record{Value: []byte(`1`)}, `when: "${event.key == null}"`, ""},
		{"no value is null", record.Record{}, `when: "${event.value == null}", input: {}`, ""},
		{"no value is no input", record.Record{}, `when: "${true}"`, "its value is not JSON, and startOn says no other input"},
		{"a value that is no JSON", record.Record{Value: []byte{0, 1}}, `when: "${event.value.a == 1}"`, "startOn.when: ${event.value.a == 1}: no such key: value"},
		{"a value beside its headers", record.Record{Value: []byte{0}, Headers: []record.Header{{Key: "a-b", Value: []byte("c")}}}, `when: "${event.headers['a-b'] == 'c'}", input: {}`, ""},
		{"a key that is no text", record.Record{Key: []byte{0xff}, Value: []byte(`1`)}, `key: "${event.key}"`, "startOn.key: ${event.key}: event has no field key"},
		{"a field that is not there", record.Record{Value: []byte(`{}`)}, `input: {a: "${event.value.a}"}`, "startOn.input.a: ${event.value.a}: event.value has no field a"},
		{"a field twice", record.Record{Value: []byte(`{"a":1,"a":2}`)}, `when: "${event.value.a == 1}"`, "it has the field \"a\" twice"},
		{"no truth", record.Record{Value: []byte(`{"a":1}`)}, `when: "${event.value.a}"`, "yielded 1; want true or false"},
		{"an object for a key", record.Record{Value: []byte(`{"a":{}}`)}, `key: "${event.value.a}"`, "yields {} as the idempotency key: want a text or a number"},
		{"a long key", record.Record{Value: []byte(`"` + strings.Repeat("x", 257) + `"`)}, `key: "${event.value}"`, "the idempotency key must be plain text of at most 256 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := definition.Load("f.yaml", []byte("unwind: v1\nsaga: s\nstartOn: {topic: t, "+tt.option+"}\nsteps: [{step: a, sleep: 1s}]\n"), definition.Options{})
			require.NoError(t, err)
			_, ok, err := f.StartOn.Start(tt.rec)
			if tt.want == "" {
				require.NoError(t, err)
				require.True(t, ok)
				return
			}
			require.ErrorIs(t, err, definition.ErrNoEvent)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestFaultsOfStartOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ option, want string }{
		{`{}`, "f.yaml:3: startOn.topic: it names no topic; write topic: and a name such as orders"},
		{`{topic: "a/b"}`, `f.yaml:3: startOn.topic: "a/b" is not the name of a topic; write one of at most 249 letters, digits, dots, dashes and underscores, without ${…}`},
		{`{topic: t, wen: x}`, "f.yaml:3: startOn.wen: unknown option of startOn; did you mean when?"},
		{`{topic: t, when: "yes"}`, "f.yaml:3: startOn.when: want one expression; write ${…} around all of it"},
		{`{topic: t, when: "${input.a}"}`, "f.yaml:3: startOn.when: ${input.a}: there is no saga yet when an event is read; read event.value, event.key, event.headers or event.topic"},
		{`{topic: t, key: "${event.body.id}"}`, `f.yaml:3: startOn.key: ${event.body.id}: event has no field "body" in an event; known are headers, key, offset, partition, topic, value`},
		{`{topic: t, input: }`, "f.yaml:3: startOn.input: the input is empty; leave it out to pass the event's value, or write {}"},
		{"{topic: t}\nkey: ${event.key}", "f.yaml:4: key: ${event.key}: column 1: undeclared reference to 'event'"},
	} {
		_, err := definition.Load("f.yaml", []byte("unwind: v1\nsaga: s\nstartOn: "+tt.option+"\nsteps: [{step: a, sleep: 1s}]\n"), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.option)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.option, tt.want, err)
	}
}
