package kafka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/kafka"
)

func TestRanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	produceAll(t, newProducer(t, c.config), kafka.Record{Topic: c.topic, Partition: 1}, kafka.Record{Topic: c.topic, Partition: 1})
	admin, err := kafka.NewAdmin(c.config)
	require.NoError(t, err)
	ranges, err := admin.Ranges(t.Context(), func(topic string) bool { return topic == c.topic })
	require.NoError(t, err)
	require.Equal(t, map[string]map[int32]kafka.Range{c.topic: {0: {}, 1: {Oldest: 0, Next: 2}}}, ranges)
}
