package definition_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// base is a good definition; a case replaces one of its lines or adds one.
const base = `unwind: v1
saga: pay
title: Pay
owner: team
input: {schema: {type: object, properties: {cents: {type: integer}, lines: {type: array}, fee: {type: number}}}}
defaults: {timeout: 10s, retry: {attempts: 2, backoff: 1s, cap: 2s}, undo: {timeout: 9s, retry: {attempts: 3}}}
steps:
- step: reserve
  command: stock/reserve
  compensation: release
  kind: compensable
  undo: {timeout: 5s, retry: {attempts: 4, backoff: 1s, cap: 9s}}
- step: check
  after: reserve
  when: ${input.cents > 1}
  local: check
  noCompensation: reads only
- step: charge
  after: [reserve, check]
  kind: pivot
  command: payments/charge
  timeout: 3s
  retry: {attempts: 4}
  input: {cents: "${input.cents}"}
`

var faults = []struct {
	name string
	old  string // a whole line of base
	new  string
	want string // the one fault, without "f.yaml:"
}{
	{"unwind missing", "unwind: v1", "", "2: unwind: the version of the format is missing; write unwind: v1"},
	{"unwind", "unwind: v1", "unwind: v2", `1: unwind: unknown version "v2" of the format; write unwind: v1`},
	{"unwind type", "unwind: v1", "unwind: 1", `1: unwind: want a text, found the number 1; put it in quotes`},
	{"saga", "saga: pay", "saga: pay-now", `2: saga: "pay-now" is not a name; write payNow`},
	{"saga missing", "saga: pay", "", `1: saga: the saga has no name; write saga: and a name such as bookTrip`},
	{"title", "title: Pay", "title: Pay ${input.id}", `3: title: ${input.id}: input has no field "id" in the input's schema; known are cents, fee, lines`},
	{"owner", "owner: team", "owner: [a]", "4: owner: want a text, found a list"},
	{"owner empty", "owner: team", "owner:", "4: owner: the option is empty; write a value or leave it out"},
	{"unknown", "title: Pay", "titel: Pay", "3: titel: unknown option of a definition; did you mean title?"},
	{"later", "title: Pay", "limit: x", "3: limit: unknown option of a definition; not in this version: leave it out"},
	{"twice", "title: Pay", "owner: Pay", "4: owner: the field is there twice; keep one of the two"},
	{"schema", "input: ", "input: {schema: [1]}", "5: input.schema: want a JSON Schema or the path of a .json file, found a list"},
	{"schema option", "input: ", "input: {schema: {}, codec: avro}", "5: input.codec: unknown option of input; not in this version: leave it out"},
	{"schema file", "input: ", "input: {schema: none.json}", "5: input.schema: read the schema: open none.json: no such file or directory; write the path of a .json file relative to the definition"},
	{"defaults", "defaults: ", "defaults: {timeout: 10}", "6: defaults.timeout: want a text, found the number 10; put it in quotes"},
	{"defaults duration", "defaults: ", "defaults: {timeout: 10x}", `6: defaults.timeout: "10x" is not a duration; write one such as 500ms, 30s, 1h30m or 14d`},
	{"defaults zero", "defaults: ", "defaults: {undo: {timeout: 0s}}", `6: defaults.undo.timeout: 0s is not above zero; write one such as 500ms, 30s, 1h30m or 14d`},
	{"defaults option", "defaults: ", "defaults: {attempts: 3}", "6: defaults.attempts: unknown option of defaults; it belongs to retry"},
	{"defaults undo", "defaults: ", "defaults: {undo: {heartbeat: 3s}}", "6: defaults.undo.heartbeat: unknown option of undo; not in this version: leave it out"},
	{"attempts", "defaults: ", "defaults: {retry: {attempts: 0}}", "6: defaults.retry.attempts: want a whole number of at least 1, found the number 0"},
	{"jitter", "defaults: ", "defaults: {retry: {jitter: 20%}}", "6: defaults.retry.jitter: unknown option of retry; not in this version: leave it out"},
	{"cap", "  retry: {attempts: 4}", "  retry: {backoff: 5s, cap: 1s}", "23: steps[2].retry.cap: cap 1s is below backoff 5s; write a cap of at least the backoff"},
	{"steps", "steps:", "steps: {}\nsetps:", "7: steps: want a list, found fields\nf.yaml:8: setps: unknown option of a definition; did you mean steps?"},
	{"step name", "- step: check", "- step: Check", `13: steps[1].step: "Check" is not a name; write check`},
	{"step name twice", "- step: charge", "- step: reserve", `18: steps[2].step: "reserve" is the name of an earlier step too; give each step its own name`},
	{"step later", "  timeout: 3s", "  firstOf: x", "22: steps[2].firstOf: unknown option of a step; not in this version: leave it out"},
	{"step unknown", "  timeout: 3s", "  timeuot: 3s", "22: steps[2].timeuot: unknown option of a step; did you mean timeout?"},
	{"heartbeat", "  timeout: 3s", "  heartbeat: soon", `22: steps[2].heartbeat: "soon" is not a duration; write one such as 500ms, 30s, 1h30m or 14d`},
	{"heartbeat late", "  timeout: 3s", "  timeout: 3s\n  heartbeat: 5m", "22: steps[2].timeout: the attempt is over after 3s, before its first heartbeat at 5m0s; write a timeout of the whole attempt, above the heartbeat, or remove it"},
	{"heartbeat long", "  timeout: 3s", "  heartbeat: 400d", "22: steps[2].heartbeat: 9600h0m0s is out of range; write 1ms to 365 days"},
	{"heartbeat local", "  local: check", "  local: check\n  heartbeat: 5m", "17: steps[1].heartbeat: a local function cannot say that it is at work; write timeout instead, or make it a participant's command"},
	{"step place", "  timeout: 3s", "  backoff: 3s", "22: steps[2].backoff: unknown option of a step; it belongs to retry"},
	{"after", "  after: reserve", "  after: resrve", `14: steps[1].after: there is no step "resrve"; did you mean reserve?`},
	{"after type", "  after: reserve", "  after: {a: b}", `14: steps[1].after: want a list, found fields`},
	{"kind", "  kind: pivot", "  kind: pivto", `20: steps[2].kind: unknown kind "pivto"; did you mean pivot?`},
	{"kind early", "  kind: compensable", "  kind: retriable", "10: steps[0].compensation: a retriable step is never undone; remove compensation and noCompensation\n" +
		"f.yaml:11: steps[0].kind: a retriable step that does not come after the pivot could not be undone; mark the last step that may be refused as kind: pivot, or make this one compensable\n" +
		"f.yaml:12: steps[0].undo: a retriable step is never undone; remove undo"},
	{"command", "  command: payments/charge", "  command: charge", `21: steps[2].command: "charge" is not a command; write participant/command, such as payments/charge`},
	{"command missing", "  command: payments/charge", "", `18: steps[2].command: the step does nothing; write command: participant/command, local: and the name of a function, child: and the name of a definition, or sleep:, await: or approval:`},
	{"command local", "  command: payments/charge", "  command: local/charge", `21: steps[2].command: a local function is not a command; write local: charge`},
	{"local", "  local: check", "  local: check\n  command: a/b", `16: steps[1].local: the step has a command too; keep one of them`},
	{"compensation", "  compensation: release", "  compensation: stock/release", `10: steps[0].compensation: a compensation belongs to the step's own participant; write release`},
	{"noCompensation", "  noCompensation: reads only", "", `13: steps[1].compensation: a compensable step has no compensation; name the command that undoes it, or say why none is needed with noCompensation`},
	{"undo", "  noCompensation: reads only", "  noCompensation: x\n  undo: {timeout: 1s}", `18: steps[1].undo: a step without compensation is never undone; remove undo, or name the compensation`},
	{"undo attempts", "  undo: ", "  undo: {retry: {attempts: 1001}}", "12: steps[0].undo.retry.attempts: 1001 attempts; write 1 to 1000"},
	{"input null", "  input: ", "  input:", "24: steps[2].input: the input is empty; leave it out to pass the saga's input, or write {}"},
	{"input name", "  input: ", `  input: {"${input.a}": 1}`, "24: steps[2].input.${input.a}: an expression in a field's name; write the name itself"},
	{"input open", "  input: ", `  input: {a: "${input.cents"}`, "24: steps[2].input.a: ${ is never closed; close it with }, or write $${ for the characters themselves"},
	{"input field", "  input: ", `  input: {a: "${input.cent}"}`, "24: steps[2].input.a: ${input.cent}: input has no field \"cent\" in the input's schema; did you mean cents?"},
	{"input syntax", "  input: ", `  input: {a: "${input.cents + }"}`, "24: steps[2].input.a: ${input.cents + }: column 15: the expression ends too early"},
	{"input undeclared", "  input: ", `  input: {a: "${inptu.cents + 1}"}`, "24: steps[2].input.a: ${inptu.cents + 1}: column 1: undeclared reference to 'inptu'; did you mean input?"},
	{"input time", "  input: ", `  input: {a: "${timestamp(input.cents)}"}`, "24: steps[2].input.a: ${timestamp(input.cents)}: column 10: undeclared reference to 'timestamp'; functions of time are not available"},
	{"input type", "  input: ", `  input: {a: "${1 + 'a'}"}`, "24: steps[2].input.a: ${1 + 'a'}: column 3: found no matching overload for '_+_' applied to '(int, string)'"},
	{"input optional", "  input: ", `  input: {a: "${input.?cents}"}`, "24: steps[2].input.a: ${input.?cents}: the value may be absent; add .orValue(…)"},
	{"input map", "  input: ", `  input: {a: "${{'a': 1}.map(k, k)}"}`, "24: steps[2].input.a: ${{'a': 1}.map(k, k)}: column 13: a comprehension goes over something that is not a list; a map has no order: go over keys(m) instead"},
	{"input nesting", "  input: ", `  input: {a: "${[1].map(a, [1].map(b, [1].map(c, c)))}"}`, "24: steps[2].input.a: ${[1].map(a, [1].map(b, [1].map(c, c)))}: column 30: comprehension exceeds nesting limit"},
	{"input message", "  input: ", `  input: {a: "${google.protobuf.Timestamp{}}"}`, "24: steps[2].input.a: ${google.protobuf.Timestamp{}}: messages such as google.protobuf.Timestamp{…} are not available; write a map: {'field': value}"},
	{"input shadow", "  input: ", `  input: {a: "${input.lines.map(input, 1)}"}`, "24: steps[2].input.a: ${input.lines.map(input, 1)}: input is taken; call the variable something else"},
	{"step unknown in input", "  input: ", `  input: {a: "${steps.resreve.output}"}`, "24: steps[2].input.a: ${steps.resreve.output}: there is no step \"resreve\"; did you mean reserve?"},
	{"step skipped", "  input: ", `  input: {a: "${steps.check.output.x}"}`, "24: steps[2].input.a: ${steps.check.output.x}: step check may be skipped and then has no output; write steps.check.?output… and .orValue(…) behind it"},
	{"step itself", "  input: ", `  input: {a: "${steps.charge.output.x}"}`, "24: steps[2].input.a: ${steps.charge.output.x}: step charge is not over before this one; add it to after, or read another step"},
	{"step bare", "  input: ", `  input: {a: "${steps.reserve}"}`, "24: steps[2].input.a: ${steps.reserve}: of a step only the output can be read; write steps.reserve.output"},
	{"steps bare", "  input: ", `  input: {a: "${size(steps)}"}`, "24: steps[2].input.a: ${size(steps)}: steps stands for no value; name the step and its output: steps.reserve.output"},
	{"when plain", "  when: ", "  when: input.cents > 1", "15: steps[1].when: want one expression; write ${…} around all of it"},
	{"when type", "  when: ", "  when: ${1 + 2}", "15: steps[1].when: ${1 + 2}: yields int, not true or false; write a comparison"},
	{"when bool", "  when: ", "  when: true", "15: steps[1].when: want a text, found true; put it in quotes"},
	{"when step", "  when: ", "  when: ${steps.charge.output.x}", "15: steps[1].when: ${steps.charge.output.x}: step charge is not over before this one; add it to after, or read another step"},
	{"number", "  input: ", "  input: {a: 0x10}", "24: steps[2].input.a: the number 0x10 is not one in JSON; write it in decimal, or put it in quotes if it is text"},
	{"anchor", "  input: ", "  input: {a: &x 1}", "24: steps[2].input.a: anchors and aliases are not supported; write the value out, or put it under defaults"},
}

func TestFaults(t *testing.T) {
	t.Parallel()
	_, err := definition.Load("f.yaml", []byte(base), testOptions())
	require.NoError(t, err)
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := definition.Load("f.yaml", []byte(replaceLine(t, tt.old, tt.new)), testOptions())
			require.ErrorIs(t, err, saga.ErrInvalidDefinition)
			if tt.want != "" {
				require.EqualError(t, err, "f.yaml:"+tt.want)
			}
		})
	}
}

// replaceLine replaces the last line that starts with old.
func replaceLine(t *testing.T, old, with string) string {
	lines := strings.Split(base, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.HasPrefix(lines[i], old) {
			lines[i] = with
			return strings.Join(lines, "\n")
		}
	}
	t.Fatalf("no line %q", old)
	return ""
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/broken.yaml")
	require.NoError(t, err)
	_, err = definition.Load("broken.yaml", data, testOptions())
	require.Error(t, err)
	golden(t, "testdata/broken.faults.txt", []byte(err.Error()))
}
