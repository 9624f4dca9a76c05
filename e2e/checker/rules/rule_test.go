package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/e2e/checker/rules"
)

// spoilt are runs in which one thing is wrong, and what must be said of it.
var spoilt = []struct {
	name    string
	spoil   func(*rules.Run)
	finding string
}{
	{
		"a start was acknowledged and lost", func(r *rules.Run) { r.Starts = append(r.Starts, rules.Start{ID: nobod}) },
		"I1: saga " + nobod + ": its start was acknowledged (key \"\"), and there is no such saga",
	},
	{"a saga hangs", func(r *rules.Run) {
		r.Sagas[0].Status, r.Sagas[0].Seq, r.Events = rules.Running, 4, append(r.Events[:4:4], r.Events[5:]...)
	}, "I1: saga " + happy + ": it is still running and needs no attention"},
	{"key kept", func(r *rules.Run) { r.Taken = []string{sad} }, "I11: saga " + sad + ": it has ended, and its business key is still taken"},
	{"messages wait", func(r *rules.Run) { r.Mail = []string{sad} }, "I1: saga " + sad + ": messages wait beside it, and it needs no attention"},

	{
		"an effect is there twice", func(r *rules.Run) { r.Effects = append(r.Effects, *effect(r, "hotel", rules.Do)) },
		"I2: saga " + sad + ": hotel/do was done twice by hotels",
	},
	{"an effect is missing", func(r *rules.Run) { r.Effects = r.Effects[1:] }, "I2: saga " + happy + ": flight succeeded, and its effect is not there"},
	{"an effect is left", dropEffect("hotel", rules.Undo), "I2: saga " + sad + ": it is compensated, and the effect of hotel is left"},
	{"undone, never done", func(r *rules.Run) {
		dropEffect("flight", rules.Do)(r)
		event(r, sad, 2).Outcome = rules.Failed
	}, "I2: saga " + sad + ": flight was undone, and never done"},
	{"a refused step has an effect", func(r *rules.Run) {
		r.Effects = append(r.Effects, rules.Effect{Participant: "payments", Saga: sad, Step: "payment", Direction: rules.Do, At: at(13)})
	}, "I2: saga " + sad + ": payment was refused, and its effect is there"},
	{"a completed saga was undone", func(r *rules.Run) {
		r.Effects = append(r.Effects, rules.Effect{Participant: "flights", Saga: happy, Step: "flight", Direction: rules.Undo, At: at(13)})
	}, "I2: saga " + happy + ": it is completed, and flight was undone"},

	{
		"undone in the order of doing", func(r *rules.Run) { effect(r, "flight", rules.Undo).At = at(15) },
		"I3: saga " + sad + ": flight was undone before hotel, which came after it",
	},
	{"done in another order", func(r *rules.Run) { effect(r, "hotel", rules.Do).At = at(0.5) }, "I3: saga " + sad + ": hotel was done before flight"},
	{"undone before it was done", func(r *rules.Run) { effect(r, "hotel", rules.Undo).At = at(2) }, "I3: saga " + sad + ": hotel was undone before it was done"},
	{"all undone at once", func(r *rules.Run) {
		e := event(r, sad, 5)
		e.Sent = append(e.Sent, sent("flight", rules.Undo, 1))
	}, "I3: saga " + sad + ": event 5 undoes flight before its turn: what came after it is not undone yet, or the saga goes forward"},
	{
		"undone without need", func(r *rules.Run) { event(r, sad, 5).Sent = []rules.Sent{sent("payment", rules.Undo, 1)} },
		"I3: saga " + sad + ": event 5 undoes payment, which is refused",
	},
	{"done in reverse", func(r *rules.Run) {
		e := event(r, sad, 5)
		e.Sent = append(e.Sent, sent("mail", rules.Do, 1))
	}, "I3: saga " + sad + ": event 5 does mail, and the saga goes in reverse"},
	{"done too early", func(r *rules.Run) {
		e := event(r, happy, 1)
		e.Sent = append(e.Sent, sent("payment", rules.Do, 1))
	}, "I3: saga " + happy + ": event 1 does payment before the steps that it comes after are over"},

	{"a command is missing", func(r *rules.Run) { r.Commands = r.Commands[1:] }, "I4: saga " + happy + ": flight/do, attempt 1 was sent by an event and is in no topic"},
	{
		"a command nobody sent", func(r *rules.Run) { publish(r, happy, sent("mail", rules.Do, 2)) },
		"I4: saga " + happy + ": mails/0 at offset 11 is mail/do, attempt 2, which no event has sent",
	},
	{"another payload", func(r *rules.Run) { r.Commands[0].Hash = 8 }, "I4: saga " + happy + ": flight/do, attempt 1 was published with another payload than it was sent with"},
	{
		"another command", func(r *rules.Run) { r.Commands[0].Name = "steal" },
		"I4: saga " + happy + ": flight/do, attempt 1 was sent as flights/book and published as flights/steal",
	},
	{
		"for no saga", func(r *rules.Run) { publish(r, nobod, sent("mail", rules.Do, 1)) },
		"I4: saga " + nobod + ": 1 commands were published for it, and there is no such saga",
	},
	{"an effect for no saga", func(r *rules.Run) {
		r.Effects = append(r.Effects, rules.Effect{Participant: "mails", Saga: nobod, Step: "mail", Direction: rules.Do, At: at(1)})
	}, "I4: saga " + nobod + ": mail/do was done by mails, and there is no such saga"},
	{"an effect that nobody asked for", func(r *rules.Run) {
		r.Effects = append(r.Effects, rules.Effect{Participant: "mails", Saga: sad, Step: "mail", Direction: rules.Do, At: at(20)})
	}, "I4: saga " + sad + ": mail/do was done by mails, and no event has sent it"},
	{"left to send", func(r *rules.Run) { r.Unsent = []string{"row 7"} }, "I4: left in an outbox: row 7"},

	{"out of order", func(r *rules.Run) {
		r.Commands[5], r.Commands[6] = r.Commands[6], r.Commands[5]
	}, "I5: saga " + sad + ": hotel/do, attempt 1, at offset 5 of hotels/0 lies behind a command that was sent after it"},
	{"in two partitions", func(r *rules.Run) { r.Commands[6].Place.Partition = 1 }, "I5: saga " + sad + ": its commands lie in partitions 0 and 1 of hotels"},

	{"a letter differs", func(r *rules.Run) {
		r.NoDeadLetters, r.Records[rules.Place{Topic: "x"}] = false, rules.Digest{1}
		r.Letters = []rules.Letter{{Where: "row 1", Source: rules.Place{Topic: "x"}, Digest: rules.Digest{2}}}
	}, "I6: row 1 differs from its record x/0 at offset 0"},

	{"a gap", func(r *rules.Run) { event(r, happy, 3).Seq = 4 }, "I7: saga " + happy + ": event 4 stands where event 3 belongs"},
	{"a row that is behind", func(r *rules.Run) { r.Sagas[0].Seq = 4 }, "I7: saga " + happy + ": its row is that of event 4, its history has 5"},
	{
		"started twice", func(r *rules.Run) { event(r, happy, 5).Kind = rules.Started },
		"I7: saga " + happy + ": event 5 is \"started\": a saga is started once, by its first event",
	},
	{"events of no saga", func(r *rules.Run) { r.Events = append(r.Events, rules.Event{Saga: nobod, Seq: 1}) }, "I7: saga " + nobod + ": 1 events, and no saga"},

	{"another status", func(r *rules.Run) { r.Sagas[0].Status = rules.Compensated }, "I8: saga " + happy + ": it is stored as compensated, and its history says completed"},
	{"ended too early", func(r *rules.Run) {
		r.Sagas[1].Seq, r.Events = 8, r.Events[:len(r.Events)-1]
	}, "I8: saga " + sad + ": it is stored as compensated, and its history says compensating"},
	{"no definition", func(r *rules.Run) { delete(r.Definitions, trip) }, "I8: saga " + happy + ": its definition trip r1 of default is not there"},

	{"a dead letter", func(r *rules.Run) { r.Letters = []rules.Letter{{Where: "row 1"}} }, "I10: row 1 is a dead letter"},

	{
		"a key with two sagas", func(r *rules.Run) { r.Starts[1].Key = r.Starts[0].Key },
		"I11: saga " + sad + ": key \"key of " + happy + "\" was acknowledged with saga " + happy + " as well",
	},
	{
		"a saga with two keys", func(r *rules.Run) { r.Keys = append(r.Keys, rules.Key{Key: "other", Saga: sad}) },
		"I11: saga " + sad + ": keys \"key of " + sad + "\" and \"other\" have started it",
	},
	{
		"a key that is gone", func(r *rules.Run) { r.Keys = r.Keys[1:] },
		"I11: saga " + happy + ": its key \"key of " + happy + "\" is not kept: a repeat would start another saga",
	},
	{
		"a key of no saga", func(r *rules.Run) { r.Keys = append(r.Keys, rules.Key{Key: "other", Saga: nobod}) },
		"I11: saga " + nobod + ": key \"other\" points to it, and there is no such saga",
	},

	{"a reply of an older epoch", func(r *rules.Run) {
		late := with(reply("hotel", rules.Do, 2, rules.Succeeded), sent("flight", rules.Undo, 1))
		late.Saga, late.Seq, late.At = sad, 8, at(16)
		*event(r, sad, 8) = late
	}, "I12: saga " + sad + ": event 8, a reply to hotel/do of epoch 1 that does not count, sends flight/undo"},
	{
		"an invented reply", func(r *rules.Run) { clear(r.Replies) },
		"I12: saga " + sad + ": event 2 is a reply that nobody gave: succeeded to flight/do, attempt 1, epoch 1",
	},
	{
		"an undo with the epoch of its do", func(r *rules.Run) { r.Commands[len(r.Commands)-1].Epoch = 1 },
		"I12: saga " + sad + ": flight/undo, attempt 1 was published with epoch 1, and its epoch is 2",
	},
	{"sent after the end", func(r *rules.Run) { event(r, sad, 9).Sent = nil; late(r) }, "I12: saga " + sad + ": event 10 sends commands, and the saga had ended"},

	{
		"woken too early", func(r *rules.Run) { event(r, sad, 3).At = at(10.9) },
		"I13: saga " + sad + ": event 3 (woke) does hotel again at 00:00:10.900000, which was not due before 00:00:11.000000",
	},
	{
		"no rest", func(r *rules.Run) { event(r, sad, 7).At = at(14.7) },
		"I13: saga " + sad + ": event 7 (woke) undoes hotel again at 00:00:14.700000, which was not due before 00:00:14.799999",
	},
	{
		"woken for our own outage", func(r *rules.Run) { event(r, sad, 3).Healthy = at(2) },
		"I13: saga " + sad + ": event 3 (woke) does hotel again at 00:00:11.000000, which was not due before 00:00:12.000000",
	},
	{"time goes back", func(r *rules.Run) { event(r, sad, 4).At = at(10) }, "I13: saga " + sad + ": time goes back from event 3 to event 4"},

	{"a burned attempt", func(r *rules.Run) { event(r, sad, 3).Sent[0].Attempt = 3 }, "I14: saga " + sad + ": event 3 sends attempt 3 of hotel/do after attempt 1"},
	{"left held", func(r *rules.Run) {
		e := event(r, happy, 5)
		e.Kind, e.Held, r.Sagas[0].Status = rules.Woke, []string{"mails/do"}, rules.Running
	}, "I14: saga " + happy + ": it is left held: event 5 found mails/do closed, and nothing was sent since"},
}

// late adds an event that sends after the saga's end.
func late(r *rules.Run) {
	e := with(rules.Event{Saga: sad, Seq: 10, Kind: rules.Woke, At: at(30)}, sent("flight", rules.Undo, 2))
	r.Events, r.Sagas[1].Seq = append(r.Events, e), 10
}

// TestWhatStillMoves: a saga in need of attention goes on while the checker looks.
func TestWhatStillMoves(t *testing.T) {
	t.Parallel()
	r := whole()
	r.Sagas[0].Status, r.Sagas[0].Attention, r.Sagas[0].Seq, r.Events = rules.Running, []string{"retriable-failing"}, 4, append(r.Events[:4:4], r.Events[5:]...)
	publish(&r, happy, sent("mail", rules.Do, 2))
	require.Empty(t, rules.Check(r))
}

// TestEachRuleFinds: what is spoilt is found, by the invariant that it breaks.
func TestEachRuleFinds(t *testing.T) {
	t.Parallel()
	for _, c := range spoilt {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := whole()
			c.spoil(&r)
			var found []string
			for _, f := range rules.Check(r) {
				found = append(found, f.String())
			}
			require.Contains(t, found, c.finding)
		})
	}
}
