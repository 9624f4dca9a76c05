package kafka_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/kafka"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == restartArgument {
		os.Exit(askForRestart(os.Args[2]))
	}
	os.Exit(testserver.Main(m))
}

// cluster is the shared broker and one topic of the test's own.
type cluster struct {
	config kafka.Config
	topic  string
}

// newCluster creates a topic of the test's own on the shared broker.
func newCluster(t *testing.T, partitions int32) cluster {
	t.Helper()
	c := cluster{
		config: kafka.Config{Brokers: testserver.Kafka(t)},
		topic:  "test-" + uuid.NewString(),
	}
	c.create(t, c.topic, partitions)
	return c
}

func (c cluster) create(t *testing.T, topic string, partitions int32) {
	t.Helper()
	admin, err := kafka.NewAdmin(c.config)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, admin.Create(ctx, kafka.Topic{Name: topic, Partitions: partitions}))
	require.Eventually(t, func() bool { // a partition has a leader some time before it answers as one
		ranges, err := admin.Ranges(ctx, func(name string) bool { return name == topic })
		return err == nil && len(ranges[topic]) == int(partitions)
	}, patience, 20*time.Millisecond)
	require.NoError(t, admin.Close())
}

// outcome is what a Producer said about one record.
type outcome struct {
	partition int32
	offset    int64
	err       error
	calls     int
}

// produce sends records and waits for their outcomes.
func produce(t *testing.T, p *kafka.Producer, records ...kafka.Record) []outcome {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	all.Add(len(records))
	outcomes := make([]outcome, len(records))
	p.Produce(t.Context(), records, func(i int, partition int32, offset int64, err error) {
		mu.Lock()
		defer mu.Unlock()
		outcomes[i] = outcome{partition, offset, err, outcomes[i].calls + 1}
		all.Done()
	})
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	return outcomes
}

// produceAll sends records, each of which must arrive.
func produceAll(t *testing.T, p *kafka.Producer, records ...kafka.Record) []outcome {
	t.Helper()
	outcomes := produce(t, p, records...)
	for i, o := range outcomes {
		require.NoError(t, o.err, "record %d", i)
		require.Equal(t, 1, o.calls, "record %d", i)
	}
	return outcomes
}

func newProducer(t *testing.T, c kafka.Config) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(c)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, p.Close(ctx))
	})
	return p
}

func newReader(t *testing.T, c cluster, buffered int) *kafka.Reader {
	t.Helper()
	r, err := kafka.NewReader(kafka.ReaderConfig{Config: c.config, Topic: c.topic, BufferedRecords: buffered})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// poll reads until n records have come, in steps of at most limit.
func poll(t *testing.T, r *kafka.Reader, n, limit int) []kafka.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []kafka.Record
	for len(all) < n {
		batch, err := r.Poll(ctx, limit)
		require.NoError(t, err, "after %d of %d records", len(all), n)
		require.NotEmpty(t, batch)
		require.LessOrEqual(t, len(batch), limit)
		all = append(all, batch...)
	}
	return all
}

// numbered are n records of a topic with the keys k0, k1, … in turn.
func numbered(topic string, n, keys int) []kafka.Record {
	records := make([]kafka.Record, n)
	for i := range records {
		records[i] = kafka.Record{
			Topic: topic, Partition: kafka.ByKey,
			Key: fmt.Appendf(nil, "k%d", i%keys), Value: fmt.Appendf(nil, "%06d", i),
		}
	}
	return records
}

// requireOrderPerKey checks that the values of each key only grow.
func requireOrderPerKey(t *testing.T, records []kafka.Record) {
	t.Helper()
	last := map[string]string{}
	for _, r := range records {
		require.Less(t, last[string(r.Key)], string(r.Value), "key %s", r.Key)
		last[string(r.Key)] = string(r.Value)
	}
}

// big is a value of n bytes.
func big(n int) []byte { return []byte(strings.Repeat("x", n)) }
