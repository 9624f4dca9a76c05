package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const scripted = `unwind: v1
saga: pay
input: {schema: {type: object, properties: {cents: {type: integer}}}}
steps:
  - {step: reserve, command: stock/reserve, compensation: release, input: {cents: "${input.cents}"}}
  - {step: paid, await: {signal: paid, schema: {type: object, required: [ref]}}}
  - {step: charge, kind: pivot, command: cards/charge}
`

const play = `unwind: v1
definition: pay.yaml
contracts: [stock.yaml]
given:
  start: 2026-03-01T08:00:00+01:00
  input: {cents: 5}
  answers: {reserve: {output: {id: R-1}, after: 1s}, reserve/undo: [{fail: no line, times: 2}, succeed]}
scenes:
  - scene: all goes well
    until: 30d
    answers: {charge: [silent, {output: {}, after: 5s, ongoing: 1s}]}
    events:
      - {at: 1h, signal: paid, payload: {ref: P-1}}
      - {when: charge doing, cancel: too late, by: user:anna, refused: past-pivot}
    expect:
      status: completed
      steps: {paid: done}
      commands: [do reserve, "do charge, attempt 2", {undo: reserve, at: 1s, input: {cents: 5}}]
      attention: []
      waitingFor: [reply]
      took: {atLeast: 1h}
`

func TestScript(t *testing.T) {
	t.Parallel()
	s, err := definition.LoadScript("pay.test.yaml", []byte(play))
	require.NoError(t, err)
	require.Equal(t, "pay.yaml [stock.yaml]", s.Definition+" ["+strings.Join(s.Contracts, " ")+"]")
	scene := s.Scenes[0]
	require.Equal(t, time.Date(2026, 3, 1, 7, 0, 0, 0, time.UTC), scene.Start)
	require.Equal(t, 30*24*time.Hour, scene.Until)
	require.JSONEq(t, `{"cents":5}`, string(scene.Input))
	require.Equal(t, []definition.Answer{{Outcome: saga.Failed, Reason: "no line", Times: 2}, {Outcome: saga.Succeeded, Output: []byte("{}"), Times: 1}}, scene.Answers["reserve/undo"])
	require.Equal(t, []definition.Answer{{Times: 1}, {Outcome: saga.Succeeded, Output: []byte("{}"), After: 5 * time.Second, Ongoing: time.Second, Times: 1}}, scene.Answers["charge"])
	require.Equal(t, definition.Cue{Line: 13, At: time.Hour, Kind: saga.Signalled, Signal: "paid", Payload: []byte(`{"ref":"P-1"}`)}, scene.Cues[0])
	require.Equal(t, definition.Cue{Line: 14, Step: "charge", Phase: "doing", Kind: saga.Cancelled, Reason: "too late", By: "user:anna", Refused: "past-pivot"}, scene.Cues[1])
	e := scene.Expect
	require.Equal(t, 2, e.Commands[1].Attempt)
	require.Equal(t, saga.Undo, e.Commands[2].Direction)
	require.Equal(t, time.Second, *e.Commands[2].At)
	require.NotNil(t, e.Attention)
	require.Equal(t, []int{16, 17, 18, 15}, []int{e.LineOf("status"), e.LineOf("step paid"), e.LineOf("commands"), e.LineOf("output")})
	require.NoError(t, s.Check(scriptedFile(t), nil))
}

func scriptedFile(t *testing.T) *definition.File {
	t.Helper()
	file, err := definition.Load("pay.yaml", []byte(scripted), definition.Options{})
	require.NoError(t, err)
	return file
}

