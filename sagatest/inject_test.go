package sagatest_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest"
)

func declared(t testing.TB, text string) *saga.Machine {
	t.Helper()
	file, err := definition.Load("d.yaml", []byte(text), definition.Options{})
	require.NoError(t, err)
	m, err := saga.Compile(file.Definition)
	require.NoError(t, err)
	return m
}

// TestInjectIntoDeclaredSagas: whatever goes wrong, and wherever, the saga comes to its
// end with everything done or everything undone.
func TestInjectIntoDeclaredSagas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text  string
		scene sagatest.Scene
	}{
		"approval, signal and list": {`unwind: v1
saga: many
lock: ["${input.to}"]
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: sign, approval: {by: group:desk, due: 30d}}
  - {step: ship, forEach: "${input.lines}", limit: {items: 3, concurrency: 2}, command: stock/pack, compensation: unpack, input: {n: "${item}"}}
  - {step: paid, await: {signal: paid, timeout: 14d}}
  - {step: charge, kind: pivot, command: cards/charge}
  - {step: mail, kind: retriable, command: mail/send}
`, sagatest.Scene{
			Input: map[string]any{"to": "a", "lines": []int{1, 2, 3}},
			Cues: []sagatest.Cue{
				{At: time.Hour, Do: sagatest.Approve("sign"), By: "anna", Groups: []string{"group:desk"}}, {At: 2 * day, Do: sagatest.Signal("paid", 5)},
			},
		}},
		"child and deadline": {`unwind: v1
saga: parent
deadline: 1h
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: settle, child: settle}
  - {step: pause, sleep: 5m}
  - {step: charge, kind: pivot, command: cards/charge, timeout: 10s}
`, sagatest.Scene{Answers: map[string][]sagatest.Answer{"settle": {{Output: 1, After: time.Minute}}, "charge": {{Fail: "no line"}, {After: time.Second, Ongoing: 300 * time.Millisecond}}}}},
		"branches and a cancel": {`unwind: v1
saga: wide
steps:
  - {step: a, command: one/a, compensation: undo, after: []}
  - {step: b, command: two/b, noCompensation: reads only, after: [a]}
  - {step: c, command: three/c, compensation: undo, after: [a], heartbeat: 3s}
  - {step: d, command: one/d, compensation: undo, after: [b, c], retry: {attempts: 1}}
`, sagatest.Scene{Cues: []sagatest.Cue{{When: "d doing", Do: sagatest.Cancel("changed plans")}}, Answers: map[string][]sagatest.Answer{"d": {{After: 3 * time.Second}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := sagatest.Inject(t, declared(t, test.text), test.scene, sagatest.Faults{Runs: 800})
			require.Positive(t, report.Ended["compensated"])
		})
	}
}

// TestInjectIntoFunctions: branches, people, errors that are dealt with, and steps behind
// the pivot.
func TestInjectIntoFunctions(t *testing.T) {
	t.Parallel()
	step := func(name, undo string, kind saga.Kind) saga.Step {
		return saga.Step{Name: name, Participant: name + "s", Command: "run", Compensation: undo, Kind: kind}
	}
	fn := func(c *code.Context, in trip) (ticket, error) {
		number := code.SideEffect(c, "number", func() string { return "T-1" })
		car := code.Go(c, func(c *code.Context) (ticket, error) {
			if _, err := code.Do[ticket](c, step("licence", "back", 0), in); err != nil {
				return ticket{}, err
			}
			return code.Do[ticket](c, step("car", "back", 0), in)
		})
		var failed *code.Failed
		if _, err := code.Do[ticket](c, step("hotel", "cancel", 0), number); errors.As(err, &failed) {
			if _, err := code.Do[ticket](c, step("hostel", "cancel", 0), number); err != nil {
				return ticket{}, err
			}
		} else if err != nil {
			return ticket{}, err
		}
		if _, err := car.Get(c); err != nil {
			return ticket{}, err
		}
		if _, err := code.Await[int](c, "paid", 30*24*time.Hour); err != nil {
			return ticket{}, err
		}
		for range 2 {
			if _, err := code.Do[ticket](c, step("ticket", "void", 0), in); err != nil {
				return ticket{}, err
			}
		}
		if _, err := code.Do[ticket](c, step("pay", "", saga.Pivot), in); err != nil {
			return ticket{}, err
		}
		_, err := code.Do[ticket](c, step("mail", "", 0), in)
		return ticket{number}, err
	}
	made, err := code.Func(saga.Definition{Name: "wide", Version: "r1"}, fn)
	require.NoError(t, err)
	report := sagatest.Inject(t, made, sagatest.Scene{
		Cues: []sagatest.Cue{{At: day, Do: sagatest.Signal("paid", 5)}},
	}, sagatest.Faults{Runs: 800, Invariant: func(p *sagatest.Played) error {
		if p.State.Status == saga.Completed && string(p.State.Extras().Output) != `{"Ref":"T-1"}` {
			return fmt.Errorf("the output is %s", p.State.Extras().Output)
		}
		return nil
	}})
	require.Positive(t, report.Ended["completed"])
	require.Positive(t, report.Ended["compensated"])
}

// TestInjectTells of the runs that are broken, how many, and how each is run again.
func TestInjectTells(t *testing.T) {
	t.Parallel()
	said := &caught{}
	scene := sagatest.Scene{Input: map[string]any{"cents": 5}}
	sagatest.Inject(said, orders(), scene, sagatest.Faults{Depth: 1, Invariant: func(p *sagatest.Played) error {
		if p.State.Status == saga.Compensated {
			return errors.New("orders are never given up")
		}
		return nil
	}})
	require.Contains(t, said.said, "do reserve 1 rejected\n  broken: your invariant: orders are never given up\n  what happened:\n    +0s        started")
	require.Contains(t, said.said, `run it again: sagatest.Faults{Only: "do reserve 1 rejected"}`)
	report := sagatest.Inject(t, orders(), scene, sagatest.Faults{Only: "do reserve 1 rejected"})
	require.Equal(t, map[string]int{"compensated": 1}, report.Ended)

	for want, faults := range map[string]sagatest.Faults{
		"want do or undo, a step": {Only: "do reserve rejected"}, "5 faults in one run: the most is 4": {Depth: 5},
	} {
		said := &caught{}
		require.PanicsWithError(t, errFatal.Error(), func() { sagatest.Inject(said, orders(), scene, faults) })
		require.Contains(t, said.said, want)
	}
	report = sagatest.Inject(said, orders(), scene, sagatest.Faults{Only: "do reserve 7 rejected"})
	require.Contains(t, report.Broken[0].String(), "the same each time: do reserve 7 rejected did not strike")
}
