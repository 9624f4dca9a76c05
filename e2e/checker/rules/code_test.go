package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// wholeOfCode is the run of whole, of sagas that are code: what they have asked for is
// told by their events alone.
func wholeOfCode() rules.Run {
	r := whole()
	r.Definitions = map[rules.Pin]rules.Definition{trip: {Code: true}}
	flight, hotel := "do:flight flights/book undo cancel", "do:hotel hotels/book undo cancel"
	for i, asked := range []string{flight, hotel, "pivot:payment payments/book", "do:mail mails/book", "return"} {
		event(&r, happy, int64(i+1)).Asked = []string{asked}
	}
	for seq, asked := range map[int64]string{1: flight, 2: hotel, 4: "pivot:payment payments/book", 5: "fail"} {
		event(&r, sad, seq).Asked = []string{asked}
	}
	return r
}

// TestSagasThatAreCode: what holds of them, and what is said of a run in which one thing
// is wrong.
func TestSagasThatAreCode(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(wholeOfCode()))
	for name, test := range map[string]struct {
		spoil   func(*rules.Run)
		finding string
	}{
		"an effect is there twice":    {func(r *rules.Run) { r.Effects = append(r.Effects, *effect(r, "hotel", rules.Do)) }, "I2: saga " + sad + ": hotel/do was done twice by hotels"},
		"an effect is left":           {dropEffect("hotel", rules.Undo), "I2: saga " + sad + ": it is compensated, and the effect of hotel is left"},
		"sent and not asked for":      {func(r *rules.Run) { event(r, happy, 2).Asked = nil }, "I8: saga " + happy + ": event 2 sends hotel/do, and there is no such step"},
		"done before it had failed":   {func(r *rules.Run) { event(r, sad, 5).Asked = nil }, "I3: saga " + sad + ": event 5 undoes hotel, which is done, and the saga goes forward"},
		"it goes on in reverse":       {func(r *rules.Run) { event(r, sad, 6).Asked = []string{"do:more mails/book"} }, "I3: saga " + sad + ": event 6 asks for do:more mails/book, and the saga goes in reverse"},
		"it goes on after its end":    {func(r *rules.Run) { event(r, happy, 5).Asked = []string{"return", "do:more mails/book"} }, "I8: saga " + happy + ": event 5 asks for do:more mails/book, and the function had returned"},
		"not returned, and completed": {func(r *rules.Run) { event(r, happy, 5).Asked = nil }, "I8: saga " + happy + ": it is stored as completed, and its history says running"},
		"undone before its turn": {func(r *rules.Run) {
			e := event(r, sad, 5)
			e.Sent = append([]rules.Sent{sent("flight", rules.Undo, 1)}, e.Sent...)
		}, "I3: saga " + sad + ": event 5 undoes flight before its turn: what came after it is not undone yet"},
		"a refused step is undone": {func(r *rules.Run) { event(r, sad, 5).Sent = []rules.Sent{sent("payment", rules.Undo, 1)} }, "I3: saga " + sad + ": event 5 undoes payment, which is refused"},
		"done twice": {func(r *rules.Run) {
			e := event(r, happy, 3)
			e.Sent = append(e.Sent, sent("flight", rules.Do, 2))
		}, "I3: saga " + happy + ": event 3 does flight, which is done"},
		"another participant": {func(r *rules.Run) { event(r, happy, 2).Asked[0] = "do:hotel inns/book undo cancel" }, "I8: saga " + happy + ": event 2 sends hotel/do to hotels instead of inns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wholeOfCode()
			test.spoil(&r)
			var found []string
			for _, f := range rules.Check(r) {
				found = append(found, f.String())
			}
			require.Contains(t, found, test.finding)
		})
	}
}

