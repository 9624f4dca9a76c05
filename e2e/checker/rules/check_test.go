package rules_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

const (
	happy = "01900000-0000-7000-8000-000000000001" // completed
	sad   = "01900000-0000-7000-8000-000000000002" // compensated, after a retry and a refusal
	nobod = "01900000-0000-7000-8000-00000000000f"
)

var (
	trip  = rules.Pin{Namespace: "default", Name: "trip", Version: "r1"}
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func policy(attempts int) rules.Policy {
	return rules.Policy{Timeout: 10 * time.Second, Backoff: time.Second, Cap: time.Minute, Attempts: attempts}
}

// definition: a flight, then a hotel, then a payment of which there is no way back,
// then perhaps a mail.
func definition() rules.Definition {
	return rules.Definition{Steps: []rules.Step{
		{Name: "flight", Participant: "flights", Kind: rules.Compensable, After: []string{}, Compensation: "cancel", Do: policy(2), Undo: policy(3)},
		{Name: "hotel", Participant: "hotels", Kind: rules.Compensable, After: []string{"flight"}, Compensation: "cancel", Do: policy(2), Undo: policy(3)},
		{Name: "payment", Participant: "payments", Kind: rules.Pivot, After: []string{"hotel"}, Do: policy(2)},
		{Name: "mail", Participant: "mails", Kind: rules.Retriable, After: []string{"payment"}, Conditional: true, Do: policy(0)},
	}}
}

var participants = map[string]string{"flight": "flights", "hotel": "hotels", "payment": "payments", "mail": "mails"}

func sent(step, direction string, attempt int) rules.Sent {
	name := "book"
	if direction == rules.Undo {
		name = "cancel"
	}
	return rules.Sent{Step: step, Direction: direction, Participant: participants[step], Name: name, Attempt: attempt, Hash: 7}
}

func reply(step, direction string, attempt int, outcome string) rules.Event {
	epoch := 1
	if direction == rules.Undo {
		epoch = 2
	}
	return rules.Event{Kind: rules.Replied, Step: step, Direction: direction, Attempt: attempt, Epoch: epoch, Outcome: outcome, From: participants[step]}
}

// add adds a saga with its history: all that would be left behind had it run.
func add(r *rules.Run, id string, status int, events ...rules.Event) {
	for i, e := range events {
		e.Saga, e.Seq = id, int64(i+1)
		if e.At.IsZero() {
			e.At = at(float64(i))
		}
		r.Events = append(r.Events, e)
		if e.Kind == rules.Replied {
			r.Replies[rules.Reply{Saga: id, Step: e.Step, Direction: e.Direction, Attempt: e.Attempt, Epoch: e.Epoch, Outcome: e.Outcome}] = true
		}
		if e.Outcome == rules.Succeeded {
			r.Effects = append(r.Effects, rules.Effect{Participant: e.From, Saga: id, Step: e.Step, Direction: e.Direction, At: e.At})
		}
		for _, s := range e.Sent {
			publish(r, id, s)
		}
	}
	r.Sagas = append(r.Sagas, rules.Saga{ID: id, Pin: trip, Status: status, Seq: int64(len(events))})
	r.Keys = append(r.Keys, rules.Key{Namespace: "default", Key: "key of " + id, Saga: id})
	r.Starts = append(r.Starts, rules.Start{Key: "key of " + id, ID: id})
}

func publish(r *rules.Run, id string, s rules.Sent) {
	epoch := 1
	if s.Direction == rules.Undo {
		epoch = 2
	}
	r.Commands = append(r.Commands, rules.Command{
		Place: rules.Place{Topic: s.Participant, Offset: int64(len(r.Commands))}, Saga: id, Step: s.Step, Direction: s.Direction,
		Participant: s.Participant, Name: s.Name, Attempt: s.Attempt, Epoch: epoch, Hash: s.Hash,
	})
}

func with(e rules.Event, sent ...rules.Sent) rules.Event {
	e.Sent = sent
	return e
}

func from(e rules.Event, seconds float64) rules.Event {
	e.At = at(seconds)
	return e
}

// begun is a run in which nothing has happened.
func begun() rules.Run {
	return rules.Run{
		Definitions: map[rules.Pin]rules.Definition{trip: definition()}, Topics: true, Replies: map[rules.Reply]bool{},
		Ledgers: map[string]bool{"flights": true, "hotels": true, "payments": true, "mails": true}, Records: map[rules.Place]rules.Digest{},
		NoDeadLetters: true,
	}
}

// whole is a run of two sagas of which all holds.
func whole() rules.Run {
	r := begun()
	add(
		&r, happy, rules.Completed,
		with(rules.Event{Kind: rules.Started}, sent("flight", rules.Do, 1)),
		with(reply("flight", rules.Do, 1, rules.Succeeded), sent("hotel", rules.Do, 1)),
		with(reply("hotel", rules.Do, 1, rules.Succeeded), sent("payment", rules.Do, 1)),
		with(reply("payment", rules.Do, 1, rules.Succeeded), sent("mail", rules.Do, 1)),
		reply("mail", rules.Do, 1, rules.Succeeded),
	)
	add(
		&r, sad, rules.Compensated,
		with(rules.Event{Kind: rules.Started}, sent("flight", rules.Do, 1)),
		from(with(reply("flight", rules.Do, 1, rules.Succeeded), sent("hotel", rules.Do, 1)), 1),
		from(with(rules.Event{Kind: rules.Woke}, sent("hotel", rules.Do, 2)), 11),
		from(with(reply("hotel", rules.Do, 1, rules.Succeeded), sent("payment", rules.Do, 1)), 12),
		from(with(reply("payment", rules.Do, 1, rules.Rejected), sent("hotel", rules.Undo, 1)), 13),
		from(reply("hotel", rules.Undo, 1, rules.Failed), 14),
		from(with(rules.Event{Kind: rules.Woke}, sent("hotel", rules.Undo, 2)), 15),
		from(with(reply("hotel", rules.Undo, 2, rules.Succeeded), sent("flight", rules.Undo, 1)), 16),
		from(reply("flight", rules.Undo, 1, rules.Succeeded), 17),
	)
	return r
}

func TestAllHolds(t *testing.T) {
	t.Parallel()
	require.Empty(t, rules.Check(whole()))
	require.Empty(t, rules.Check(rules.Run{}))
}

// event finds an event to spoil.
func event(r *rules.Run, saga string, seq int64) *rules.Event {
	return &r.Events[slices.IndexFunc(r.Events, func(e rules.Event) bool { return e.Saga == saga && e.Seq == seq })]
}

func dropEffect(step, direction string) func(*rules.Run) {
	return func(r *rules.Run) {
		r.Effects = slices.DeleteFunc(r.Effects, func(e rules.Effect) bool {
			return e.Saga == sad && e.Step == step && e.Direction == direction
		})
	}
}

func effect(r *rules.Run, step, direction string) *rules.Effect {
	return &r.Effects[slices.IndexFunc(r.Effects, func(e rules.Effect) bool {
		return e.Saga == sad && e.Step == step && e.Direction == direction
	})]
}
