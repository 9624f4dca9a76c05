package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// Begin gives a consumer group that has never read a topic the place to begin at:
// in each partition the first record that is not older than since, by the record's
// own time, or the end. A group with any offset of the topic is left alone, so that
// a partition that is added later is read from its beginning. It must be called
// before the group's members join; two callers at once place the same. placed says
// whether it placed the group.
func (a *Admin) Begin(ctx context.Context, group, topic string, since time.Time) (placed bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("begin reading %s: %w", topic, err)
	}
	client, err := sarama.NewClient(a.config.Brokers, a.config.settings())
	if err != nil {
		return false, fmt.Errorf("begin reading %s: connect to Kafka at %v: %w", topic, a.config.Brokers, explain(err))
	}
	defer func() { _ = client.Close() }() // nothing of it is of use
	if placed, err = begin(client, group, topic, since); err != nil {
		return false, fmt.Errorf("begin reading %s as group %s: %w", topic, group, err)
	}
	return placed, nil
}

func begin(client sarama.Client, group, topic string, since time.Time) (bool, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return false, err
	}
	known, err := hasOffsets(client, group, topic, partitions)
	if err != nil || known {
		return false, err
	}
	places := map[int32]int64{}
	for _, p := range partitions {
		if places[p], err = offsetAt(client, topic, p, since); err != nil {
			return false, err
		}
	}
	return true, commitOffsets(client, group, topic, places)
}

// hasOffsets reports whether the group has an offset of any partition.
func hasOffsets(client sarama.Client, group, topic string, partitions []int32) (bool, error) {
	offsets, err := storedOffsets(client, group, topic, partitions)
	return len(offsets) > 0, err
}

// storedOffsets asks for a group's offsets; a partition without one is left out.
func storedOffsets(client sarama.Client, group, topic string, partitions []int32) (map[int32]int64, error) {
	coordinator, err := groupCoordinator(client, group)
	if err != nil {
		return nil, err
	}
	request := sarama.NewOffsetFetchRequest(client.Config().Version, group, map[string][]int32{topic: partitions})
	request.RequireStable = request.Version >= 7 // not one that a transaction is about to replace
	response, err := coordinator.FetchOffset(request)
	switch {
	case err != nil:
		_ = coordinator.Close() // the library dials again on the next use
		return nil, err
	case response.Err != sarama.ErrNoError:
		return nil, response.Err
	}
	offsets := map[int32]int64{}
	for _, p := range partitions {
		block := response.GetBlock(topic, p)
		switch {
		case block == nil:
			return nil, errors.New("the broker left out a partition")
		case block.Err != sarama.ErrNoError:
			return nil, block.Err
		case block.Offset >= 0:
			offsets[p] = block.Offset
		}
	}
	return offsets, nil
}

// groupCoordinator finds a group's broker, which may have moved.
func groupCoordinator(client sarama.Client, group string) (*sarama.Broker, error) {
	if err := client.RefreshCoordinator(group); err != nil {
		return nil, err
	}
	return client.Coordinator(group)
}

// offsetAt is the first record that is not older than since, else the end as it was
// before that was known: what comes in between is not passed over.
func offsetAt(client sarama.Client, topic string, partition int32, since time.Time) (int64, error) {
	end, err := client.GetOffset(topic, partition, sarama.OffsetNewest)
	if err != nil {
		return 0, err
	}
	found, err := client.GetOffset(topic, partition, since.UnixMilli())
	if err != nil || found >= 0 {
		return found, err
	}
	return end, nil
}

// commitOffsets writes a group's offsets as one that is no member of it.
func commitOffsets(client sarama.Client, group, topic string, places map[int32]int64) error {
	coordinator, err := groupCoordinator(client, group)
	if err != nil {
		return err
	}
	request := sarama.NewOffsetCommitRequest(client.Config(), group)
	for p, offset := range places {
		request.AddBlock(topic, p, offset, 0, "")
	}
	response, err := coordinator.CommitOffset(request)
	if err != nil {
		return err
	}
	for _, faults := range response.Errors {
		for _, fault := range faults {
			if fault != sarama.ErrNoError {
				return fault
			}
		}
	}
	return nil
}
