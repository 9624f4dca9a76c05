package definition_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// parcels runs steps for each item of a list.
const parcels = `unwind: v1
saga: order
input: {schema: {type: object, properties: {id: {type: string}, lines: {type: array, items: {type: object, required: [sku], properties: {sku: {type: string}, quantity: {type: integer}}}}}}}
steps:
  - step: reserve
    forEach: ${input.lines}
    limit: {items: 200, concurrency: 5}
    command: warehouse/reserve
    compensation: release
    input: {sku: "${item.sku}", no: "${input.id}-${index}", twice: "${item.quantity * 2}", first: "${index == 0}"}
  - {step: charge, kind: pivot, command: payments/charge, input: {reservations: "${steps.reserve.outputs}"}}
  - {step: ship, kind: retriable, forEach: "${steps.reserve.outputs.filter(r, r.parcel)}", command: shipping/ship}
output: {parcels: "${size(steps.ship.outputs)}", first: "${steps.ship.outputs[0].number}"}
`

func TestForEach(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("order.yaml", []byte(parcels), definition.Options{})
	require.NoError(t, err)
	steps := f.Definition.Steps
	require.Equal(t, 200, steps[0].ForEach.Items)
	require.Equal(t, 5, steps[0].ForEach.Concurrency)
	require.Equal(t, saga.MaxItems, steps[2].ForEach.Items)
	require.Equal(t, saga.DefaultConcurrency, steps[2].ForEach.Concurrency)

	order := scope{
		input:   `{"id":"o7","lines":[{"sku":"a","quantity":1.0},{"sku":"b","quantity":2}]}`,
		item:    []byte(`{"sku":"c","quantity":3}`), // the third one
		outputs: map[string]string{"reserve": `[{"parcel":true,"id":1.50},{"parcel":false}]`, "ship": `[{"number":"P1"},{"number":"P2"}]`},
	}
	requireEval(t, `[{"sku":"a","quantity":1.0},{"sku":"b","quantity":2}]`, steps[0].ForEach.List, order)
	requireEval(t, `{"sku":"c","no":"o7-2","twice":6,"first":false}`, steps[0].Input, order)
	requireEval(t, `{"reservations":[{"parcel":true,"id":1.50},{"parcel":false}]}`, steps[1].Input, order)
	require.Nil(t, steps[2].Input, "the item itself")
	requireEval(t, `{"parcels":2,"first":"P1"}`, f.Definition.Output, order)

	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.Contains(t, definition.Mermaid(&f.Definition), "for each ${input.lines}")
}

// TestForEachFaults: what can be said wrongly is refused when it is applied.
func TestForEachFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, steps, want string }{
		{"no expression", `{step: a, forEach: lines, command: p/a, noCompensation: reads}`, `steps[0].forEach: want one expression; write ${…} around all of it, such as ${input.lines}`},
		{"two expressions", `{step: a, forEach: "${input.x}${input.y}", command: p/a, noCompensation: reads}`, `steps[0].forEach: want one expression; write ${…} around all of it, such as ${input.lines}`},
		{"a pivot", `{step: a, kind: pivot, forEach: "${input.x}", command: p/a}`, `steps[0].forEach: a pivot runs once: several commands are no point of no return; make the step compensable, and one behind it the pivot`},
		{"a limit of nothing", `{step: a, limit: {items: 3}, command: p/a, noCompensation: reads}`, `steps[0].limit: a limit of no list; write forEach: and an expression that yields a list, or remove limit`},
		{"too many items", `{step: a, forEach: "${input.x}", limit: {items: 2000}, command: p/a, noCompensation: reads}`, `steps[0].limit.items: 2000 items; write 1 to 1000; let child sagas take the parts of a longer list`},
		{"too many at once", `{step: a, forEach: "${input.x}", limit: {concurrency: 500}, command: p/a, noCompensation: reads}`, `steps[0].limit.concurrency: 500 at once; write 1 to 100`},
		{"a word for a limit", `{step: a, forEach: "${input.x}", limit: {itmes: 3}, command: p/a, noCompensation: reads}`, `steps[0].limit.itmes: unknown option of limit; did you mean items?`},
		{"waits", `{step: a, forEach: "${input.x}", sleep: 1h}`, `steps[0].forEach: a step that waits has no forEach; remove it: a step that waits has no command to run for each item`},
		{"item elsewhere", `{step: a, when: "${item.ok}", forEach: "${input.x}", command: p/a, noCompensation: reads}`, `steps[0].when: ${item.ok}: column 1: undeclared reference to 'item'; only the input of a step with forEach has an item`},
		{"item without a list", `{step: a, command: p/a, noCompensation: reads, input: {n: "${index}"}}`, `steps[0].input.n: ${index}: column 1: undeclared reference to 'index'; only the input of a step with forEach has an item`},
		{"item is taken", `{step: a, forEach: "${input.x}", command: p/a, noCompensation: reads, input: {n: "${input.y.map(item, item)}"}}`, `steps[0].input.n: ${input.y.map(item, item)}: item is taken; call the variable something else`},
		{"one output", `{step: a, forEach: "${input.x}", command: p/a, noCompensation: reads}
  - {step: b, command: p/b, noCompensation: reads, input: {n: "${steps.a.output}"}}`, `steps[1].input.n: ${steps.a.output}: step a runs once for each item and has a list of outputs; write steps.a.outputs`},
		{"many outputs", `{step: a, command: p/a, noCompensation: reads}
  - {step: b, command: p/b, noCompensation: reads, input: {n: "${steps.a.outputs}"}}`, `steps[1].input.n: ${steps.a.outputs}: step a runs once and has one output; write steps.a.output`},
		{"may be skipped", `{step: a, when: "${input.yes}", forEach: "${input.x}", command: p/a, noCompensation: reads}
  - {step: b, command: p/b, noCompensation: reads, input: {n: "${steps.a.outputs}"}}`, `steps[1].input.n: ${steps.a.outputs}: step a may be skipped and then has no output; write steps.a.?outputs… and .orValue(…) behind it`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := definition.Load("", []byte("unwind: v1\nsaga: s\nsteps:\n  - "+test.steps+"\n"), definition.Options{})
			var faults saga.Faults
			require.ErrorAs(t, err, &faults)
			faults[0].Line = 0
			require.Equal(t, test.want, faults[0].Error())
		})
	}
}

// TestTheShapeOfItems: what the schema says of a list, and a contract of outputs, is
// known of each item.
func TestTheShapeOfItems(t *testing.T) {
	t.Parallel()
	const text = `unwind: v1
saga: order
input: {schema: {type: object, properties: {lines: {type: array, items: {type: object, properties: {sku: {type: string}}}}}}}
steps:
  - {step: reserve, forEach: "${input.lines}", command: warehouse/reserve, noCompensation: reads, input: {sku: "${item.skew}"}}
  - {step: ship, forEach: "${steps.reserve.outputs}", command: warehouse/reserve, noCompensation: reads, input: {sku: "${item.reservation}"}}
`
	contract := definition.Contract{Participant: "warehouse", Commands: map[string]definition.CommandContract{
		"reserve": {Result: []byte(`{"type":"object","properties":{"id":{"type":"string"}}}`)},
	}}
	_, err := definition.Load("", []byte(text), definition.Options{Contracts: []definition.Contract{contract}})
	require.EqualError(t, err, `5: steps[0].input.sku: ${item.skew}: item has no field "skew" in what is known of the list; known are sku
6: steps[1].input.sku: ${item.reservation}: item has no field "reservation" in what is known of the list; known are id`)
}
