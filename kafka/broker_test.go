package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/embedded"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// Everything is made before the broker, outlives its kill, says that it is away,
// and goes on when it is back.
func TestBrokerGoesAndComesBack(t *testing.T) {
	broker := testserver.RestartableKafka(t)
	c := cluster{config: kafka.Config{Brokers: broker.Brokers()}, topic: "test-" + uuid.NewString()}
	c.create(t, c.topic, 2)
	broker.Kill()

	p := newProducer(t, c.config)
	r := newReader(t, c, 0)
	require.NoError(t, r.Assign(0, kafka.OffsetOldest))
	require.NoError(t, r.Assign(1, kafka.OffsetOldest))
	messages := subscribe(t, newSubscriber(t, c, "g", nil), c.topic)
	for away := 1; away <= 2; away++ {
		for range 5 { // more than the library's breaker takes
			for _, o := range produce(t, p, numbered(c.topic, 8, 8)...) {
				require.Error(t, o.err)
				require.False(t, kafka.IsPermanent(o.err), "%v", o.err)
			}
		}
		_, err := r.HighWater(t.Context(), []int32{0, 1})
		require.Error(t, err)

		require.NoError(t, broker.Start(t.Context()))
		sent := uuid.NewString()
		require.Eventually(t, func() bool {
			return produce(t, p, kafka.Record{Topic: c.topic, Partition: 1, Value: []byte(sent)})[0].err == nil
		}, patience, 10*time.Millisecond)
		for string(poll(t, r, 1, 1)[0].Value) != sent {
		}
		for m := next(t, messages); string(m.Payload) != sent; m = next(t, messages) {
			m.Ack()
		}
		require.Eventually(t, func() bool {
			marks, err := r.HighWater(t.Context(), []int32{0, 1})
			return err == nil && marks[1] >= int64(away)
		}, patience, 10*time.Millisecond)
		broker.Kill()
	}
}

// The embedded broker of dev and demo speaks enough of the protocol for all of it.
func TestEmbeddedBroker(t *testing.T) {
	t.Parallel()
	broker, err := embedded.StartKafka(t.Context(), embedded.KafkaConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	c := cluster{config: kafka.Config{Brokers: broker.Brokers()}, topic: "test-" + uuid.NewString()}
	c.create(t, c.topic, 4)
	c.create(t, c.topic, 4)

	p := newProducer(t, c.config)
	produceAll(t, p, numbered(c.topic, 500, 10)...)
	r := newReader(t, c, 0)
	marks, err := r.HighWater(t.Context(), []int32{0, 1, 2, 3})
	require.NoError(t, err)
	require.EqualValues(t, 500, marks[0]+marks[1]+marks[2]+marks[3])
	for partition := range int32(4) {
		require.NoError(t, r.Assign(partition, kafka.OffsetOldest))
	}
	requireOrderPerKey(t, poll(t, r, 500, 50))
	require.NoError(t, r.Assign(0, marks[0]+10))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err = r.Poll(ctx, 1)
	require.ErrorIs(t, err, kafka.ErrOffsetOutOfRange)

	s := newSubscriber(t, c, "group", func(c *kafka.SubscriberConfig) { c.Concurrency = 4 })
	messages := subscribe(t, s, c.topic)
	for range 500 {
		require.True(t, next(t, messages).Ack())
	}
	require.NoError(t, s.Close())
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{Config: c.config})
	require.NoError(t, err)
	require.NoError(t, publisher.Publish(c.topic, message.NewMessage("last", nil)))
	require.NoError(t, publisher.Close())
	again := subscribe(t, newSubscriber(t, c, "group", nil), c.topic)
	require.Equal(t, "last", next(t, again).UUID, "what was finished does not come again")
}
