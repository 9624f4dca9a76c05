package kafka_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

// through publishes m and returns the record that arrives.
func through(t *testing.T, c cluster, key string, m *message.Message) kafka.Record {
	t.Helper()
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Config: c.config,
		Key:    func(string, *message.Message) string { return key },
	})
	require.NoError(t, err)
	r := newReader(t, c, 0)
	marks, err := r.HighWater(t.Context(), []int32{0})
	require.NoError(t, err)
	require.NoError(t, publisher.Publish(c.topic, m))
	require.NoError(t, publisher.Close())
	require.NoError(t, r.Assign(0, marks[0]))
	return poll(t, r, 1, 1)[0]
}

func TestPublisherMapsMessages(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	raw := kafka.Record{
		Key: []byte("raw-key"), Value: []byte("raw"),
		Headers: []kafka.Header{{Key: "b", Value: []byte("1")}, {Key: "a"}, {Key: "b", Value: []byte("2")}, {Key: "ce_id", Value: []byte("id")}},
	}

	t.Run("a plain message", func(t *testing.T) {
		m := message.NewMessage("uuid", []byte("payload"))
		m.Metadata.Set("z", "1")
		m.Metadata.Set("a", "2")
		got := through(t, c, "", m)
		require.Nil(t, got.Key)
		require.Equal(t, []byte("payload"), got.Value)
		require.Equal(t, []kafka.Header{
			{Key: "a", Value: []byte("2")}, {Key: "z", Value: []byte("1")}, {Key: "_watermill_message_uuid", Value: []byte("uuid")},
		}, got.Headers)
		require.Equal(t, "uuid", kafka.NewMessage(t.Context(), got).UUID)
	})
	t.Run("a raw record, byte for byte", func(t *testing.T) {
		got := through(t, c, "", kafka.NewMessage(t.Context(), raw))
		require.Equal(t, raw.Key, got.Key)
		require.Equal(t, raw.Value, got.Value)
		require.Equal(t, raw.Headers, got.Headers)
	})
	t.Run("a raw record, changed since", func(t *testing.T) {
		m := kafka.NewMessage(t.Context(), raw)
		require.Equal(t, "id", m.UUID)
		require.Equal(t, message.Metadata{"a": "", "b": "2", "ce_id": "id"}, m.Metadata)
		m.Metadata.Set("b", "3")
		m.Metadata.Set("c", "4")
		delete(m.Metadata, "a")
		m.Payload = nil
		got := through(t, c, "other-key", m)
		require.Equal(t, []byte("other-key"), got.Key)
		require.Nil(t, got.Value)
		require.Equal(t, []kafka.Header{
			{Key: "ce_id", Value: []byte("id")}, {Key: "b", Value: []byte("3")}, {Key: "c", Value: []byte("4")},
		}, got.Headers)
	})
	t.Run("another message with a record's context", func(t *testing.T) {
		m := message.NewMessage("another", []byte("its own"))
		m.SetContext(kafka.NewMessage(t.Context(), raw).Context())
		got := through(t, c, "", m)
		require.Nil(t, got.Key)
		require.Equal(t, []byte("its own"), got.Value)
		require.Equal(t, []kafka.Header{{Key: "_watermill_message_uuid", Value: []byte("another")}}, got.Headers)
	})
}

func TestPublisherReportsFailures(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.config.MaxMessageBytes = 1000
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{Config: c.config})
	require.NoError(t, err)
	err = publisher.Publish(c.topic, message.NewMessage("small", []byte("x")), message.NewMessage("large", big(3000)))
	require.ErrorContains(t, err, "1 of 2 messages failed")
	require.ErrorContains(t, err, "large")
	require.True(t, kafka.IsPermanent(err))
	require.NoError(t, publisher.Publish(c.topic))
	require.NoError(t, publisher.Close())
	require.NoError(t, publisher.Close())
	require.ErrorIs(t, publisher.Publish(c.topic, message.NewMessage("late", nil)), kafka.ErrClosed)
	_, err = kafka.NewPublisher(kafka.PublisherConfig{Config: c.config, CloseTimeout: -1})
	require.Error(t, err)
}

// Any record becomes a message with a UUID, and the message carries it unharmed.
func FuzzNewMessage(f *testing.F) {
	f.Add([]byte("k"), []byte("v"), "ce_id", []byte("1"), "_watermill_message_uuid", []byte(""))
	f.Add([]byte(nil), []byte(nil), "", []byte(nil), "", []byte{0xff})
	f.Fuzz(func(t *testing.T, key, value []byte, h1 string, v1 []byte, h2 string, v2 []byte) {
		r := kafka.Record{Topic: "t", Key: key, Value: value, Headers: []kafka.Header{{Key: h1, Value: v1}, {Key: h2, Value: v2}, {Key: h1}}}
		m := kafka.NewMessage(context.Background(), r)
		require.NotEmpty(t, m.UUID)
		require.True(t, bytes.Equal(value, m.Payload))
		carried, ok := kafka.RecordFrom(m.Context())
		require.True(t, ok)
		require.Equal(t, r, carried)
		if h1 != "_watermill_message_uuid" && h1 != h2 {
			require.Empty(t, m.Metadata[h1], "the last value counts")
		}
	})
}
