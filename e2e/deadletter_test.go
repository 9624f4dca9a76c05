package e2e

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// soon is how long the message behind a bad one may wait.
const soon = 2 * time.Second

// rubbish returns records that nobody can read, each with a key of its own.
func rubbish(topic string, partition int32, kind string) []kafka.Record {
	text := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	records := []kafka.Record{
		{Value: []byte{0xff, 0, 1}},
		{Value: nil},
		{Value: []byte{}, Headers: []kafka.Header{text("a", "1"), text("a", "2"), {Key: "a"}, {Key: "a", Value: []byte{}}, text("a", "1"), text("", "\x00\xff")}},
		{Value: []byte("{}"), Headers: []kafka.Header{text(saga.HeaderType, kind), text(saga.HeaderSaga, "x"), text(saga.HeaderSaga, "y"), {Key: saga.HeaderEpoch}}},
	}
	for i := range records {
		records[i].Topic, records[i].Partition, records[i].Key = topic, partition, []byte(rand.Text())
		records[i].Timestamp = time.Now().Truncate(time.Millisecond)
	}
	return records
}

// buried waits for the dead letter of a record, compares it byte for byte and
// returns its reason.
func (w *world) buried(t *testing.T, sent kafka.Record, class string) (why string) {
	t.Helper()
	dead := w.dead(sent.Topic).one(t, "the dead letter", func(r kafka.Record) bool { return string(r.Key) == string(sent.Key) })
	original, reason, err := deadletter.Original(dead)
	require.NoError(t, err)
	require.Equal(t, class, reason.Class)
	require.NotEmpty(t, reason.Text)
	original.Offset = 0
	require.True(t, sent.Timestamp.Equal(original.Timestamp))
	original.Timestamp = sent.Timestamp
	require.Equal(t, sent, original)
	return reason.Text
}

// badReply: rubbish on the reply topic is kept byte for byte and holds nobody up.
func badReply(t *testing.T, w *world) {
	id := w.start(t, "mute", nil) // nobody but this test answers
	command := w.commands("mutes").one(t, "the command", about(id, "mute", "do"))
	bad := rubbish(w.replyTopic(), replyPartition(id), saga.TypeReply)
	w.produce(t, bad...)
	w.produce(t, answer(command, w.replyTopic(), replyPartition(id), saga.Succeeded))
	began := time.Now()
	w.phase(t, id, "mute", saga.Done.String())
	require.Less(t, time.Since(began), soon, "until the next message was handled")
	for _, r := range bad {
		w.buried(t, r, "undecodable")
	}
	w.ended(t, id, saga.Completed)
}

// badCommand: the same on a participant's topic.
func badCommand(t *testing.T, w *world) {
	id := w.start(t, "trip", script{"flights": {"slow:1s"}})
	partition := int32(bucket.Of(id.String(), commandPartitions))
	bad := rubbish(w.commandTopic("hotels"), partition, saga.TypeCommand)
	strange := byHand(w.commandTopic("hotels"), w.replyTopic(), id, saga.Do, 1) // names flights
	strange.Partition, strange.Timestamp, strange.Key = partition, bad[0].Timestamp, []byte(rand.Text())
	broken := with(strange, saga.HeaderParticipant, "hotels")
	broken.Value, broken.Key = []byte("no JSON"), []byte(rand.Text())
	w.produce(t, append(bad, strange, broken)...)
	w.phase(t, id, "flight", saga.Done.String())
	began := time.Now()
	eventually(t, "the hotel is booked", func() bool { return strings.Contains(w.did(t, id), "hotel") })
	require.Less(t, time.Since(began), soon, "until the next message was handled")
	for _, r := range append(bad, broken) {
		w.buried(t, r, "undecodable")
	}
	w.buried(t, strange, "unmatched")
	w.ended(t, id, saga.Completed)
}
