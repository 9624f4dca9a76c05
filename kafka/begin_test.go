package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

// TestAGroupBeginsAtATime: a group that has never read a topic begins at what is not
// older than that, and one that has goes on where it was.
func TestAGroupBeginsAtATime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	since := time.Now().Truncate(time.Millisecond)
	record := func(value string, partition int32, at time.Time) kafka.Record {
		return kafka.Record{Topic: c.topic, Partition: partition, Key: []byte("k"), Value: []byte(value), Timestamp: at}
	}
	produce := newProducer(t, c.config)
	produceAll(t, produce, record("old", 0, since.Add(-time.Minute)), record("new", 0, since), record("old too", 1, since.Add(-time.Hour)))
	admin, err := kafka.NewAdmin(c.config)
	require.NoError(t, err)
	group := "begin-" + c.topic
	placed, err := admin.Begin(t.Context(), group, c.topic, since)
	require.NoError(t, err)
	require.True(t, placed)
	placed, err = admin.Begin(t.Context(), group, c.topic, since.Add(-2*time.Hour))
	require.NoError(t, err)
	require.False(t, placed, "it has its place")

	produceAll(t, produce, record("late", 1, since.Add(-time.Second))) // behind the end as it was
	messages := subscribe(t, newSubscriber(t, c, group, nil), c.topic)
	var got []string
	for range 2 {
		m := next(t, messages)
		got = append(got, string(m.Payload))
		m.Ack()
	}
	require.ElementsMatch(t, []string{"new", "late"}, got)
	requireNone(t, messages)

	_, err = admin.Begin(t.Context(), group, "no-such-"+c.topic, since)
	require.Error(t, err)
}
