package kafka_test

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

// A transaction's end takes an offset and is no record. Whoever compares how far
// it has read with the high water would wait for ever.
func TestHighWaterIsReachedBehindATransaction(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	transact(t, c, "kept", true)
	r := newReader(t, c, 0)
	require.NoError(t, r.Assign(0, kafka.OffsetOldest))
	rec := poll(t, r, 1, 1)[0]
	require.Equal(t, "kept", string(rec.Value))
	reached(t, r, rec.Offset+1)
	transact(t, c, "taken back", false)
	reached(t, r, rec.Offset+1)
	requireQuiet(t, r)

	transact(t, c, "kept too", true)
	last := poll(t, r, 1, 1)[0]
	require.Equal(t, "kept too", string(last.Value))
	reached(t, r, last.Offset+1)
}

// Where all records have expired, there is nothing to read up to.
func TestHighWaterIsReachedWhereRecordsHaveExpired(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	produceAll(t, newProducer(t, c.config), kafka.Record{Topic: c.topic}, kafka.Record{Topic: c.topic})
	admin, err := sarama.NewClusterAdmin(c.config.Brokers, sarama.NewConfig())
	require.NoError(t, err)
	require.NoError(t, admin.DeleteRecords(c.topic, map[int32]int64{0: 2}))
	require.NoError(t, admin.Close())
	r := newReader(t, c, 0)
	require.NoError(t, r.Assign(0, kafka.OffsetOldest))
	reached(t, r, 0)
}

// reached waits until the high water of partition 0 is where reading is.
func reached(t *testing.T, r *kafka.Reader, offset int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		marks, err := r.HighWater(t.Context(), []int32{0})
		return err == nil && marks[0] == offset
	}, patience, 20*time.Millisecond)
}

// transact writes a record to partition 0 in a transaction of its own.
func transact(t *testing.T, c cluster, value string, commit bool) {
	t.Helper()
	config := sarama.NewConfig()
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Transaction.ID = c.topic
	config.Net.MaxOpenRequests = 1
	p, err := sarama.NewSyncProducer(c.config.Brokers, config)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	require.NoError(t, p.BeginTxn())
	_, _, err = p.SendMessage(&sarama.ProducerMessage{Topic: c.topic, Value: sarama.StringEncoder(value)})
	require.NoError(t, err)
	if commit {
		require.NoError(t, p.CommitTxn())
		return
	}
	require.NoError(t, p.AbortTxn())
}
