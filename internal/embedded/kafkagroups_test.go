package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestNoOffsetsInBothShapesOfTheRequest(t *testing.T) {
	t.Parallel()
	known := func(group string) bool { return group == "known" }
	old := &kmsg.OffsetFetchRequest{Version: 7, Group: "fresh", Topics: []kmsg.OffsetFetchRequestTopic{
		{Topic: "orders", Partitions: []int32{0, 3}},
	}}
	answer := noOffsets(old, known)
	require.Len(t, answer.Topics, 1)
	require.Len(t, answer.Topics[0].Partitions, 2)
	require.EqualValues(t, 3, answer.Topics[0].Partitions[1].Partition)
	require.EqualValues(t, noOffset, answer.Topics[0].Partitions[1].Offset)

	fresh := kmsg.OffsetFetchRequestGroup{Group: "fresh", Topics: []kmsg.OffsetFetchRequestGroupTopic{
		{Topic: "orders", Partitions: []int32{0}},
	}}
	answer = noOffsets(&kmsg.OffsetFetchRequest{Version: 8, Groups: []kmsg.OffsetFetchRequestGroup{fresh}}, known)
	require.Len(t, answer.Groups, 1)
	require.EqualValues(t, noOffset, answer.Groups[0].Topics[0].Partitions[0].Offset)

	old.Group = "known"
	require.Nil(t, noOffsets(old, known))
	both := []kmsg.OffsetFetchRequestGroup{fresh, {Group: "known"}}
	require.Nil(t, noOffsets(&kmsg.OffsetFetchRequest{Version: 8, Groups: both}, known))
}
