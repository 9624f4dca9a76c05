package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwindhq/unwind/kafka"
)

// newSubscriber makes a member of group with quick settings.
func newSubscriber(t *testing.T, c cluster, group string, change func(*kafka.SubscriberConfig)) *kafka.Subscriber {
	t.Helper()
	config := kafka.SubscriberConfig{
		Config:            c.config,
		Group:             group,
		NackPause:         time.Millisecond,
		DrainTimeout:      3 * time.Second,
		HeartbeatInterval: 300 * time.Millisecond,
		SessionTimeout:    10 * time.Second,
	}
	if change != nil {
		change(&config)
	}
	s, err := kafka.NewSubscriber(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func subscribe(t *testing.T, s *kafka.Subscriber, topic string) <-chan *message.Message {
	t.Helper()
	messages, err := s.Subscribe(t.Context(), topic)
	require.NoError(t, err)
	return messages
}

// next is the next message; it must come.
func next(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m, ok := <-messages:
		require.True(t, ok, "closed")
		return m
	case <-time.After(patience):
		require.Fail(t, "no message came")
		return nil
	}
}

// requireNone checks that no message comes for a moment.
func requireNone(t *testing.T, messages <-chan *message.Message) {
	t.Helper()
	select {
	case m, ok := <-messages:
		require.False(t, ok, "unexpected: %v", m)
	case <-time.After(200 * time.Millisecond):
	}
}

func keyOf(t *testing.T, m *message.Message) string {
	t.Helper()
	r, ok := kafka.RecordFrom(m.Context())
	require.True(t, ok)
	return string(r.Key)
}

func TestKeysRunSideBySideAndEachInOrder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), numbered(c.topic, 30, 3)...)
	s := newSubscriber(t, c, "g-"+c.topic, func(c *kafka.SubscriberConfig) { c.Concurrency = 3 })
	messages := subscribe(t, s, c.topic)

	held := map[string]*message.Message{}
	for range 3 {
		m := next(t, messages)
		held[keyOf(t, m)] = m
	}
	require.Len(t, held, 3, "one message of each key at once")
	requireNone(t, messages)
	for i := 3; i < 30; i++ { // k0 is held throughout: the others go on
		if i%3 == 0 {
			continue
		}
		ready := held["k1"]
		if i%3 == 2 {
			ready = held["k2"]
		}
		require.True(t, ready.Ack())
		m := next(t, messages)
		require.Equal(t, keyOf(t, ready), keyOf(t, m))
		require.Less(t, string(ready.Payload), string(m.Payload))
		held[keyOf(t, m)] = m
	}
	require.NoError(t, held["k0"].Context().Err(), "a waiting handler's context is untouched")
}

func TestKeylessRecordsRunSideBySideOnlyIfAsked(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	p := newProducer(t, c.config)
	for range 4 {
		produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0})
	}
	many := subscribe(t, newSubscriber(t, c, "many-"+c.topic, func(c *kafka.SubscriberConfig) { c.Concurrency = 3 }), c.topic)
	for range 3 {
		next(t, many)
	}
	requireNone(t, many)
	one := subscribe(t, newSubscriber(t, c, "one-"+c.topic, nil), c.topic)
	next(t, one)
	requireNone(t, one)
}

// What was finished behind an unfinished record comes again; nothing is lost.
func TestOffsetsStopAtTheFirstUnfinishedRecord(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), numbered(c.topic, 6, 6)...)
	group := "g-" + c.topic
	settings := func(c *kafka.SubscriberConfig) { c.Concurrency, c.DrainTimeout = 6, 50*time.Millisecond }
	s := newSubscriber(t, c, group, settings)
	messages := subscribe(t, s, c.topic)
	var stuck *message.Message
	for range 6 {
		m := next(t, messages)
		if keyOf(t, m) == "k2" {
			stuck = m
			continue
		}
		require.True(t, m.Ack())
	}
	require.NoError(t, s.Close())
	require.Error(t, stuck.Context().Err(), "after the drain timeout its context has ended")

	messages = subscribe(t, newSubscriber(t, c, group, settings), c.topic)
	seen := map[string]bool{}
	for range 4 {
		m := next(t, messages)
		require.True(t, m.Ack())
		seen[keyOf(t, m)] = true
	}
	require.Equal(t, map[string]bool{"k2": true, "k3": true, "k4": true, "k5": true}, seen)
}

func TestNackedMessageComesAgainInPlace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), numbered(c.topic, 2, 1)...)
	messages := subscribe(t, newSubscriber(t, c, "g-"+c.topic, nil), c.topic)
	for range 3 {
		m := next(t, messages)
		require.Equal(t, "000000", string(m.Payload))
		require.True(t, m.Nack())
	}
	require.True(t, next(t, messages).Ack())
	require.Equal(t, "000001", string(next(t, messages).Payload))
}

func TestCloseDuringANackPauseIsQuick(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), numbered(c.topic, 1, 1)...)
	s := newSubscriber(t, c, "g-"+c.topic, func(c *kafka.SubscriberConfig) { c.NackPause = time.Hour })
	messages := subscribe(t, s, c.topic)
	require.True(t, next(t, messages).Nack())
	require.NoError(t, s.Close(), "does not wait for the hour")
	_, open := <-messages
	require.False(t, open)
}

