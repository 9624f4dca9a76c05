package script_test

import (
	"encoding/xml"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/script"
)

const order = `unwind: v1
saga: order
attributes: {customer: "${input.customer}"}
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: sign, approval: {by: group:desk, due: 2d}}
  - {step: paid, await: {signal: paid, timeout: 14d}}
  - {step: charge, kind: pivot, command: cards/charge, input: {ref: "${steps.paid.?output.ref.orValue('none')}"}}
  - {step: mail, kind: retriable, command: mail/send}
output: {ref: "${steps.charge.output.ref}"}
`

func files(scenes string) fstest.MapFS {
	return fstest.MapFS{
		"defs/order.yaml":       {Data: []byte(order)},
		"tests/order.test.yaml": {Data: []byte("unwind: v1\ndefinition: ../defs/order.yaml\ngiven: {input: {customer: c7}, answers: {charge: {output: {ref: P-1, n: [1, 2.50]}, after: 1s}}}\nscenes:\n" + scenes)},
	}
}

func play(t *testing.T, scenes string) script.Result {
	t.Helper()
	results, err := script.Play(files(scenes), "tests/order.test.yaml", nil)
	require.NoError(t, err)
	require.Len(t, results, 1)
	return results[0]
}

// TestPlay has everything that a scene can expect, as it is.
func TestPlay(t *testing.T) {
	t.Parallel()
	for name, scene := range map[string]string{
		"everything": `
  - scene: a
    events:
      - {when: sign asking, approve: sign, by: anna, groups: [group:desk], reason: known}
      - {at: 3d, signal: paid, payload: {ref: S-1}}
    expect:
      status: completed
      commands: [do reserve, {do: charge, at: 3d, input: {ref: S-1}}, do mail]
      output: {ref: P-1}
      attributes: {customer: c7}
      attention: []
      waitingFor: []
      took: {atLeast: 3d, atMost: 73h}`,
		"somebody else": `
  - scene: a
    events: [{at: 1h, approve: sign, by: user:bob, refused: not-yours}, {at: 2h, refuse: sign, reason: too dear}]
    expect: {status: compensated, cause: too dear, commands: [do reserve, {undo: reserve, at: 2h}], took: 2h}`,
		"silence": `
  - scene: a
    expect: {status: compensated, steps: {sign: refused, reserve: undone}, took: 2d}`,
		"by hand": `
  - scene: a
    answers: {mail: fail}
    events:
      - {skip: sign, reason: on the telephone}
      - {when: paid awaiting, resolve: paid, output: {ref: H-1}, reason: seen}
      - {when: mail resting, skip: mail, reason: written by hand}
    expect: {status: completed, commands: [do reserve, {do: charge, input: {ref: H-1}}, do mail], took: 1s}`,
		"it asks for attention": `
  - scene: a
    until: 15d
    answers: {mail: {fail: no line}}
    events: [{approve: sign}]
    expect: {status: running, steps: {paid: expired}, attention: retriable-failing mail, waitingFor: timer}`,
		"given up": `
  - scene: a
    events: [{at: 1h, terminate: bankrupt}, {at: 2h, retry: mail, refused: ended}, {at: 3h, annotate: noted}]
    expect: {status: abandoned, cause: bankrupt, took: 1h}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := play(t, strings.TrimPrefix(scene, "\n"))
			require.False(t, r.Failed(), r.String())
			require.NotEmpty(t, r.Story)
		})
	}
}

const family = `unwind: v1
saga: order
steps:
  - {step: parcels, forEach: "${input.lines}", limit: {items: 10, concurrency: 2}, command: stock/pack, compensation: unpack, input: {sku: "${item}"}}
  - {step: invoice, child: invoice}
  - {step: charge, kind: pivot, command: cards/charge}
`

// TestPlayOfManyAndOfChildren: each item of a list has attempts of its own, and a child
// is played like a participant.
func TestPlayOfManyAndOfChildren(t *testing.T) {
	t.Parallel()
	for name, scene := range map[string]string{
		"all": `
  - scene: a
    answers: {invoice: {output: {n: 1}, after: 1d}}
    expect:
      status: completed
      commands: ["do parcels[0]", "do parcels[1]", {do: parcels, input: {sku: c}}, do invoice, {do: charge, at: 24h}]`,
		"again": `
  - scene: a
    answers: {parcels: [fail, succeed]}
    expect: {status: completed, commands: [do parcels, do parcels, "do parcels[0], attempt 2", "do parcels[2], attempt 1", "do parcels[1], attempt 2", "do parcels[2], attempt 2", do invoice, do charge]}`,
		"the child is turned back": `
  - scene: a
    answers: {invoice: {reject: no such customer}}
    expect: {status: compensated, cause: invoice was turned back, steps: {invoice: refused, parcels: undone}}`,
		"the child turns back with it": `
  - scene: a
    answers: {charge: {reject: declined}, invoice/undo: {output: {}, after: 1h}}
    expect: {status: compensated, steps: {invoice: undone}, took: 1h}`,
		"the child is told while it runs": `
  - scene: a
    answers: {invoice: {output: {}, after: 2h}, invoice/undo: {output: {}, after: 1m}}
    events: [{at: 1h, cancel: changed plans}]
    expect: {status: compensated, steps: {invoice: undone, charge: waiting}, took: 61m}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := files(strings.TrimPrefix(scene, "\n"))
			f["defs/order.yaml"].Data = []byte(family)
			f["tests/order.test.yaml"].Data = []byte(strings.Replace(string(f["tests/order.test.yaml"].Data), "{customer: c7}", "{lines: [a, b, c]}", 1))
			results, err := script.Play(f, "tests/order.test.yaml", nil)
			require.NoError(t, err)
			require.False(t, results[0].Failed(), results[0].String())
		})
	}
}