func TestScriptFaults(t *testing.T) {
	t.Parallel()
	stock, err := definition.LoadContract("", []byte("unwind: v1\nparticipant: stock\ncommands: {reserve: {result: {type: object, required: [id]}, compensation: release}}"))
	require.NoError(t, err)
	for _, c := range []struct{ old, new, want string }{
		{"unwind: v1", "unwind: v3", `1: unwind: unknown version "v3" of the format; write unwind: v1`},
		{"definition: pay.yaml", "define: pay.yaml", "1: definition: the definition is missing; write definition: and the path of its file\nf:2: define: unknown option of a script; known are contracts, definition, given, scenes, unwind"},
		{"start: 2026-03-01T08:00:00+01:00", "start: yesterday", `5: given.start: "yesterday" is not a time; write it like 2026-01-31T08:00:00Z`},
		{"until: 30d", "until: 5000d", "10: scenes[0].until: longer than ten years"},
		{"until: 30d", "until: soon", `10: scenes[0].until: "soon" is not a duration; write one such as 500ms, 30s, 1h30m or 14d`},
		{"{cents: 5}\n", "{cents: much}\n", "6: given.input: input.cents: "},
		{"[silent,", "[quiet,", `11: scenes[0].answers.charge[0]: "quiet" is not an answer; known are fail, reject, silent, succeed`},
		{"[silent,", "[{fail: a, reject: b},", "11: scenes[0].answers.charge[0]: more than one answer; write one of output, reject, fail and silent: true; a list answers one attempt after the other"},
		{"ongoing: 1s", "ongoing: 1ms", "11: scenes[0].answers.charge[1].ongoing: a sign of life comes at most 1000 times before the answer; write a longer time, and after:"},
		{"times: 2", "times: 101", "7: given.answers.reserve/undo[0].times: more than 100; the last answer of a list is repeated"},
		{"charge: [", "charges: [", "11: scenes[0].answers.charges: pay has no step charges; did you mean charge?"},
		{"charge: [", "charge/undo: [", "11: scenes[0].answers.charge/undo: step charge asks nobody for that; leave it out"},
		{"charge: [", "charge/redo: [", "11: scenes[0].answers.charge/redo: charge/redo is not a step; write the step's name, or STEP/undo for its compensation"},
		{"{id: R-1}", "{}", "7: given.answers.reserve: the contract promises another output: answer: missing property 'id'"},
		{"signal: paid, payload: {ref: P-1}", "signal: waived", "13: scenes[0].events[0]: unknown signal: no step of pay awaits \"waived\"; known are paid"},
		{"payload: {ref: P-1}", "payload: {}", "13: scenes[0].events[0]: payload: missing property 'ref'"},
		{"signal: paid, payload: {ref: P-1}", "event: paid", "13: scenes[0].events[0]: step paid awaits no event of a topic; write signal: and the signal's name"},
		{"signal: paid, payload: {ref: P-1}", "output: {}", "13: scenes[0].events[0]: nothing happens; write one of"},
		{"signal: paid, payload: {ref: P-1}", "pause: now, output: {}", "13: scenes[0].events[0].output: pause has no output; leave it out"},
		{"signal: paid,", "signal: paid, cancel: x,", "13: scenes[0].events[0]: two things at once; write them as two events"},
		{"signal: paid, payload: {ref: P-1}", "skip: nothing", "13: scenes[0].events[0]: pay has no step nothing; known are charge, paid, reserve"},
		{"when: charge doing", "when: charge busy", `14: scenes[0].events[1].when: "charge busy" is not a moment; write a step and its phase, such as hotel resting; `},
		{"when: charge doing", "when: charge doing, at: 1s", "14: scenes[0].events[1].when: two moments; write at or when"},
		{"refused: past-pivot", "refused: past-pivots", `14: scenes[0].events[1].refused: "past-pivots" is not a refusal; did you mean past-pivot?`},
		{"status: completed", "status: complete", `16: scenes[0].expect.status: "complete" is not a status; did you mean completed?`},
		{"steps: {paid: done}", "steps: {paid: gone}", `17: scenes[0].expect.steps.paid: the text "gone" is not a phase; `},
		{"steps: {paid: done}", "steps: {waived: done}", `17: scenes[0].expect.steps.waived: pay has no step waived; known are charge, paid, reserve`},
		{"[do reserve,", "[reserve,", `18: scenes[0].expect.commands[0]: "reserve" is not a command; write do STEP or undo STEP, and , attempt N behind it if you want`},
		{"[do reserve,", "[do paid,", `18: scenes[0].expect.commands[0]: step paid waits and sends no command; leave it out; expect.steps tells its phase`},
		{"{undo: reserve,", "{", "18: scenes[0].expect.commands[2]: want one step; write do: or undo: and the step's name"},
		{"    expect:\n", "    expects:\n", "9: scenes[0].expect: the scene expects nothing; write expect: and at least a status\nf:15: scenes[0].expects: unknown option of a scene; did you mean expect?"},
	} {
		text := strings.Replace(play, c.old, c.new, 1)
		require.NotEqual(t, play, text, c.old)
		s, err := definition.LoadScript("f", []byte(text))
		if err == nil {
			err = s.Check(scriptedFile(t), []definition.Contract{*stock})
		}
		require.ErrorIs(t, err, saga.ErrInvalidDefinition, c.new)
		require.True(t, strings.HasPrefix(err.Error(), "f:"+c.want), "want f:%s\ngot  %s", c.want, err)
	}
}
