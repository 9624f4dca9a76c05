package sagatest_test

import (
	"bytes"
	"fmt"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

// lend is a saga that waits: for somebody's approval, and for the book.
func lend(c *code.Context, in trip) (ticket, error) {
	if _, err := code.Approve(c, "allow", saga.Approval{By: []string{"group:library"}, Due: 48 * time.Hour}); err != nil {
		return ticket{}, err
	}
	if _, err := code.Do[ticket](c, saga.Step{Name: "hand", Participant: "desk", Command: "hand", Compensation: "fetch"}, in); err != nil {
		return ticket{}, err
	}
	return code.Await[ticket](c, "returned", 30*24*time.Hour)
}

func mustFunc[In, Out any](fn func(*code.Context, In) (Out, error)) *saga.Code {
	made, err := code.Func(saga.Definition{Name: "example", Version: "r1"}, fn)
	if err != nil {
		panic(err)
	}
	return made
}

// Somebody approves as soon as it is asked for, and the signal comes after three weeks,
// which take no time.
func ExampleSignal() {
	played := sagatest.Play(&printed{}, mustFunc(lend), sagatest.Scene{
		Cues: []sagatest.Cue{
			{When: "allow asking", Do: sagatest.Approve("allow"), By: "user:anna", Groups: []string{"group:library"}},
			{At: 21 * 24 * time.Hour, Do: sagatest.Signal("returned", ticket{"B-7"})},
		},
		Expect: sagatest.Expect{Status: saga.Completed, Output: ticket{"B-7"}, Took: 21 * 24 * time.Hour},
	})
	fmt.Println(played.State.Status)
	// Output: completed
}

// It is not returned: after thirty days what was lent is fetched, whose first attempts
// fail.
func ExampleAnswer() {
	played := sagatest.Play(&printed{}, mustFunc(lend), sagatest.Scene{
		Answers: map[string][]sagatest.Answer{
			"hand":      {{Silent: true}, {Output: ticket{"B-7"}, After: 5 * time.Second, When: sagatest.Attempt(2)}},
			"hand/undo": {{Fail: "nobody is there", Times: 2}, {}},
		},
		Cues:   []sagatest.Cue{{When: "allow asking", Do: sagatest.Approve("allow"), By: "user:anna", Groups: []string{"group:library"}}},
		Expect: sagatest.Expect{Status: saga.Compensated, Cause: "did not come in time", AtLeast: 30 * 24 * time.Hour},
	})
	for _, sent := range played.Sent {
		fmt.Println(sent.ID.Direction, sent.ID.Step.Name, sent.Attempt)
	}
	// Output:
	// do hand 1
	// do hand 2
	// undo hand 1
	// undo hand 2
	// undo hand 3
}

// A property: whatever the participants answer, no trip is left in between. In a test of
// yours rapid.Check draws, and finds the smallest that breaks it.
func ExamplePlay_property() {
	answers := rapid.SliceOfN(rapid.SampledFrom([]sagatest.Answer{
		{}, {Reject: "no"}, {Fail: "no line"}, {Silent: true}, {After: time.Minute},
	}), 1, 4)
	ended := map[saga.Status]bool{}
	for draw := range 60 {
		played := sagatest.Play(&printed{}, trips(), sagatest.Scene{
			Input: trip{Cents: 500}, Until: 31 * 24 * time.Hour,
			Answers: map[string][]sagatest.Answer{"hotel": answers.Example(draw), "flight": answers.Example(60 + draw), "pay": answers.Example(120 + draw)},
		})
		if !played.State.Status.Ended() && len(played.State.Attention) == 0 {
			fmt.Println("it stands still, and nobody knows:", played.Story)
		}
		ended[played.State.Status] = true
	}
	fmt.Println(ended[saga.Completed], ended[saga.Compensated])
	// Output: true true
}

// The history of yesterday's function, run again by today's: it has become shorter, and
// would break every trip that is under way.
func ExampleReplayed() {
	var kept bytes.Buffer // a file beside your code, or what node.Replay has recorded
	played := sagatest.Play(&printed{}, trips(), sagatest.Scene{Input: trip{Cents: 500}, Until: time.Hour})
	if err := played.Record(&kept); err != nil {
		panic(err)
	}
	files := fstest.MapFS{"testdata/trips.ndjson": {Data: kept.Bytes()}}

	sagatest.Replayed(&printed{}, files, "testdata/*.ndjson", trips())
	fmt.Println("the same function does the same")

	changed, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1"}, func(c *code.Context, in trip) (ticket, error) {
		return code.Do[ticket](c, saga.Step{Name: "pay", Participant: "cards", Command: "charge", Kind: saga.Pivot}, in.Cents)
	})
	if err != nil {
		panic(err)
	}
	sagatest.Replayed(&printed{}, files, "testdata/*.ndjson", changed)
	// Output:
	// the same function does the same
	// saga 019b76da-a800-7a11-8a9b-0c1d2e3f4a5b, bookTrip r1: event 1 was do:hotel hotels/book undo cancel, the code now wants pivot:pay cards/charge
}

// Scenes in YAML, as unwind def test plays them.
func ExampleScripts() {
	files := fstest.MapFS{"order.yaml": {Data: []byte(order)}, "order.test.yaml": {Data: []byte(`unwind: v1
definition: order.yaml
given:
  input: {cents: 500}
scenes:
  - scene: the card is declined
    answers: {charge: {reject: no money}}
    expect: {status: compensated, cause: no money}
  - scene: nothing is in stock
    answers: {reserve: {reject: sold out}}
    expect: {status: completed}
`)}}
	sagatest.Scripts(&printed{}, files, "*.test.yaml")
	// Output:
	// FAIL order.test.yaml:9 nothing is in stock
	//   order.test.yaml:11: status: want completed, got compensated: reserve was rejected: sold out
	//   what happened:
	//     +0s        started {"cents":500}
	//                → do reserve {"cents":500}
	//     +0s        rejected of do reserve: sold out
	//     +0s        compensated: reserve was rejected: sold out
}
