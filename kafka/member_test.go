package kafka_test

import (
	"fmt"
	"testing"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

// A partition with more than its handlers can do is held in bounds and holds up
// none of the others, and each of its records comes once and in order.
func TestABusyPartitionHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	const backlog = 1000
	c := newCluster(t, 2)
	p := newProducer(t, c.config)
	records := make([]kafka.Record, backlog)
	for i := range records {
		records[i] = kafka.Record{Topic: c.topic, Partition: 0, Value: fmt.Appendf(nil, "%06d", i)}
	}
	produceAll(t, p, records...)
	messages := subscribe(t, newSubscriber(t, c, "g-"+c.topic, func(c *kafka.SubscriberConfig) { c.MaxInFlight = 10 }), c.topic)
	busy := next(t, messages)
	require.Equal(t, "000000", string(busy.Payload))
	for i := range 20 {
		value := fmt.Sprint("other ", i)
		produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 1, Value: []byte(value)})
		m := next(t, messages)
		require.Equal(t, value, string(m.Payload))
		require.True(t, m.Ack())
	}
	for i := range backlog {
		require.Equal(t, fmt.Sprintf("%06d", i), string(busy.Payload))
		require.True(t, busy.Ack())
		if i+1 == backlog/2 { // what comes meanwhile is read behind it
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0, Value: fmt.Appendf(nil, "%06d", backlog)})
		}
		busy = next(t, messages)
	}
	require.Equal(t, fmt.Sprintf("%06d", backlog), string(busy.Payload))
	requireNone(t, messages)
}

// A group whose place is gone from a partition jumps nowhere: that partition stands
// still until somebody sets its offset, and the others go on.
func TestAnOffsetThatIsGoneStopsItsPartitionAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	p := newProducer(t, c.config)
	for partition := range int32(2) {
		produceAll(t, p, kafka.Record{Topic: c.topic, Partition: partition, Value: []byte("read")})
	}
	group := "g-" + c.topic
	s := newSubscriber(t, c, group, nil)
	messages := subscribe(t, s, c.topic)
	for range 2 {
		require.True(t, next(t, messages).Ack())
	}
	require.NoError(t, s.Close())
	for partition := range int32(2) {
		for range 3 {
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: partition, Value: fmt.Append(nil, partition)})
		}
	}
	forget(t, c, 0, 3)

	messages = subscribe(t, newSubscriber(t, c, group, nil), c.topic)
	for range 3 {
		m := next(t, messages)
		require.Equal(t, "1", string(m.Payload))
		require.True(t, m.Ack())
	}
	requireNone(t, messages)
}

// TestAPlaceThatIsLostIsLeft: with SkipLost a partition whose records have expired
// unread goes on with the oldest, and the group's offset with it.
func TestAPlaceThatIsLostIsLeft(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	p := newProducer(t, c.config)
	group := "g-" + c.topic
	say := func(words ...string) {
		for _, word := range words {
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0, Value: []byte(word)})
		}
	}
	hear := func(words ...string) {
		s := newSubscriber(t, c, group, func(c *kafka.SubscriberConfig) { c.SkipLost = true })
		messages := subscribe(t, s, c.topic)
		for _, word := range words {
			m := next(t, messages)
			require.Equal(t, word, string(m.Payload))
			require.True(t, m.Ack())
		}
		requireNone(t, messages)
		require.NoError(t, s.Close())
	}
	say("a")
	hear("a")
	say("b", "c", "d")
	forget(t, c, 0, 3)
	hear("d")
	say("e")
	hear("e")
}

// TestATopicThatIsMadeAnew: its records are read from the first on by a group that was
// further in the old one, whether the group was there meanwhile or not.
func TestATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	for name, present := range map[string]bool{"present": true, "away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 1)
			admin, err := kafka.NewAdmin(c.config)
			require.NoError(t, err)
			group := "g-" + c.topic
			open := func() (*kafka.Subscriber, <-chan *message.Message) {
				s := newSubscriber(t, c, group, func(c *kafka.SubscriberConfig) { c.SkipLost = true })
				return s, subscribe(t, s, c.topic)
			}
			say := func(n int, word string) {
				p := newProducer(t, c.config)
				for range n {
					produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0, Value: []byte(word)})
				}
			}
			hear := func(messages <-chan *message.Message, n int, word string) {
				for range n {
					m := next(t, messages)
					require.Equal(t, word, string(m.Payload))
					require.True(t, m.Ack())
				}
			}
			say(5, "old")
			s, messages := open()
			hear(messages, 5, "old")
			if !present {
				require.NoError(t, s.Close())
			}
			require.NoError(t, admin.Delete(t.Context(), c.topic))
			require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: c.topic, Partitions: 1}))
			say(3, "new")
			if !present {
				s, messages = open()
			}
			hear(messages, 3, "new")
			requireNone(t, messages)
			require.NoError(t, s.Close())
			say(1, "newer")
			_, messages = open()
			hear(messages, 1, "newer")
			requireNone(t, messages)
		})
	}
}

// TestATopicThatGrows: a group reads a partition that its topic has got since it began,
// within the time in which producers come to write to it.
func TestATopicThatGrows(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	messages := subscribe(t, newSubscriber(t, c, "g-"+c.topic, nil), c.topic)
	produceAll(t, newProducer(t, c.config), kafka.Record{Topic: c.topic, Partition: 0, Value: []byte("before")})
	require.True(t, next(t, messages).Ack())
	settings := sarama.NewConfig()
	settings.Version = sarama.V3_0_0_0
	admin, err := sarama.NewClusterAdmin(c.config.Brokers, settings)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	require.NoError(t, admin.CreatePartitions(c.topic, 2, nil, false))
	produceAll(t, newProducer(t, c.config), kafka.Record{Topic: c.topic, Partition: 1, Value: []byte("after")})
	m := next(t, messages)
	require.Equal(t, "after", string(m.Payload))
	require.True(t, m.Ack())
}

// forget removes a partition's records below an offset, as retention does.
func forget(t *testing.T, c cluster, partition int32, below int64) {
	t.Helper()
	settings := sarama.NewConfig()
	settings.Version = sarama.V3_0_0_0
	admin, err := sarama.NewClusterAdmin(c.config.Brokers, settings)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	require.NoError(t, admin.DeleteRecords(c.topic, map[int32]int64{partition: below}))
}