// askingCode is a function that waits for a decision and for a signal, begins a child and
// goes on in another run; a second one is turned back with its child.
func askingCode() rules.Run {
	const child, other = "00000000-0000-4000-8000-0000000000c1", "00000000-0000-4000-8000-0000000000c2"
	family := func(parent string) *rules.Family { return &rules.Family{Parent: parent, Step: "ship"} }
	return rules.Run{
		Definitions: map[rules.Pin]rules.Definition{trip: {Code: true}, {Name: "ship"}: {}},
		Sagas: []rules.Saga{
			{ID: happy, Pin: trip, Status: rules.Completed, Seq: 4},
			{ID: child, Pin: rules.Pin{Name: "ship"}, Status: rules.Completed, Seq: 1},
			{ID: sad, Pin: trip, Status: rules.Compensated, Seq: 3},
			{ID: other, Pin: rules.Pin{Name: "ship"}, Status: rules.Compensated, Seq: 2},
		},
		Events: []rules.Event{
			{Saga: happy, Seq: 1, At: at(1), Kind: rules.Started, Asked: []string{"approval:sign"}},
			{Saga: happy, Seq: 2, At: at(2), Kind: rules.Decided, Step: "sign", Outcome: rules.Rejected, Asked: []string{"await:paid", "child:ship ship"}},
			{Saga: happy, Seq: 3, At: at(3), Kind: rules.Signalled, Signal: "paid"},
			{Saga: happy, Seq: 4, At: at(4), Kind: rules.ChildEnded, Step: "ship", Outcome: rules.Succeeded, Asked: []string{"continue"}},
			{Saga: child, Seq: 1, At: at(3), Kind: rules.Started, Family: family(happy)},
			{Saga: sad, Seq: 1, At: at(1), Kind: rules.Started, Asked: []string{"child:ship ship"}},
			{Saga: sad, Seq: 2, At: at(2), Kind: rules.Cancelled},
			{Saga: sad, Seq: 3, At: at(4), Kind: rules.ChildEnded, Step: "ship", Outcome: rules.Rejected},
			{Saga: other, Seq: 1, At: at(1), Kind: rules.Started, Family: family(sad)},
			{Saga: other, Seq: 2, At: at(3), Kind: rules.Reversed},
		},
	}
}

// TestCodeThatWaitsAndHasChildren: waits and children of functions are judged, too.
func TestCodeThatWaitsAndHasChildren(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(askingCode()))
	for name, test := range map[string]struct {
		spoil   func(*rules.Run)
		finding string
	}{
		"a decision that nobody asked for": {func(r *rules.Run) { event(r, happy, 1).Asked = []string{"sleep:sign"} }, "I8: saga " + happy + ": event 2 decides sign, which is no approval"},
		"it continued, and asks for more":  {func(r *rules.Run) { event(r, happy, 4).Asked = []string{"continue", "sleep:sleep"} }, "I8: saga " + happy + ": event 4 asks for sleep:sleep, and the function had returned"},
		"another child":                    {func(r *rules.Run) { event(r, happy, 2).Asked[1] = "child:ship sail" }, "I7: saga " + idOf(2) + ": it is a child of saga " + happy + ", whose step ship does not begin it"},
		"a child left completed":           {func(r *rules.Run) { r.Sagas[3].Status = rules.Completed }, "I3: saga " + sad + ": it is compensated, and its child " + idOf(4) + " is completed"},
		"compensated before its child":     {func(r *rules.Run) { event(r, sad, 3).Outcome = rules.Failed }, "I8: saga " + sad + ": it is stored as compensated, and its history says compensating"},
		"completed before its child": {func(r *rules.Run) {
			event(r, happy, 4).Kind = rules.Woke
		}, "I8: saga " + happy + ": it is stored as completed, and its history says running"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := askingCode()
			test.spoil(&r)
			var found []string
			for _, f := range rules.Check(r) {
				found = append(found, f.String())
			}
			require.Contains(t, found, test.finding)
		})
	}
}

// idOf is the id of the nth saga of askingCode.
func idOf(n int) string { return askingCode().Sagas[n-1].ID }

// Steps that a function wants to be undone together may be undone in any order.
func TestCodeThatIsUndoneTogether(t *testing.T) {
	t.Parallel()
	r := wholeOfCode()
	e := event(&r, sad, 5)
	e.Sent = append([]rules.Sent{sent("flight", rules.Undo, 1)}, e.Sent...)
	require.NotEmpty(t, rules.Check(r))
	first := event(&r, sad, 1)
	first.Asked = append([]string{"together"}, first.Asked...)
	for _, f := range rules.Check(r) {
		require.NotContains(t, f.String(), "before its turn")
	}
}
