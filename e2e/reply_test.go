package e2e

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// answer writes the reply to a command by hand: what the participant would have
// said, had it said that.
func answer(command kafka.Record, topic string, partition int32, outcome saga.Outcome) kafka.Record {
	id, err := saga.ParseID(header(command, saga.HeaderSaga))
	if err != nil {
		panic(err) // the coordinator wrote it
	}
	step, err := saga.ParseStepRef(header(command, saga.HeaderStep))
	if err != nil {
		panic(err)
	}
	direction, err := saga.ParseDirection(header(command, saga.HeaderDirection))
	if err != nil {
		panic(err)
	}
	reply := saga.Reply{
		ID: saga.CommandID{Saga: id, Step: step, Direction: direction}, Participant: header(command, saga.HeaderParticipant), Outcome: outcome,
	}
	return kafka.Record{
		Topic: topic, Partition: partition, Key: command.Key, Value: []byte(`{"number":"by hand"}`),
		Headers: saga.ReplyHeaders(command.Headers, reply, time.Now()),
	}
}

// passed returns once the coordinator has gone past everything that is on a
// saga's reply partition by now: a bad record behind it has become a dead letter.
func (w *world) passed(t *testing.T, id saga.ID) {
	t.Helper()
	mark := rand.Text()
	w.produce(t, kafka.Record{Topic: w.replyTopic(), Partition: replyPartition(id), Key: []byte(mark)})
	w.dead(w.replyTopic()).one(t, "the mark", func(r kafka.Record) bool { return string(r.Key) == mark })
}

// repeated: the same reply again and again, while the saga runs and after its end,
// changes nothing and is not even worth a line in the history.
func repeated(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"hotels": {"slow:1s"}})
	reply := w.replies().one(t, "the reply", about(id, "flight", "do"))
	w.produce(t, reply, reply, reply)
	history := w.ended(t, id, saga.Completed)
	require.Equal(t, 1, replies(history, "flight", "do"))
	unburned(t, history)
	w.produce(t, reply, with(reply, saga.HeaderOutcome, "rejected"))
	w.passed(t, id)
	require.Equal(t, history, w.history(t, id))
}

// stale: a reply of an epoch that is over is recorded and changes nothing.
func stale(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"hotels": {"reject"}, "flights.undo": {"slow:3s"}})
	w.phase(t, id, "flight", saga.Undoing.String())
	reply := w.replies().one(t, "the do's reply", about(id, "flight", "do"))
	w.produce(t, reply)
	w.passed(t, id)
	w.phase(t, id, "flight", saga.Undoing.String())
	history := w.ended(t, id, saga.Compensated)
	require.Equal(t, 2, replies(history, "flight", "do"), "the late one is recorded")
	require.Equal(t, 1, attempts(history, "flight", "undo"))
	require.Equal(t, "flight -flight", w.did(t, id))
}

// early: a reply to an attempt that was never made is recorded and changes nothing.
func early(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"hotels": {"slow:2s"}})
	command := w.commands("hotels").one(t, "the command", about(id, "hotel", "do"))
	no := answer(command, w.replyTopic(), replyPartition(id), saga.Rejected)
	w.produce(t, with(no, saga.HeaderAttempt, "2"))
	w.passed(t, id)
	w.phase(t, id, "hotel", saga.Doing.String())
	require.Equal(t, 2, replies(w.ended(t, id, saga.Completed), "hotel", "do"))
}

// overtaken: an answer of which the sender did not know that a later attempt had
// been made counts; the later answers say the same.
func overtaken(t *testing.T, w *world) {
	id := w.start(t, "hasty", script{"hotels": {"slow:2500ms", "ok"}})
	history := w.ended(t, id, saga.Completed)
	require.Equal(t, 2, attempts(history, "hotel", "do"))
	require.Equal(t, "flight hotel charge mail", w.did(t, id))
}

