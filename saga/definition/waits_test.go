package definition_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// waiting has a step of each kind that waits.
const waiting = `unwind: v1
saga: claim
input: {schema: {type: object, properties: {remindAt: {type: string}, cents: {type: integer}}}}
steps:
  - {step: settle, sleep: 3d}
  - {step: remind, sleep: {until: "${input.remindAt}"}}
  - {step: paid, await: {signal: [paid, waived], timeout: 14d, schema: {type: object, required: [ref], properties: {ref: {type: string}}}}}
  - step: sign
    approval: {by: [user:ann, group:desk], due: 4h, escalate: {after: 1h, to: group:leads}, onTimeout: approve}
  - step: charge
    when: ${!steps.paid.timedOut && steps.paid.signal == 'paid'}
    command: payments/charge
    compensation: refund
    input: {ref: "${steps.paid.?output.ref.orValue('none')}", by: "${steps.sign.?output.by.orValue('nobody')}", late: "${steps.sign.timedOut}"}
`

func TestStepsThatWait(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("claim.yaml", []byte(waiting), definition.Options{})
	require.NoError(t, err)
	steps := f.Definition.Steps
	require.Equal(t, &saga.Sleep{For: 72 * time.Hour}, steps[0].Sleep)
	require.Equal(t, &saga.Await{Signals: []string{"paid", "waived"}, Timeout: 336 * time.Hour}, steps[2].Await)
	require.Equal(t, &saga.Approval{
		By: []string{"user:ann", "group:desk"}, Due: 4 * time.Hour, EscalateAfter: time.Hour, EscalateTo: []string{"group:leads"}, ApproveWhenLate: true,
	}, steps[3].Approval)
	require.Equal(t, []string{"payments"}, f.Definition.Participants())

	at, err := steps[1].Sleep.Until.Eval(scope{input: `{"remindAt":"2027-01-31T08:00:00Z"}`})
	require.NoError(t, err)
	require.JSONEq(t, `"2027-01-31T08:00:00Z"`, string(at))

	timedOut := scope{input: `{}`, waited: map[string]saga.Waited{"paid": {TimedOut: true}, "sign": {TimedOut: true}}}
	requireEval(t, "false", steps[4].When, timedOut)
	requireEval(t, `{"ref":"none","by":"nobody","late":true}`, steps[4].Input, timedOut)
	came := scope{
		input: `{}`, outputs: map[string]string{"paid": `{"ref":"P1"}`, "sign": `{"by":"ann","reason":""}`},
		waited: map[string]saga.Waited{"paid": {Signal: "paid"}},
	}
	requireEval(t, "true", steps[4].When, came)
	requireEval(t, `{"ref":"P1","by":"ann","late":false}`, steps[4].Input, came)

	again, err := definition.Load("", f.Canonical, definition.Options{})
	require.NoError(t, err)
	require.Equal(t, string(f.Canonical), string(again.Canonical))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, []byte(waiting))))
	require.NoError(t, compiled(t, definition.Schema()).Validate(fromYAML(t, f.Canonical)))
}

func requireEval(t *testing.T, want string, e saga.Expr, s saga.Scope) {
	t.Helper()
	got, err := e.Eval(s)
	require.NoError(t, err)
	require.JSONEq(t, want, string(got))
}

func TestCheckSignal(t *testing.T) {
	t.Parallel()
	f, err := definition.Load("claim.yaml", []byte(waiting), definition.Options{})
	require.NoError(t, err)
	require.NoError(t, f.CheckSignal("paid", json.RawMessage(`{"ref":"P1"}`)))
	require.EqualError(t, f.CheckSignal("waived", json.RawMessage(`{"ref":1}`)), "payload.ref: got number, want string")
	require.EqualError(t, f.CheckSignal("paid", json.RawMessage(`{"ref":`)), "payload: the JSON text ends too early at byte 7")
	require.ErrorIs(t, f.CheckSignal("pait", nil), definition.ErrUnknownSignal)
	require.EqualError(t, f.CheckSignal("pait", nil), `unknown signal: no step of claim awaits "pait"; did you mean paid?`)
}

func TestFaultsOfStepsThatWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ step, want string }{
		{`{step: a, sleep: soon}`, `w.yaml:4: steps[0].sleep: "soon" is not a duration; write one such as 500ms, 30s, 1h30m or 14d`},
		{`{step: a, sleep: {}}`, `w.yaml:4: steps[0].sleep: it says neither how long nor until when, or both; write a duration such as 14d, or until:`},
		{`{step: a, sleep: "${input.x}"}`, "w.yaml:4: steps[0].sleep: an expression can say until when, and not how long; write sleep: {until: ${input.x}}"},
		{`{step: a, sleep: 400d}`, "w.yaml:4: steps[0].sleep: 9600h0m0s is out of range; write 1ms to 365 days"},
		{`{step: a, sleep: 1h, kind: pivot}`, "w.yaml:4: steps[0].kind: a step that waits has no kind; remove it: a step that waits has no effect"},
		{`{step: a, sleep: 1h, heartbeat: 1m}`, "w.yaml:4: steps[0].heartbeat: a step that waits has no heartbeat; remove it: nobody is at work"},
		{`{step: a, sleep: 1h, command: x/y}`, "w.yaml:4: steps[0].command: a step that waits has no command; make two steps of it"},
		{`{step: a, sleep: 1h, input: {}}`, "w.yaml:4: steps[0].input: a step that waits has no input; remove input"},
		{`{step: a, await: {}}`, "w.yaml:4: steps[0].await.signal: the signal has no name; write signal: and a name such as paid, or topic: and match:"},
		{`{step: a, await: {signal: is-paid}}`, `w.yaml:4: steps[0].await.signal: "is-paid" is not a name; write isPaid`},
		{`{step: a, await: {signal: x, topic: y}}`, "w.yaml:4: steps[0].await.match: it does not say which events of the topic; write match: ${event.value.id == input.id}"},
		{`{step: a, await: {signal: x, schema: {type: strin}}}`, "w.yaml:4: steps[0].await.schema: not a JSON Schema: "},
		{`{step: a, approval: {by: ann}}`, `w.yaml:4: steps[0].approval.by: "ann" is nobody; write user:NAME or group:NAME`},
		{`{step: a, approval: {onTimeout: approve}}`, "w.yaml:4: steps[0].approval.onTimeout: there is no time that could be over; write due: or remove onTimeout"},
		{`{step: a, approval: {onTimeout: aprove, due: 1h}}`, `w.yaml:4: steps[0].approval.onTimeout: unknown word "aprove"; did you mean approve?`},
		{`{step: a, approval: {by: user:y, escalate: {after: 2h, to: user:x}, due: 1h}}`, "w.yaml:4: steps[0].approval.escalate.after: it comes when the decision is due already; write a time below due"},
		{`{step: a, approval: {escalate: {after: 2h}}}`, "w.yaml:4: steps[0].approval.escalate.to: it says not to whom; write to: and user:NAME or group:NAME"},
		{`{step: a, after: [charge], approval: {}}`, "w.yaml:4: steps[0].approval: comes after the pivot: a refusal could not turn the saga back; await a signal instead and let when decide what follows"},
		{"{step: a, sleep: 1h}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.timedOut}\"}", "w.yaml:5: steps[1].input: ${steps.a.timedOut}: step a has no time that could be over and let the saga go on; give its await a timeout, or its approval onTimeout: approve"},
		{"{step: a, sleep: 1h}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.output}\"}", "w.yaml:5: steps[1].input: reads the output of a, which sleeps and has none; read another step"},
		{"{step: a, await: {signal: s, timeout: 1h}}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.output}\"}", "w.yaml:5: steps[1].input: ${steps.a.output}: step a may time out and then has no output; write steps.a.?output… and .orValue(…) behind it, or ask steps.a.timedOut"},
		{"{step: a, approval: {}}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.output.who}\"}", `w.yaml:5: steps[1].input: ${steps.a.output.who}: steps.a.output has no field "who" in the contract of step a's command; known are by, reason`},
		{"{step: a, approval: {}}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.signal}\"}", "w.yaml:5: steps[1].input: ${steps.a.signal}: step a awaits no signal; write steps.a.output or .timedOut"},
		{"{step: a, command: x/y, noCompensation: no}\n  - {step: b, command: x/y, noCompensation: no, input: \"${steps.a.timedOut}\"}", "w.yaml:5: steps[1].input: ${steps.a.timedOut}: step a does not wait, so it has no timedOut; write steps.a.output"},
	} {
		file := "unwind: v1\nsaga: w\nsteps:\n  - " + tt.step + "\n"
		if strings.Contains(tt.step, "after: [charge]") {
			file += "  - {step: charge, command: p/charge, kind: pivot, after: []}\n"
		}
		_, err := definition.Load("w.yaml", []byte(file), definition.Options{})
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, tt.step)
		require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s\nwant %s\ngot  %s", tt.step, tt.want, err)
	}
}
