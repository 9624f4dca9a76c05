package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
)

func TestProducerKeepsOrderPerKeyAndUsesKafkasPartitioner(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 8)
	p := newProducer(t, c.config)
	records := numbered(c.topic, 2000, 20)
	for i, o := range produceAll(t, p, records...) {
		require.EqualValues(t, bucket.Of(string(records[i].Key), 8), o.partition)
	}

	r := newReader(t, c, 100)
	for partition := range int32(8) {
		require.NoError(t, r.Assign(partition, kafka.OffsetOldest))
	}
	read := poll(t, r, len(records), 64)
	require.Len(t, read, len(records))
	requireOrderPerKey(t, read)
}

func TestRecordsSurviveByteForByte(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	p := newProducer(t, c.config)
	at := time.UnixMilli(1_700_000_000_123)
	sent := []kafka.Record{
		{Key: nil, Value: nil},
		{Key: []byte{}, Value: []byte{}, Headers: []kafka.Header{{Key: "", Value: nil}}},
		{Key: []byte("k"), Value: []byte("v"), Timestamp: at, Headers: []kafka.Header{
			{Key: "a", Value: []byte("1")}, {Key: "b", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "a", Value: []byte{0xff, 0}},
		}},
	}
	for i := range sent {
		sent[i].Topic, sent[i].Partition = c.topic, 2
	}
	outcomes := produceAll(t, p, sent...)
	r := newReader(t, c, 0)
	require.NoError(t, r.Assign(2, 0))
	for i, got := range poll(t, r, len(sent), 10) {
		want := sent[i]
		want.Offset = outcomes[i].offset
		require.EqualValues(t, i, got.Offset)
		if want.Timestamp.IsZero() {
			require.False(t, got.Timestamp.IsZero())
			want.Timestamp = got.Timestamp
		}
		require.True(t, want.Timestamp.Equal(got.Timestamp))
		want.Timestamp = got.Timestamp
		require.Equal(t, want, got)
	}
}

func TestProducerTellsPermanentErrors(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.config.MaxMessageBytes = 1000
	c.config.TopicGrace = time.Millisecond
	p := newProducer(t, c.config)
	outcomes := produce(t, p,
		kafka.Record{Topic: c.topic, Partition: kafka.ByKey, Value: big(2000)},
		kafka.Record{Topic: c.topic, Partition: 7},
		kafka.Record{Topic: c.topic, Partition: kafka.ByKey, Value: big(100)},
	)
	require.ErrorIs(t, outcomes[0].err, kafka.ErrTooLarge)
	require.True(t, kafka.IsPermanent(outcomes[0].err))
	require.Error(t, outcomes[1].err)
	require.True(t, kafka.IsPermanent(outcomes[1].err), "%v", outcomes[1].err)
	require.NoError(t, outcomes[2].err)
	require.False(t, kafka.IsPermanent(nil))
	require.False(t, kafka.IsPermanent(context.DeadlineExceeded))
}

func TestProducerCallsAMissingTopicPermanentOnlyAfterItsGrace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	c.config.TopicGrace = time.Second
	p := newProducer(t, c.config)
	missing := kafka.Record{Topic: c.topic + "-missing", Partition: kafka.ByKey}
	outcomes := produce(t, p, missing, kafka.Record{Topic: c.topic, Partition: kafka.ByKey})
	require.Error(t, outcomes[0].err)
	require.False(t, kafka.IsPermanent(outcomes[0].err), "%v", outcomes[0].err)
	require.NoError(t, outcomes[1].err, "other topics go on")
	require.Eventually(t, func() bool {
		err := produce(t, p, missing)[0].err
		return errors.Is(err, kafka.ErrTopicMissing) && kafka.IsPermanent(err)
	}, patience, 50*time.Millisecond)

	c.create(t, missing.Topic, 1)
	require.Eventually(t, func() bool { return produce(t, p, missing)[0].err == nil }, patience, 50*time.Millisecond)
}

func TestProducerBoundsWhatItHolds(t *testing.T) {
	t.Parallel()
	p := newProducer(t, kafka.Config{Brokers: []string{"127.0.0.1:1"}, MaxBufferedRecords: 10})
	outcomes := produce(t, p, numbered("topic", 25, 1)...)
	for i, o := range outcomes {
		require.Equal(t, 1, o.calls)
		require.Equal(t, i >= 10, errors.Is(o.err, kafka.ErrBufferFull), "%d: %v", i, o.err)
		require.Error(t, o.err)
		require.False(t, kafka.IsPermanent(o.err))
	}
}

func TestProducerRefusesWhenCancelledOrClosed(t *testing.T) {
	t.Parallel()
	p, err := kafka.NewProducer(kafka.Config{Brokers: []string{"127.0.0.1:1"}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := make(chan error, 1)
	p.Produce(ctx, []kafka.Record{{Topic: "t"}}, func(_ int, _ int32, _ int64, err error) { got <- err })
	require.Error(t, <-got)
	require.NoError(t, p.Close(t.Context()))
	require.NoError(t, p.Close(t.Context()))
	p.Produce(t.Context(), []kafka.Record{{Topic: "t"}}, func(_ int, _ int32, _ int64, err error) { got <- err })
	require.ErrorIs(t, <-got, kafka.ErrClosed)
}

// Not parallel: it looks at all goroutines.
func TestCloseLeavesNothingBehind(t *testing.T) {
	c := newCluster(t, 4)
	before := goleak.IgnoreCurrent()
	p, err := kafka.NewProducer(c.config)
	require.NoError(t, err)
	r, err := kafka.NewReader(kafka.ReaderConfig{Config: c.config, Topic: c.topic})
	require.NoError(t, err)
	done := 0
	p.Produce(t.Context(), numbered(c.topic, 100, 4), func(_ int, _ int32, _ int64, err error) {
		done++
		assert.NoError(t, err)
	})
	for partition := range int32(4) {
		require.NoError(t, r.Assign(partition, kafka.OffsetOldest))
	}
	poll(t, r, 50, 10)
	_, err = r.HighWater(t.Context(), []int32{0, 1})
	require.NoError(t, err)
	require.NoError(t, p.Close(t.Context()))
	require.Equal(t, 100, done, "Close waits for every record")
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.Assign(0, 0), kafka.ErrClosed)
	_, err = r.Poll(t.Context(), 1)
	require.ErrorIs(t, err, kafka.ErrClosed)
	goleak.VerifyNone(t, before)
}

// A record that comes after a quiet while, and none behind it, is sent: the producer asks
// first how many partitions there are, and finds its broker idle.
func TestOneRecordAfterAQuietWhile(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	p := newProducer(t, c.config)
	for n := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.NoError(t, p.Send(ctx, kafka.Record{Topic: c.topic, Partition: int32(n % 3), Value: []byte("one")}), "record %d", n)
		cancel()
		kafka.Doubt(p)
	}
}
