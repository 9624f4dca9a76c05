package rest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
)

// whoWhy is the saga that is explained.
const whoWhy = "0190a1b2-c3d4-7e5f-8a9b-000000000001"

// whyDue is when what it waits for is over.
var whyDue = at.Add(30 * time.Second)

// reserveIs is a saga whose first step is in a phase.
func reserveIs(phase saga.Phase) func(*saga.State) {
	return func(s *saga.State) { s.Steps[0] = saga.StepState{Phase: phase, Epoch: 1, Attempt: 2, Due: whyDue} }
}

// chargeIs is a saga whose pivot is in a phase.
func chargeIs(phase saga.Phase) func(*saga.State) {
	return func(s *saga.State) {
		s.Steps[0].Phase, s.Steps[1] = saga.Done, saga.StepState{Phase: phase, Epoch: 1, Attempt: 5, Due: whyDue}
	}
}

// claimIs is a saga that waits at a step.
func claimIs(n int, phase saga.Phase, attempt int) func(*saga.State) {
	return func(s *saga.State) {
		s.Definition, s.Steps = "claim", []saga.StepState{{Phase: saga.Done}, {}, {}}
		s.Steps[n] = saga.StepState{Phase: phase, Attempt: attempt, Due: whyDue}
	}
}

// whys are sagas, and what is said of them.
var whys = map[string]struct {
	change func(*saga.State)
	events []saga.Event
	holds  []hold.Hold
	want   []client.Reason
}{
	"a reply": {
		change: reserveIs(saga.Doing),
		events: []saga.Event{{At: at, Sent: []saga.Sent{{Step: saga.StepRef{Name: "reserve"}, Direction: saga.Do}}}},
		want: []client.Reason{{
			Step: "reserve", Why: "reserve waits for an answer of flights, which was asked to reserve at 2026-03-01 12:00:00Z, attempt 2.",
			Moves: "The answer. Without one by 2026-03-01 12:00:30Z it is asked again, as long as the brokers are reached.",
		}},
	},
	"the last attempt": {
		change: func(s *saga.State) { reserveIs(saga.Doing)(s); s.Steps[0].Attempt = 5 },
		want: []client.Reason{{
			Step: "reserve", Why: "reserve waits for an answer of flights, which was asked to reserve, attempt 5.",
			Moves: "The answer. Without one by 2026-03-01 12:00:30Z the step may have run, and the saga turns back.",
		}},
	},
	"a pivot is asked for ever": {
		change: chargeIs(saga.Doing),
		want: []client.Reason{{
			Step: "charge", Why: "charge waits for an answer of payments, which was asked to charge, attempt 5.",
			Moves: "The answer. Without one by 2026-03-01 12:00:30Z it is asked again, as long as the brokers are reached.",
		}},
	},
	"its next attempt": {
		change: reserveIs(saga.Resting),
		want: []client.Reason{{
			Step: "reserve", Why: "reserve has failed at attempt 2 and rests.", Moves: "The next attempt at 2026-03-01 12:00:30Z. Now: unwind saga retry " + whoWhy + " reserve",
		}},
	},
	"an undo": {
		change: func(s *saga.State) {
			reserveIs(saga.Undoing)(s)
			s.Status, s.Cause = saga.Compensating, "charge was refused: no money"
		},
		want: []client.Reason{
			{Why: "It turns back: charge was refused: no money."},
			{
				Step: "reserve", Why: "The undo of reserve waits for an answer of flights, which was asked to release, attempt 2.",
				Moves: "The answer. Without one by 2026-03-01 12:00:30Z it is asked again, as long as the brokers are reached.",
			},
		},
	},
	"a breaker": {
		change: chargeIs(saga.Held),
		want: []client.Reason{{
			Step: "charge", Why: "charge may not be sent: the breaker of payments (do) is open since 2026-03-01 11:57:00Z, 10 of 20 outcomes were failures.",
			Moves: "The participant: a probe finds out by itself when it answers again; unwind breaker show payments",
		}},
	},
	"a limit": {
		change: reserveIs(saga.Held),
		want: []client.Reason{{
			Step: "reserve", Why: "reserve may not be sent yet: flights is asked no more at once than it may be, or its owner has not taken it over.",
			Moves: "Its turn; unwind breaker show flights",
		}},
	},
	"a hold": {
		change: chargeIs(saga.Held),
		holds:  []hold.Hold{{Target: hold.Target{Kind: hold.Participant, Name: "payments"}, Held: true, Actor: "operator:ann", Reason: "the bank moves", At: at}},
		want: []client.Reason{{
			Step: "charge", Why: "charge may not be sent: participant payments is held by operator:ann since 2026-03-01 12:00:00Z (the bank moves).", Moves: "unwind release participant payments",
		}},
	},
	"the hold of its definition": {
		change: chargeIs(saga.Held),
		holds:  []hold.Hold{{Target: hold.Target{Kind: hold.Definition, Namespace: "default", Name: "bookTrip"}, Held: true, Actor: "operator:ann", At: at}},
		want: []client.Reason{{
			Step: "charge", Why: "charge may not be sent: definition bookTrip of default is held by operator:ann since 2026-03-01 12:00:00Z.", Moves: "unwind release definition bookTrip --namespace default",
		}},
	},
	"the hold of its namespace": {
		change: chargeIs(saga.Held),
		holds:  []hold.Hold{{Target: hold.Target{Kind: hold.Namespace, Namespace: "default", Name: "default"}, Held: true, Actor: "operator:ann", At: at}},
		want: []client.Reason{{
			Step: "charge", Why: "charge may not be sent: namespace default is held by operator:ann since 2026-03-01 12:00:00Z.", Moves: "unwind release namespace --namespace default",
		}},
	},
	"its operator": {
		change: func(s *saga.State) { s.Paused, s.Steps[0].Phase = at, saga.Done },
		events: []saga.Event{{At: at, Kind: saga.Paused, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, Reason: "the bank asks"}},
		want: []client.Reason{{
			Why: "It is paused since 2026-03-01 12:00:00Z by operator:ann (the bank asks): nothing is sent, answers are taken.", Moves: "unwind saga resume " + whoWhy,
		}},
	},
	"its operator alone": {
		change: func(s *saga.State) {
			chargeIs(saga.Held)(s)
			s.Paused = at
		},
		want: []client.Reason{{
			Why: "It is paused since 2026-03-01 12:00:00Z: nothing is sent, answers are taken.", Moves: "unwind saga resume " + whoWhy,
		}},
	},
	"a lock": {
		change: func(s *saga.State) {
			s.Steps[0].Phase = saga.Waiting
			s.Own().Locks = &saga.Locks{Keys: []saga.LockKey{{Key: "a7", Granted: true}, {Key: "a8"}}, Due: whyDue}
		},
		want: []client.Reason{{
			Why:   "It waits for the key a8, which saga 07000000-0000-0000-0000-000000000000 has; 3 come before it.",
			Moves: "The holder's end: unwind saga why 07000000-0000-0000-0000-000000000000. At 2026-03-01 12:00:30Z it turns back",
		}},
	},
	"a signal": {
		change: claimIs(0, saga.Awaiting, 1),
		want: []client.Reason{{
			Step: "paid", Why: "paid waits for the signal paid.", Moves: "unwind saga signal " + whoWhy + " paid. Without it, it goes on at 2026-03-01 12:00:30Z, timed out",
		}},
	},
	"an approval": {
		change: claimIs(1, saga.Asking, 1),
		want: []client.Reason{{
			Step: "sign", Why: "sign waits for the approval of group:desk.",
			Moves: "unwind saga approve " + whoWhy + " sign, or refuse, which turns it back. At 2026-03-01 12:00:30Z user:ann may decide as well",
		}},
	},
	"an approval that was escalated": {
		change: claimIs(1, saga.Asking, 2),
		want: []client.Reason{{
			Step: "sign", Why: "sign waits for the approval of group:desk or user:ann.",
			Moves: "unwind saga approve " + whoWhy + " sign, or refuse, which turns it back. Without a decision by 2026-03-01 12:00:30Z it turns back",
		}},
	},
	"attention": {
		change: func(s *saga.State) {
			chargeIs(saga.Resting)(s)
			s.PivotSent = true
			s.Attention = []saga.Attention{{Reason: saga.PivotUnknown, Step: "charge", Text: "no answer after 5 attempts"}}
		},
		want: []client.Reason{
			{
				Step: "charge", Why: "It needs attention: pivot-unknown: no answer after 5 attempts.",
				Moves: "It goes on asking. Find out whether it has happened: if so, resolve it with its output; if the participant can be asked again now, retry: unwind saga VERB " + whoWhy + " charge",
			},
			{Step: "charge", Why: "charge has failed at attempt 5 and rests.", Moves: "The next attempt at 2026-03-01 12:00:30Z. Now: unwind saga retry " + whoWhy + " charge"},
		},
	},
	"attention of what takes nothing": {
		change: func(s *saga.State) {
			chargeIs(saga.Resting)(s)
			s.Attention = []saga.Attention{{Reason: saga.TransitionFailed, Step: "charge", Text: "panic in the code: no map"}}
		},
		want: []client.Reason{{
			Step: "charge", Why: "It needs attention: transition-failed: panic in the code: no map.",
			Moves: "It takes no messages until somebody acts: retry tells it again what it could not take, cancel turns it back, terminate ends it as it is: unwind saga VERB " + whoWhy,
		}},
	},
	"its time": {
		change: func(s *saga.State) {
			s.Steps[0].Phase = saga.Waiting
			s.Own().Begin, s.Deadline = whyDue, whyDue.Add(time.Hour)
		},
		want: []client.Reason{
			{Why: "Its first steps begin at 2026-03-01 12:00:30Z, as was asked for when it was started.", Moves: "The time."},
			{Why: "It turns back at 2026-03-01 13:00:30Z if its pivot was not sent by then."},
		},
	},
	"nothing": {
		change: func(s *saga.State) { s.Steps[0].Phase = saga.Done },
		want:   []client.Reason{{Why: "It waits for nothing: it is about to go on."}},
	},
	"its end": {
		change: func(s *saga.State) { s.Status, s.Cause = saga.Compensated, "no money" },
		want: []client.Reason{{
			Why: "It is compensated since 2026-03-01 12:00:00Z: no money.", Moves: "Nothing more happens to it. To do it again: unwind saga restart " + whoWhy,
		}},
	},
	"terminated": {
		change: func(s *saga.State) { s.Status = saga.Abandoned },
		events: []saga.Event{{At: at, Kind: saga.Terminated, Actor: saga.Actor{Kind: saga.Operator, Name: "ann"}, Reason: "bankrupt"}},
		want: []client.Reason{{
			Why: "It is abandoned since 2026-03-01 12:00:00Z by operator:ann (bankrupt).", Moves: "Nothing more happens to it; unwind saga show says which effects are left alive.",
		}},
	},
}

// TestWhy: each thing that a saga may wait for is said in a sentence, with what would
// move it on.
func TestWhy(t *testing.T) {
	t.Parallel()
	for name, c := range whys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.events = c.events
			server, _ := w.serve(t, func(config *rest.Config) { config.Holds = &held{list: c.holds} })
			asked, err := client.New(client.Config{URL: server.URL})
			require.NoError(t, err)
			got, err := asked.Why(t.Context(), w.add(c.change).String())
			require.NoError(t, err)
			require.Equal(t, c.want, got.Reasons)
		})
	}
}