// A healthy handler finishes in peace while the subscriber closes around it, and
// what it finished does not come again.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), numbered(c.topic, 3, 1)...)
	group := "g-" + c.topic
	s := newSubscriber(t, c, group, nil)
	messages := subscribe(t, s, c.topic)
	m := next(t, messages)

	var closing sync.WaitGroup
	for range 3 { // Close may be called by several
		closing.Go(func() { _ = s.Close() })
	}
	requireNone(t, messages)
	require.NoError(t, m.Context().Err(), "the handler's context is untouched by Close")
	require.True(t, m.Ack())
	closing.Wait()
	_, open := <-messages
	require.False(t, open)
	_, err := s.Subscribe(t.Context(), c.topic)
	require.ErrorIs(t, err, kafka.ErrClosed)

	messages = subscribe(t, newSubscriber(t, c, group, nil), c.topic)
	require.Equal(t, "000001", string(next(t, messages).Payload))
}

// A rebalance waits for the running handler; what it finished stays finished.
func TestRebalanceDrains(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	p := newProducer(t, c.config)
	sent := 0
	send := func() {
		for partition := range int32(2) {
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: partition, Value: fmt.Append(nil, sent)})
			sent++
		}
	}
	send()
	group := "g-" + c.topic
	first := subscribe(t, newSubscriber(t, c, group, nil), c.topic)
	held := []*message.Message{next(t, first), next(t, first)}
	second := subscribe(t, newSubscriber(t, c, group, nil), c.topic)
	requireNone(t, second)
	seen := map[string]int{}
	for _, m := range held {
		require.NoError(t, m.Context().Err())
		require.True(t, m.Ack())
		seen[string(m.Payload)]++
	}
	shared := false // the second member got a partition
	for deadline := time.After(patience); !shared || len(seen) < sent; {
		if !shared && len(seen) == sent {
			send()
		}
		select {
		case m := <-first:
			seen[string(m.Payload)]++
			m.Ack()
		case m := <-second:
			shared = true
			seen[string(m.Payload)]++
			m.Ack()
		case <-deadline:
			require.Fail(t, "not all came", "%d of %d, shared: %v", len(seen), sent, shared)
		}
	}
	for v, n := range seen {
		require.Equal(t, 1, n, "record %s came again", v)
	}
}

func TestSubscribeInitialize(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	s := newSubscriber(t, c, "g", nil)
	require.NoError(t, s.SubscribeInitialize(c.topic))
	require.ErrorIs(t, s.SubscribeInitialize(c.topic+"-2"), kafka.ErrTopicMissing)
	s = newSubscriber(t, c, "g", func(c *kafka.SubscriberConfig) { c.CreateTopic.Partitions = 2 })
	require.NoError(t, s.SubscribeInitialize(c.topic+"-2"))
	require.NoError(t, s.SubscribeInitialize(c.topic+"-2"))
}

func TestSubscriberConfigNamesAllFaults(t *testing.T) {
	t.Parallel()
	_, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Concurrency: 100, MaxInFlight: 10, NackPause: -1,
		DrainTimeout: time.Minute, RebalanceTimeout: time.Second,
		SessionTimeout: time.Second, HeartbeatInterval: time.Second,
	})
	for _, word := range []string{"brokers", "group", "max in flight", "nack pause", "drain timeout", "heartbeat"} {
		require.ErrorContains(t, err, word)
	}
}

// A subscriber may be started before its broker and its topic.
func TestSubscriberWaitsForItsTopic(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.topic = "test-" + uuid.NewString()
	messages := subscribe(t, newSubscriber(t, c, "g-"+c.topic, nil), c.topic)
	requireNone(t, messages)
	c.create(t, c.topic, 1)
	produceAll(t, newProducer(t, c.config), kafka.Record{Topic: c.topic, Partition: 0, Value: []byte("x")})
	require.Equal(t, "x", string(next(t, messages).Payload))
}

// Not parallel: it looks at all goroutines.
func TestSubscriberLeavesNothingBehind(t *testing.T) {
	c := newCluster(t, 2)
	before := goleak.IgnoreCurrent()
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{Config: c.config})
	require.NoError(t, err)
	s, err := kafka.NewSubscriber(kafka.SubscriberConfig{Config: c.config, Group: "g-" + c.topic, Concurrency: 4, DrainTimeout: time.Second})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	messages, err := s.Subscribe(ctx, c.topic)
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, publisher.Publish(c.topic, message.NewMessage(uuid.NewString(), nil)))
	}
	for range 10 {
		require.True(t, next(t, messages).Ack())
	}
	cancel() // ends this subscription alone
	_, open := <-messages
	require.False(t, open)
	other := subscribe(t, s, c.topic)
	require.NoError(t, s.Close())
	_, open = <-other
	require.False(t, open)
	require.NoError(t, publisher.Close())
	goleak.VerifyNone(t, before)
}
