package sagatest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/saga/definition"
	"github.com/unwindhq/unwind/sagatest"
)

const order = `unwind: v1
saga: order
steps:
  - {step: reserve, command: stock/reserve, compensation: release}
  - {step: sign, when: "${input.cents > 100000}", approval: {by: group:desk, due: 30d}}
  - {step: charge, kind: pivot, command: cards/charge, input: {cents: "${input.cents}"}}
  - {step: mail, kind: retriable, command: mail/send}
`

// orders is the declared saga of the examples and tests.
func orders() *saga.Machine {
	file, err := definition.Load("order.yaml", []byte(order), definition.Options{})
	if err != nil {
		panic(err)
	}
	machine, err := saga.Compile(file.Definition)
	if err != nil {
		panic(err)
	}
	return machine
}

type (
	trip   struct{ Cents int }
	ticket struct{ Ref string }
)

// bookTrip is the saga of the examples and tests that is a function.
func bookTrip(c *code.Context, in trip) (ticket, error) {
	hotel := code.Start[ticket](c, saga.Step{Name: "hotel", Participant: "hotels", Command: "book", Compensation: "cancel"}, in)
	if _, err := code.Do[ticket](c, saga.Step{Name: "flight", Participant: "airline", Command: "reserve", Compensation: "release"}, in); err != nil {
		return ticket{}, err
	}
	if _, err := hotel.Get(c); err != nil {
		return ticket{}, err
	}
	c.Sleep(30 * 24 * time.Hour)
	return code.Do[ticket](c, saga.Step{Name: "pay", Participant: "cards", Command: "charge", Kind: saga.Pivot}, in.Cents)
}

func trips() *saga.Code {
	made, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1"}, bookTrip)
	if err != nil {
		panic(err)
	}
	return made
}

// printed is a test whose log is printed. In a test of yours it is t.
type printed struct{ failed bool }

func (*printed) Helper() {}

func (*printed) Logf(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

func (p *printed) Errorf(format string, args ...any) {
	p.failed = true
	p.Logf("%s", strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

func (p *printed) Fatalf(format string, args ...any) { p.Errorf(format, args...) }

// A declared saga: the desk takes twenty days to approve, and the card is declined.
func ExamplePlay() {
	played := sagatest.Play(&printed{}, orders(), sagatest.Scene{
		Input: map[string]any{"cents": 200_000},
		Answers: map[string][]sagatest.Answer{
			"reserve":      {{Output: map[string]any{"id": "R-1"}, After: time.Second}},
			"reserve/undo": {{Fail: "no line", Times: 2}, {}},
			"charge":       {{Reject: "declined", When: sagatest.Holds(map[string]any{"cents": 200_000})}},
		},
		Cues: []sagatest.Cue{
			{At: time.Hour, Do: sagatest.Approve("sign"), By: "user:bob", Groups: []string{"group:sales"}, Refused: "not-yours"},
			{At: 20 * 24 * time.Hour, Do: sagatest.Approve("sign"), By: "user:anna", Groups: []string{"group:desk"}},
		},
		Expect: sagatest.Expect{
			Status: saga.Compensated, Cause: "declined",
			Commands: []sagatest.Command{
				{Do: "reserve"},
				{Do: "charge", At: 20 * 24 * time.Hour},
				{Undo: "reserve"},
				{Undo: "reserve", Attempt: 2},
				{Undo: "reserve", Attempt: 3},
			},
			AtLeast: 20 * 24 * time.Hour,
		},
	})
	fmt.Println(played.State.Status, len(played.History), "events")
	// Output: compensated 9 events
}

// A saga that is a function, with a mock that is one.
func ExampleWith() {
	played := sagatest.Play(&printed{}, trips(), sagatest.Scene{
		Input: trip{Cents: 500},
		Answers: map[string][]sagatest.Answer{
			"flight": {{Output: ticket{"F-1"}, After: 5 * time.Second}},
			"pay": {sagatest.With(func(cents int) sagatest.Answer {
				return sagatest.Answer{Output: ticket{fmt.Sprintf("P-%d", cents)}}
			})},
		},
		Expect: sagatest.Expect{Status: saga.Completed, Output: ticket{"P-500"}, Commands: []sagatest.Command{{Do: "hotel"}, {Do: "flight"}, {Do: "pay"}}},
	})
	fmt.Println(played.Took)
	// Output: 720h0m5s
}

// What is not as expected is said with what happened.
func ExampleExpect() {
	sagatest.Play(&printed{}, trips(), sagatest.Scene{
		Name:    "the hotel is full",
		Answers: map[string][]sagatest.Answer{"hotel": {{Reject: "no rooms"}}},
		Expect:  sagatest.Expect{Status: saga.Completed},
	})
	// Output:
	// FAIL the hotel is full
	//   status: want completed, got compensated: hotel was rejected: no rooms
	//   what happened:
	//     +0s        started {}
	//                → do hotel {"Cents":0}
	//                → do flight {"Cents":0}
	//     +0s        rejected of do hotel: no rooms
	//     +0s        succeeded of do flight {}
	//                → undo flight {"Cents":0}
	//     +0s        succeeded of undo flight {}
	//     +0s        compensated: hotel was rejected: no rooms
}

// Every fault at every point, and two of them.
func ExampleInject() {
	report := sagatest.Inject(quiet{&printed{}}, trips(), sagatest.Scene{Input: trip{Cents: 500}}, sagatest.Faults{})
	fmt.Println(report.Runs, "runs,", report.NumBroken, "broken")
	fmt.Println(report.Struck["reply-lost"] > 0, report.Struck["crash-after-commit"] > 0, report.Struck["participant-away"] > 0)
	// Output:
	// 1716 runs, 0 broken
	// true true true
}

// A hundred worlds full of trouble, twenty sagas in each.
func ExampleSimulateOwn() {
	all := sagatest.SimulateOwn(quiet{&printed{}}, orders(), sagatest.Own{
		Input: func(draw *rand.Rand) any { return map[string]int{"cents": draw.IntN(200_000)} },
		Answers: map[string][]sagatest.Answer{
			"charge": {{Output: map[string]any{"receipt": "R-1"}}, {Reject: "declined"}, {Fail: "no line"}},
		},
		Invariant: func(p *sagatest.Played) error {
			if p.State.Status == saga.Completed && !p.State.PivotSent {
				return errors.New("nobody has paid")
			}
			return nil
		},
	})
	fmt.Println(all.Worlds, "worlds,", len(all.Broken), "broken;", all.Completed > 500, all.Compensated > 500, all.Virtual > 20*24*time.Hour)
	// Output: 100 worlds, 0 broken; true true true
}

// quiet is a test that says nothing.
type quiet struct{ *printed }

func (quiet) Logf(string, ...any) {}