// TestPlayWithLocks: a saga that is alone gets its locks at once.
func TestPlayWithLocks(t *testing.T) {
	t.Parallel()
	f := files("  - {scene: a, expect: {status: completed, commands: [{do: charge, at: 0s}]}}\n")
	f["defs/order.yaml"].Data = []byte("unwind: v1\nsaga: order\nlock: [\"${input.customer}\", stock]\nsteps:\n  - {step: charge, kind: pivot, command: cards/charge}\n")
	results, err := script.Play(f, "tests/order.test.yaml", nil)
	require.NoError(t, err)
	require.False(t, results[0].Failed(), results[0].String())
}

// TestPlayWithEvents: an event of a topic is handed to the step that awaits it, as it is
// in production, and a history is held to its events.
func TestPlayWithEvents(t *testing.T) {
	t.Parallel()
	f := files(`
  - scene: a
    events: [{at: 1d, event: found, payload: {at: home}}, {at: 2d, reset: charge, refused: past-pivot}]
    expect:
      status: completed
      commands: [do reserve, {do: charge, at: 1d, input: {at: home}}]
      history: [started, succeeded of do reserve, signalled @found, succeeded of do charge]
`)
	f["defs/order.yaml"].Data = []byte(`unwind: v1
saga: order
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: found, await: {topic: parcels, match: "${event.value.order == input.customer}"}}
  - {step: charge, kind: pivot, command: cards/charge, input: {at: "${steps.found.output.at}"}}
`)
	results, err := script.Play(f, "tests/order.test.yaml", nil)
	require.NoError(t, err)
	require.Contains(t, results[0].String(), "ended: nothing more can happen")
	require.Len(t, results[0].Failures, 1, results[0].String())
}

// TestWhatIsNotAsExpected says what, where and the difference.
func TestWhatIsNotAsExpected(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ scene, want string }{
		{"expect: {status: completed}", "order.test.yaml:6: status: want completed, got compensated: sign was not decided in time"},
		{"expect: {cause: too dear}", "6: cause: want too dear, got sign was not decided"},
		{"expect: {steps: {sign: done}}", "6: step sign: want done, got refused"},
		{"expect: {output: {ref: P-1}}", "6: output: want {\"ref\":\"P-1\"}, got null"},
		{"expect: {attributes: {customer: c8}}", `6: attributes: want {"customer":"c8"}, got {"customer":"c7"} (customer is "c7")`},
		{"expect: {attention: [pivot-unknown charge]}", "6: attention: want pivot-unknown charge, got none"},
		{"expect: {waitingFor: signal}", "6: waitingFor: want signal, got none"},
		{"expect: {history: [started]}", "6: history: want started, got started, succeeded of do reserve, woke"},
		{"expect: {took: 1h}", "6: took: want 1h0m0s, got 48h0m0s"},
		{"expect: {took: {atMost: 1h}}", "6: took: want at most 1h0m0s, got 48h0m0s"},
		{"expect: {took: {atLeast: 3d}}", "6: took: want at least 72h0m0s, got 48h0m0s"},
		{"expect: {commands: [do reserve]}", "6: command 2: want no more commands, got undo reserve"},
		{"expect: {commands: [do reserve, undo reserve, do mail]}", "6: command 3: want do mail, got no more commands"},
		{"expect: {commands: [do reserve, do charge]}", "6: command 2: want do charge, got undo reserve {\"customer\":\"c7\"} (another command)\n        do reserve {\"customer\":\"c7\"}\n      - do charge\n      + undo reserve"},
		{"expect: {commands: [{do: reserve, at: 1s}, undo reserve]}", "(sent at 0s)"},
		{"expect: {commands: [{do: reserve, input: {customer: {id: 7}}}, undo reserve]}", `(customer is "c7")`},
		{"events: [{at: 1h, approve: sign, by: bob}]\n    expect: {}", "6: an event is refused: got decide step sign: not-yours"},
		{"events: [{at: 1h, pause: x, refused: ended}]\n    expect: {}", "6: an event is not refused: want ended"},
		{"events: [{when: mail doing, pause: x}]\n    expect: {}", "6: an event never happens: want when mail is doing, got its moment never came"},
		{"events: [{approve: sign}]\n    answers: {charge: silent}\n    expect: {}", "5: the scene breaks off: got the saga goes on and on"},
	} {
		r := play(t, "  - scene: a\n    "+c.scene+"\n")
		require.True(t, r.Failed(), c.scene)
		require.Contains(t, r.String(), c.want)
		require.Contains(t, r.String(), "what happened:\n    +0s        started {\"customer\":\"c7\"}\n               → do reserve")
	}
}