// forged: a reply whose token does not fit what it says is a dead letter.
func forged(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"hotels": {"slow:2s"}})
	other := w.start(t, "trip", script{"hotels": {"slow:2s"}})
	command := w.commands("hotels").one(t, "the command", about(id, "hotel", "do"))
	flight := w.commands("flights").one(t, "the flight's command", about(id, "flight", "do"))
	foreign := w.commands("hotels").one(t, "the other's command", about(other, "hotel", "do"))
	no := answer(command, w.replyTopic(), replyPartition(id), saga.Rejected)
	for what, forgery := range map[string]kafka.Record{
		"no such key":         with(no, saga.HeaderToken, "k9.abc"),
		"made up":             with(no, saga.HeaderToken, "k1.AAAAAAAAAAAAAAAAAAAAAA"),
		"another step's":      with(no, saga.HeaderToken, header(flight, saga.HeaderToken)),
		"another saga's":      with(no, saga.HeaderToken, header(foreign, saga.HeaderToken)),
		"another epoch":       with(no, saga.HeaderEpoch, "2"),
		"another direction":   with(no, saga.HeaderDirection, "undo"),
		"another participant": with(no, saga.HeaderParticipant, "flights"),
		"another namespace":   with(no, saga.HeaderNamespace, "elsewhere"),
	} {
		forgery.Key = []byte(what + rand.Text())
		w.produce(t, forgery)
		dead := w.dead(w.replyTopic()).one(t, what, func(r kafka.Record) bool { return string(r.Key) == string(forgery.Key) })
		original, reason, err := deadletter.Original(dead)
		require.NoError(t, err)
		require.Equal(t, "forged", reason.Class, what)
		require.Equal(t, forgery.Headers, original.Headers, what)
	}
	for _, one := range []saga.ID{id, other} {
		history := w.ended(t, one, saga.Completed)
		require.Equal(t, 1, replies(history, "hotel", "do"))
	}
}

// misplaced: a reply on a wrong partition is moved to where it belongs.
func misplaced(t *testing.T, w *world) {
	id := w.start(t, "mute", nil) // nobody but this test answers
	command := w.commands("mutes").one(t, "the command", about(id, "mute", "do"))
	w.produce(t, answer(command, w.replyTopic(), (replyPartition(id)+1)%bucket.Count, saga.Succeeded))
	unburned(t, w.ended(t, id, saga.Completed))
}

// sticky: a refused command that is delivered again is refused again, though it
// would succeed by now.
func sticky(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"hotels": {"reject", "ok"}})
	w.ended(t, id, saga.Compensated)
	command := w.commands("hotels").one(t, "the command", about(id, "hotel", "do"))
	w.produce(t, command, with(command, saga.HeaderAttempt, "2"))
	var answers []kafka.Record
	eventually(t, "both are answered", func() bool {
		answers = w.replies().find(about(id, "hotel", "do"))
		return len(answers) == 3
	})
	for _, r := range answers {
		require.Equal(t, "rejected", header(r, saga.HeaderOutcome))
		require.Equal(t, header(answers[0], saga.HeaderReason), header(r, saga.HeaderReason))
	}
	w.passed(t, id)
	require.Equal(t, "flight -flight", w.did(t, id))
	history := w.ended(t, id, saga.Compensated)
	require.Len(t, history, 5, "the answer to an attempt that the saga never made is recorded, and changes nothing")
	require.Empty(t, history[4].Sent)
}

// reversed: an undo that overtakes its do leaves a tombstone, and the do is refused
// for ever.
func reversed(t *testing.T, w *world) {
	topic := w.prefix + "by.hand"
	admin, err := kafka.NewAdmin(kafka.Config{Brokers: w.brokers})
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: 1}))
	answers := w.tap(topic, 1)
	var id saga.ID
	_, _ = rand.Read(id[:]) // never fails
	for n, c := range []struct {
		direction       saga.Direction
		epoch           int
		outcome, reason string
	}{
		{saga.Undo, 2, "succeeded", "nothing to undo"},
		{saga.Do, 1, "rejected", "stale epoch"},
		{saga.Do, 2, "rejected", "undone"},
		{saga.Do, 3, "rejected", "undone"},
		{saga.Undo, 2, "succeeded", "nothing to undo"},
	} {
		w.produce(t, byHand(w.commandTopic("flights"), topic, id, c.direction, c.epoch))
		eventually(t, "an answer", func() bool { return len(answers.find(everything)) > n })
		got := answers.find(everything)[n]
		require.Equal(t, []string{c.outcome, c.reason}, []string{header(got, saga.HeaderOutcome), header(got, saga.HeaderReason)}, "command %d", n)
	}
	require.Empty(t, w.did(t, id))
}

// byHand writes a command of a saga that no coordinator knows.
func byHand(topic, replyTopic string, id saga.ID, direction saga.Direction, epoch int) kafka.Record {
	cmd := saga.Command{
		ID:          saga.CommandID{Saga: id, Step: saga.StepRef{Name: "flight"}, Direction: direction},
		Participant: "flights", Name: "book", Definition: "trip", Version: "r1", Attempt: 1, Epoch: epoch,
		Deadline: time.Now().Add(time.Minute), Payload: saga.JSON([]byte(`{}`)),
		Route: saga.Route{Namespace: "default", Incarnation: 1, ReplyTopic: replyTopic, Token: "k1.none"},
	}
	if direction == saga.Undo {
		cmd.Name = "cancel"
	}
	return kafka.Record{
		Topic: topic, Partition: kafka.ByKey, Key: []byte(id.String()), Value: cmd.Payload.Data,
		Headers: saga.CommandHeaders(cmd, time.Now()),
	}
}
