package embedded

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// receiveTimeout is how long a test waits for a record that must come.
const receiveTimeout = 20 * time.Second

func saramaConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	return config
}

func createTopic(t *testing.T, brokers []string, topic string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, saramaConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	require.NoError(t, admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, false))
}

// produce sends records from..to-1 to partition 1 in one batch.
func produce(t *testing.T, brokers []string, topic string, from, to int) {
	t.Helper()
	config := saramaConfig()
	config.Producer.Partitioner = sarama.NewManualPartitioner
	producer, err := sarama.NewSyncProducer(brokers, config)
	require.NoError(t, err)
	defer func() { require.NoError(t, producer.Close()) }()
	var batch []*sarama.ProducerMessage
	for i := from; i < to; i++ {
		batch = append(batch, &sarama.ProducerMessage{
			Topic: topic, Partition: 1,
			Key:   sarama.StringEncoder(fmt.Sprint("key-", i)),
			Value: sarama.StringEncoder(fmt.Sprint("value-", i)),
			Headers: []sarama.RecordHeader{
				{Key: []byte("number"), Value: []byte(fmt.Sprint(i))},
				{Key: []byte("empty"), Value: []byte{}},
			},
		})
	}
	require.NoError(t, producer.SendMessages(batch))
}

// requireRecords reads partition 1 from its start and requires records 0..to-1.
func requireRecords(t *testing.T, brokers []string, topic string, to int) {
	t.Helper()
	consumer, err := sarama.NewConsumer(brokers, saramaConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, consumer.Close()) }()
	partition, err := consumer.ConsumePartition(topic, 1, sarama.OffsetOldest)
	require.NoError(t, err)
	defer func() { require.NoError(t, partition.Close()) }()
	for i := range to {
		select {
		case m := <-partition.Messages():
			require.EqualValues(t, i, m.Offset)
			require.Equal(t, fmt.Sprint("key-", i), string(m.Key))
			require.Equal(t, fmt.Sprint("value-", i), string(m.Value))
			require.Len(t, m.Headers, 2)
			require.Equal(t, fmt.Sprint(i), string(m.Headers[0].Value))
			require.Empty(t, m.Headers[1].Value)
		case <-time.After(receiveTimeout):
			require.FailNow(t, "no record", "offset %d did not come", i)
		}
	}
}

func TestKafkaServesSaramaAndSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.NoError(t, err)
	createTopic(t, kafka.Brokers(), "orders")
	produce(t, kafka.Brokers(), "orders", 0, 50)
	requireRecords(t, kafka.Brokers(), "orders", 50)
	kafka.Stop()
	kafka.Stop() // does nothing

	again, err := StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.NoError(t, err)
	defer again.Stop()
	require.Equal(t, kafka.Brokers(), again.Brokers())
	produce(t, again.Brokers(), "orders", 50, 60)
	requireRecords(t, again.Brokers(), "orders", 60)
}

func TestKafkaKeepsGroupOffsetsOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.NoError(t, err)
	createTopic(t, kafka.Brokers(), "orders")
	for offset := int64(1); offset <= 17; offset++ { // the first one finds no group
		commitOffset(t, kafka.Brokers(), offset)
	}
	kafka.Stop()
	again, err := StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.NoError(t, err)
	defer again.Stop()
	require.EqualValues(t, 17, committedOffset(t, again.Brokers()))
}

// A consumer group of several members is what participants run on.
func TestKafkaServesAConsumerGroup(t *testing.T) {
	t.Parallel()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	defer kafka.Stop()
	createTopic(t, kafka.Brokers(), "orders")
	produce(t, kafka.Brokers(), "orders", 0, 5)
	ctx, cancel := context.WithTimeout(t.Context(), receiveTimeout)
	defer cancel()
	group, err := sarama.NewConsumerGroup(kafka.Brokers(), "travellers", saramaConfig())
	require.NoError(t, err)
	reader := &groupReader{want: 5, done: cancel}
	require.NoError(t, group.Consume(ctx, []string{"orders"}, reader))
	require.NoError(t, group.Close())
	require.Equal(t, 5, reader.seen)
}

// groupReader calls done when it has seen the records it wants.
type groupReader struct {
	want, seen int
	done       func()
}

func (*groupReader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*groupReader) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (r *groupReader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	if claim.Partition() != 1 { // the other one is empty
		<-session.Context().Done()
		return nil
	}
	for message := range claim.Messages() {
		session.MarkMessage(message, "")
		if r.seen++; r.seen == r.want {
			r.done()
		}
	}
	return nil
}

func TestKafkaSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	process, address := brokerProcess(t, dir)
	createTopic(t, []string{address}, "orders")
	produce(t, []string{address}, "orders", 0, 50)
	require.NoError(t, process.Process.Kill())
	require.Error(t, process.Wait())

	_, revived := brokerProcess(t, dir)
	require.Equal(t, address, revived)
	requireRecords(t, []string{revived}, "orders", 50)
}

func TestKafkaDoesNotCreateTopicsByUse(t *testing.T) {
	t.Parallel()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	defer kafka.Stop()
	client, err := sarama.NewClient(kafka.Brokers(), saramaConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	require.ErrorIs(t, client.RefreshMetadata("missing"), sarama.ErrUnknownTopicOrPartition)
}

func TestKafkaRefusesAFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.NoError(t, err)
	_, err = StartKafka(t.Context(), KafkaConfig{Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, dir)
	require.ErrorIs(t, Reset(dir), ErrInUse)
	kafka.Stop()
	require.NoError(t, Reset(dir))
	require.NoDirExists(t, dir)
}

func TestKafkaUsesGivenBrokers(t *testing.T) {
	t.Parallel()
	kafka, err := StartKafka(t.Context(), KafkaConfig{Brokers: []string{"elsewhere:9092"}})
	require.NoError(t, err)
	defer kafka.Stop()
	require.Equal(t, []string{"elsewhere:9092"}, kafka.Brokers())
}

func TestKafkaConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := StartKafka(t.Context(), KafkaConfig{Dir: t.TempDir(), Port: 70000})
	require.ErrorContains(t, err, "Port 70000")
}

// commitOffset commits an offset for partition 1 in the group "readers".
func commitOffset(t *testing.T, brokers []string, offset int64) {
	t.Helper()
	client, err := sarama.NewClient(brokers, saramaConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	offsets, err := sarama.NewOffsetManagerFromClient("readers", client)
	require.NoError(t, err)
	partition, err := offsets.ManagePartition("orders", 1)
	require.NoError(t, err)
	partition.MarkOffset(offset, "")
	offsets.Commit()
	partition.AsyncClose()
	require.NoError(t, offsets.Close())
}

func committedOffset(t *testing.T, brokers []string) int64 {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, saramaConfig())
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close()) }()
	answer, err := admin.ListConsumerGroupOffsets("readers", map[string][]int32{"orders": {1}})
	require.NoError(t, err)
	block := answer.GetBlock("orders", 1)
	require.NotNil(t, block)
	return block.Offset
}