// TestDocumentsAreCompared by what is written.
func TestDocumentsAreCompared(t *testing.T) {
	t.Parallel()
	for input, fits := range map[string]bool{
		`{ref: P-1}`: true, `{n: [1, 2.5]}`: true, `{n: [1]}`: false, `{n: [1.0, 2.50]}`: true, `{n: {}}`: false, `{m: 1}`: false, `{ref: 1}`: false, `[]`: false,
	} {
		answer := `{"customer":"c7","ref":"P-1","n":[1,2.50]}`
		r := play(t, "  - scene: a\n    input: "+answer+"\n    events: [{cancel: x}]\n    expect: {commands: [{do: reserve, input: "+input+"}, undo reserve]}\n")
		require.Equal(t, fits, !r.Failed(), "%s: %s", input, r)
	}
}

func TestFilesThatCannotBePlayed(t *testing.T) {
	t.Parallel()
	f := files("  - {scene: a, expect: {}}\n")
	_, err := script.Play(f, "none.yaml", nil)
	require.Error(t, err)
	f["tests/order.test.yaml"].Data = []byte("unwind: v1\ndefinition: order.yaml\nscenes: [{scene: a, expect: {}}]\n")
	_, err = script.Play(f, "tests/order.test.yaml", nil)
	require.ErrorContains(t, err, "tests/order.test.yaml names a definition: ")
	f["defs/order.yaml"].Data = []byte("unwind: v1\nsaga: order\n")
	f["tests/order.test.yaml"].Data = []byte("unwind: v1\ndefinition: ../defs/order.yaml\nscenes: [{scene: a, expect: {}}]\n")
	_, err = script.Play(f, "tests/order.test.yaml", nil)
	require.ErrorIs(t, err, saga.ErrInvalidDefinition)
	require.ErrorContains(t, err, "defs/order.yaml:1: steps")
	f["tests/order.test.yaml"].Data = []byte("unwind: v1\ndefinition: ../defs/order.yaml\ncontracts: [stock.yaml]\nscenes: [{scene: a, expect: {}}]\n")
	_, err = script.Play(f, "tests/order.test.yaml", nil)
	require.ErrorContains(t, err, "names a contract")
}

func TestJUnit(t *testing.T) {
	t.Parallel()
	results, err := script.Play(files("  - {scene: good, expect: {status: compensated}}\n  - {scene: bad, expect: {status: completed}}\n"), "tests/order.test.yaml", nil)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, script.WriteJUnit(&b, results))
	var read struct {
		Suites []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Cases    []struct {
				Name    string `xml:"name,attr"`
				Line    int    `xml:"line,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal([]byte(b.String()), &read))
	require.Len(t, read.Suites, 1)
	suite := read.Suites[0]
	require.Equal(t, "tests/order.test.yaml", suite.Name)
	require.Equal(t, 2, suite.Tests)
	require.Equal(t, 1, suite.Failures)
	require.Nil(t, suite.Cases[0].Failure)
	require.Equal(t, 6, suite.Cases[1].Line)
	require.Contains(t, suite.Cases[1].Failure.Message, "want completed")
	one, err := script.Play(files("  - {scene: good, expect: {}}\n  - {scene: bad, expect: {}}\n"), "tests/order.test.yaml", func(name string) bool { return name == "bad" })
	require.NoError(t, err)
	require.Len(t, one, 1)
}

// TestTheDocumentsScript: the script of docs/def-test.md plays, with its definition.
func TestTheDocumentsScript(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/def-test.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	f := fstest.MapFS{"order.yaml": {Data: []byte(blocks[0][1])}, "order.test.yaml": {Data: []byte(blocks[1][1])}}
	results, err := script.Play(f, "order.test.yaml", nil)
	require.NoError(t, err)
	require.NotEmpty(t, results)
	for _, r := range results {
		require.False(t, r.Failed(), r.String())
	}
}
