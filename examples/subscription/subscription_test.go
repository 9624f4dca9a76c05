package subscription

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
	"github.com/unwindhq/unwind/sagatest"
)

func subscribe(t *testing.T) *saga.Code {
	t.Helper()
	made, err := code.Func(saga.Definition{Name: "subscribe", Version: "r1", Title: "Subscriptions"}, Subscribe)
	require.NoError(t, err)
	return made
}

func TestACustomerCancels(t *testing.T) {
	t.Parallel()
	played := sagatest.Play(t, subscribe(t), sagatest.Scene{
		Input: Subscription{Customer: "Ada", Cents: 900},
		Cues:  []sagatest.Cue{{At: 100 * 24 * time.Hour, Do: sagatest.Signal("cancel", nil)}},
		Expect: sagatest.Expect{
			Status: saga.Completed, Output: Ended{4, "cancelled"}, Took: 100 * 24 * time.Hour,
			Commands: []sagatest.Command{{Do: "charge"}, {Do: "charge", At: month}, {Do: "charge", At: 2 * month}, {Do: "charge", At: 3 * month}},
		},
	})
	for _, line := range played.Story {
		t.Log(line)
	}
}

func TestACustomerDoesNotPay(t *testing.T) {
	t.Parallel()
	tries := 0
	broke := sagatest.Input(func(in Subscription) bool { return in.Paid == 1 })
	sagatest.Play(t, subscribe(t), sagatest.Scene{
		Name: "a reminder helps", Input: Subscription{Customer: "Bob", Cents: 900},
		Answers: map[string][]sagatest.Answer{"charge": {sagatest.With(func(Subscription) sagatest.Answer {
			if tries++; tries == 2 {
				return sagatest.Answer{Reject: "no money"}
			}
			return sagatest.Answer{}
		})}},
		Cues:   []sagatest.Cue{{At: 2 * month, Do: sagatest.Signal("cancel", nil)}},
		Expect: sagatest.Expect{Status: saga.Completed, Output: Ended{2, "cancelled"}},
	})
	sagatest.Play(t, subscribe(t), sagatest.Scene{
		Name: "a reminder does not help", Input: Subscription{Customer: "Bob", Cents: 900},
		Answers: map[string][]sagatest.Answer{"charge": {{Reject: "no money", When: broke}, {}}},
		Expect: sagatest.Expect{
			Status: saga.Completed, Output: Ended{1, "not paid"}, Took: month + patience,
			Commands: []sagatest.Command{{Do: "charge"}, {Do: "charge", At: month}, {Do: "remind"}, {Do: "charge", At: month + patience}},
		},
	})
}

// Ten years of it, a run for each.
func TestTenYears(t *testing.T) {
	t.Parallel()
	in := Subscription{Customer: "Ada", Cents: 900}
	for n := range 10 {
		played := sagatest.Play(t, subscribe(t), sagatest.Scene{Input: in, Expect: sagatest.Expect{Status: saga.Completed, Took: year * month}})
		require.Less(t, len(played.History), 40)
		require.NoError(t, json.Unmarshal(played.Next.Data, &in))
		require.Equal(t, (n+1)*year, in.Paid)
	}
	sagatest.Play(t, subscribe(t), sagatest.Scene{
		Input: in, Cues: []sagatest.Cue{{At: 1, Do: sagatest.Signal("cancel", nil)}},
		Expect: sagatest.Expect{Status: saga.Completed, Output: Ended{121, "cancelled"}},
	})
}
