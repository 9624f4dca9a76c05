package kafka_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

func TestReaderReadsOnlyWhatIsAssigned(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	p := newProducer(t, c.config)
	for partition := range int32(3) {
		for range 20 {
			produceAll(t, p, kafka.Record{Topic: c.topic, Partition: partition})
		}
	}
	r := newReader(t, c, 4) // far less than there is: the reader waits for Poll
	require.NoError(t, r.Assign(1, 5))
	read := poll(t, r, 15, 3)
	for i, rec := range read {
		require.EqualValues(t, 1, rec.Partition)
		require.EqualValues(t, 5+i, rec.Offset)
	}
	requireQuiet(t, r)

	require.NoError(t, r.Assign(1, 0), "an assigned partition is assigned anew")
	require.EqualValues(t, 0, poll(t, r, 1, 1)[0].Offset)
	r.Revoke(1)
	r.Revoke(2)
	requireQuiet(t, r)
	require.NoError(t, r.Assign(2, kafka.OffsetOldest))
	require.NoError(t, r.Assign(1, 19))
	seen := map[int32]int{}
	for _, rec := range poll(t, r, 21, 100) {
		seen[rec.Partition]++
	}
	require.Equal(t, map[int32]int{1: 1, 2: 20}, seen)
}

// requireQuiet checks that a moment passes without a record.
func requireQuiet(t *testing.T, r *kafka.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	batch, err := r.Poll(ctx, 10)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, batch)
}

func TestReaderReportsAnOffsetOutOfRangeAsData(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	p := newProducer(t, c.config)
	produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0}, kafka.Record{Topic: c.topic, Partition: 1})
	r := newReader(t, c, 0)
	require.NoError(t, r.Assign(0, 99))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := r.Poll(ctx, 1)
	var fault *kafka.PartitionError
	require.ErrorAs(t, err, &fault)
	require.ErrorIs(t, err, kafka.ErrOffsetOutOfRange)
	require.EqualValues(t, 0, fault.Partition)
	require.EqualValues(t, 99, fault.Offset)

	require.NoError(t, r.Assign(1, 0), "the others go on")
	require.EqualValues(t, 1, poll(t, r, 1, 1)[0].Partition)
	require.NoError(t, r.Assign(0, 0), "and so does this one, once assigned anew")
	require.EqualValues(t, 0, poll(t, r, 1, 1)[0].Partition)
	require.Error(t, r.Assign(-1, 0))
	require.Error(t, r.Assign(0, -7))
}

func TestHighWaterIsFresh(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	p := newProducer(t, c.config)
	r := newReader(t, c, 0)
	for n := range int64(5) {
		marks, err := r.HighWater(t.Context(), []int32{0, 2, 2})
		require.NoError(t, err)
		require.Equal(t, map[int32]int64{0: n, 2: 0}, marks)
		produceAll(t, p, kafka.Record{Topic: c.topic, Partition: 0})
	}
	_, err := r.HighWater(t.Context(), []int32{0, 77})
	require.Error(t, err)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.HighWater(cancelled, []int32{0})
	require.ErrorIs(t, err, context.Canceled)
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	admin, err := kafka.NewAdmin(c.config)
	require.NoError(t, err)
	second := c.topic + "-second"
	missing, err := admin.Missing(t.Context(), c.topic, second)
	require.NoError(t, err)
	require.Equal(t, []string{second}, missing)
	require.NoError(t, admin.Create(t.Context(),
		kafka.Topic{Name: c.topic, Partitions: 1},
		kafka.Topic{Name: second, Partitions: 5, ReplicationFactor: 1, Config: map[string]string{"max.message.bytes": "2097152"}}))
	err = admin.Create(t.Context(), kafka.Topic{Name: c.topic, Partitions: 3})
	require.ErrorIs(t, err, kafka.ErrTopicDiffers)
	require.Error(t, admin.Create(t.Context(), kafka.Topic{Name: "none"}))

	topics, err := admin.List(t.Context())
	require.NoError(t, err)
	i := slices.IndexFunc(topics, func(t kafka.Topic) bool { return t.Name == second })
	require.GreaterOrEqual(t, i, 0)
	require.EqualValues(t, 5, topics[i].Partitions)
	require.EqualValues(t, 1, topics[i].ReplicationFactor)
	require.Equal(t, "2097152", topics[i].Config["max.message.bytes"])
	require.NoError(t, admin.Delete(t.Context(), second, c.topic+"-never"))
	require.Eventually(t, func() bool {
		missing, err := admin.Missing(t.Context(), second)
		return err == nil && len(missing) == 1
	}, patience, 50*time.Millisecond)
}

func TestConfigsNameAllFaults(t *testing.T) {
	t.Parallel()
	_, err := kafka.NewReader(kafka.ReaderConfig{Config: kafka.Config{Version: "x", DialTimeout: -1}, BufferedRecords: -1})
	for _, word := range []string{"brokers", "version", "dial timeout", "topic", "buffered records"} {
		require.ErrorContains(t, err, word)
	}
	_, err = kafka.NewProducer(kafka.Config{Brokers: []string{""}, Version: "0.11.0.0"})
	require.ErrorContains(t, err, "address is empty")
	require.ErrorContains(t, err, "too old")
	_, err = kafka.NewAdmin(kafka.Config{})
	require.Error(t, err)
}
