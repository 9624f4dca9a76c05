package embedded

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// noOffset is what a broker answers for a partition without a committed offset.
const noOffset = -1

// answerUnknownGroups makes the broker answer a request for the offsets of a
// group that nobody has used yet as Apache Kafka does, that it has none. The
// embedded one would say that the group does not exist, which clients that
// commit offsets without being members take for a failure.
func answerUnknownGroups(cluster *kfake.Cluster) {
	key := (&kmsg.OffsetFetchRequest{}).Key()
	cluster.ControlKey(key, func(request kmsg.Request) (kmsg.Response, error, bool) {
		response := noOffsets(request.(*kmsg.OffsetFetchRequest), func(group string) bool {
			return cluster.GroupInfo(group) != nil
		})
		if response == nil {
			return nil, nil, false //nolint:nilnil // false: the broker answers by itself
		}
		cluster.KeepControl()
		return response, nil, true
	})
}

// noOffsets is the answer to a request that asks for unknown groups only; nil
// leaves the request to the broker.
func noOffsets(request *kmsg.OffsetFetchRequest, known func(group string) bool) *kmsg.OffsetFetchResponse {
	response := request.ResponseKind().(*kmsg.OffsetFetchResponse)
	if request.Version < 8 { // one group, at the top level
		if known(request.Group) {
			return nil
		}
		for _, topic := range request.Topics {
			response.Topics = append(response.Topics, noTopicOffsets(topic))
		}
		return response
	}
	for _, group := range request.Groups {
		if known(group.Group) {
			return nil
		}
		response.Groups = append(response.Groups, noGroupOffsets(group))
	}
	return response
}

func noTopicOffsets(asked kmsg.OffsetFetchRequestTopic) kmsg.OffsetFetchResponseTopic {
	topic := kmsg.NewOffsetFetchResponseTopic()
	topic.Topic = asked.Topic
	for _, number := range asked.Partitions {
		partition := kmsg.NewOffsetFetchResponseTopicPartition()
		partition.Partition, partition.Offset, partition.LeaderEpoch = number, noOffset, noOffset
		topic.Partitions = append(topic.Partitions, partition)
	}
	return topic
}

func noGroupOffsets(asked kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	group := kmsg.NewOffsetFetchResponseGroup()
	group.Group = asked.Group
	for _, askedTopic := range asked.Topics {
		topic := kmsg.NewOffsetFetchResponseGroupTopic()
		topic.Topic, topic.TopicID = askedTopic.Topic, askedTopic.TopicID
		for _, number := range askedTopic.Partitions {
			partition := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			partition.Partition, partition.Offset, partition.LeaderEpoch = number, noOffset, noOffset
			topic.Partitions = append(topic.Partitions, partition)
		}
		group.Topics = append(group.Topics, topic)
	}
	return group
}
