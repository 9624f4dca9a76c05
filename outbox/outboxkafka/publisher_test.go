package outboxkafka_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// later is a Producer whose outcomes the test decides.
type later struct {
	records []kafka.Record
	done    func(i int, partition int32, offset int64, err error)
}

func (l *later) Produce(_ context.Context, records []kafka.Record, done func(int, int32, int64, error)) {
	l.records, l.done = records, done
}

// outcomes collects what Publish reports.
type outcomes struct {
	mu   sync.Mutex
	errs map[int][]error
}

func (o *outcomes) done(i int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.errs == nil {
		o.errs = map[int][]error{}
	}
	o.errs[i] = append(o.errs[i], err)
}

func (o *outcomes) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.errs)
}

func rows(messages ...outbox.Message) []outbox.Row {
	all := make([]outbox.Row, len(messages))
	for i, m := range messages {
		all[i] = outbox.Row{ID: int64(i), Message: m}
	}
	return all
}

func TestPublishReportsEachRowOnce(t *testing.T) {
	t.Parallel()
	producer, got := &later{}, &outcomes{}
	ctx, cancel := context.WithCancel(t.Context())
	outboxkafka.New(producer).Publish(ctx, rows(
		outbox.Message{Topic: "t", Key: "a"},
		outbox.Message{Topic: "t", Partition: outbox.Pin(0), Payload: []byte("x")},
		outbox.Message{Topic: "t", Key: "b"},
	), got.done)
	require.Equal(t, []kafka.Record{
		{Topic: "t", Partition: kafka.ByKey, Key: []byte("a")},
		{Topic: "t", Partition: 0, Key: []byte{}, Value: []byte("x")},
		{Topic: "t", Partition: kafka.ByKey, Key: []byte("b")},
	}, producer.records)

	producer.done(0, 3, 4, nil)
	producer.done(1, 0, -1, kafka.ErrTooLarge)
	cancel()
	require.Eventually(t, func() bool { return got.count() == 3 }, 10*time.Second, time.Millisecond)
	producer.done(2, 0, 9, nil) // too late to matter
	require.Len(t, got.errs[0], 1)
	require.NoError(t, got.errs[0][0])
	require.Len(t, got.errs[1], 1)
	require.ErrorIs(t, got.errs[1][0], outbox.ErrPermanent)
	require.ErrorIs(t, got.errs[1][0], kafka.ErrTooLarge)
	require.Len(t, got.errs[2], 1)
	require.ErrorIs(t, got.errs[2][0], context.Canceled)
	require.NotErrorIs(t, got.errs[2][0], outbox.ErrPermanent)
}

func TestPublishReachesKafka(t *testing.T) {
	t.Parallel()
	config := kafka.Config{Brokers: testserver.Kafka(t)}
	topic := "test-" + uuid.NewString()
	admin, err := kafka.NewAdmin(config)
	require.NoError(t, err)
	require.NoError(t, admin.Create(t.Context(), kafka.Topic{Name: topic, Partitions: 2}))
	producer, err := kafka.NewProducer(config)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close(context.Background())) }()

	got := &outcomes{}
	sent := outbox.Message{
		Topic: topic, Partition: outbox.Pin(1), Payload: []byte("payload"),
		Headers: []outbox.Header{{Key: "h"}, {Key: "h", Value: []byte{}}},
	}
	outboxkafka.New(producer).Publish(t.Context(), rows(sent), got.done)
	require.Eventually(t, func() bool { return got.count() == 1 }, 30*time.Second, time.Millisecond)
	require.NoError(t, got.errs[0][0])

	reader, err := kafka.NewReader(kafka.ReaderConfig{Config: config, Topic: topic})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	require.NoError(t, reader.Assign(1, 0))
	records, err := reader.Poll(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, []byte{}, records[0].Key)
	require.Equal(t, sent.Payload, records[0].Value)
	require.Equal(t, sent.Headers, records[0].Headers)
}
