package deadletter_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// desk is a Producer in memory.
type desk struct {
	fail    error
	written []kafka.Record
}

func (d *desk) Produce(_ context.Context, records []kafka.Record, done func(i int, partition int32, offset int64, err error)) {
	for i, r := range records {
		if d.fail == nil {
			d.written = append(d.written, r)
		}
		done(i, 0, 0, d.fail)
	}
}

// odd is a record that a message's metadata could not keep.
func odd() kafka.Record {
	return kafka.Record{
		Topic: "orders", Partition: 2, Offset: 9, Timestamp: time.UnixMilli(1_700_000_000_123), Value: []byte{0xff, 0},
		Headers: []kafka.Header{{Key: "a", Value: []byte{}}, {Key: "a"}, {Key: "a", Value: []byte{0xff}}},
	}
}

// serve handles one message of rec with fn and returns how often fn was called.
func serve(ctx context.Context, t *testing.T, d *desk, fn func(call int) error) (calls int, err error) {
	t.Helper()
	m, err := deadletter.Middleware(deadletter.MiddlewareConfig{Producer: d, MaxAttempts: 3, PauseMin: time.Nanosecond, PauseMax: time.Millisecond})
	require.NoError(t, err)
	msg := message.NewMessage("1", nil)
	msg.SetContext(ctx)
	_, err = m(func(*message.Message) ([]*message.Message, error) {
		calls++
		return nil, fn(calls)
	})(msg)
	return calls, err
}

func TestMiddlewareGivesUpAfterItsAttempts(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fn    func(call int) error
		calls int
		class string
	}{
		"always fails":            {func(int) error { return broken }, 3, deadletter.ClassExhausted},
		"fails for good":          {func(int) error { return deadletter.Permanent(broken) }, 1, deadletter.ClassPermanent},
		"fails, then for good":    {func(n int) error { return []error{broken, deadletter.Permanent(broken)}[n-1] }, 2, deadletter.ClassPermanent},
		"is done":                 {func(int) error { return nil }, 1, ""},
		"is done at the last try": {func(n int) error { return []error{broken, broken, nil}[n-1] }, 3, ""},
	} {
		d := &desk{}
		calls, err := serve(kafka.WithRecord(t.Context(), odd()), t, d, c.fn)
		require.NoError(t, err, name)
		require.Equal(t, c.calls, calls, name)
		if c.class == "" {
			require.Empty(t, d.written, name)
			continue
		}
		require.Len(t, d.written, 1, name)
		original, why, err := deadletter.Original(d.written[0])
		require.NoError(t, err, name)
		require.Equal(t, odd(), original, name)
		require.Equal(t, c.class, why.Class, name)
		require.Contains(t, why.Text, "broken", name)
	}
}

func TestMiddlewareKeepsWhatItCannotGiveUp(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	d := &desk{}
	ctx, cancel := context.WithCancel(kafka.WithRecord(t.Context(), odd()))
	_, err := serve(ctx, t, d, func(int) error { cancel(); return deadletter.Permanent(broken) })
	require.ErrorIs(t, err, broken, "the process is going down")

	_, err = serve(t.Context(), t, d, func(int) error { return broken })
	require.ErrorIs(t, err, broken, "its record is not known")

	d.fail = errors.New("no broker")
	_, err = serve(kafka.WithRecord(t.Context(), odd()), t, d, func(int) error { return broken })
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, d.fail)
	require.Empty(t, d.written)

	_, err = deadletter.Middleware(deadletter.MiddlewareConfig{MaxAttempts: -1})
	require.ErrorContains(t, err, "Producer is missing")
	require.ErrorContains(t, err, "negative")
	require.NoError(t, deadletter.Permanent(nil))
}

// Through a real broker and watermill's router: the record behind the bad one is
// handled, and the bad one lies on the dead-letter topic byte for byte.
func TestMiddlewareThroughARealBroker(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: testserver.Kafka(t)}
	topic := "deadletter." + rand.Text()
	admin, err := kafka.NewAdmin(config)
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: 1}, kafka.Topic{Name: deadletter.Topic(topic), Partitions: 1}))
	producer, err := kafka.NewProducer(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close(context.Background())) }()
	bad := odd()
	bad.Topic, bad.Partition = topic, 0
	good := kafka.Record{Topic: topic, Value: []byte("good")}
	producer.Produce(t.Context(), []kafka.Record{bad, good}, func(_ int, _ int32, _ int64, err error) {
		if err != nil {
			panic(err)
		}
	})

	handled := make(chan string, 10)
	router := newRouter(t, config, producer, topic, func(m *message.Message) error {
		if string(m.Payload) != "good" {
			return deadletter.Permanent(errors.New("not good"))
		}
		handled <- string(m.Payload)
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	require.Equal(t, "good", <-handled)
	stop()
	require.NoError(t, <-ended)

	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: config, Topic: deadletter.Topic(topic)})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	require.NoError(t, reader.Assign(0, kafka.OffsetOldest))
	dead, err := reader.Poll(t.Context(), 1)
	require.NoError(t, err)
	original, why, err := deadletter.Original(dead[0])
	require.NoError(t, err)
	bad.Offset = 0
	require.Equal(t, bad, original)
	require.Equal(t, deadletter.Reason{Class: deadletter.ClassPermanent, Text: "not good"}, why)
}

// newRouter returns a router with the middleware and one handler.
func newRouter(t *testing.T, config kafka.Config, producer *kafka.Producer, topic string, fn message.NoPublishHandlerFunc) *message.Router {
	t.Helper()
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{Config: config, Group: topic})
	require.NoError(t, err)
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	require.NoError(t, err)
	giveUp, err := deadletter.Middleware(deadletter.MiddlewareConfig{Producer: producer})
	require.NoError(t, err)
	router.AddMiddleware(giveUp)
	router.AddConsumerHandler("orders", topic, subscriber, fn)
	return router
}
