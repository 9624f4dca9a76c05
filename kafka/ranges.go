package kafka

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
)

// Range is what a partition holds: records with offsets from Oldest to below Next.
type Range struct{ Oldest, Next int64 }

// Ranges asks what each partition holds now of the topics that which chooses by
// their names. ctx is heeded between topics.
func (a *Admin) Ranges(ctx context.Context, which func(topic string) bool) (map[string]map[int32]Range, error) {
	settings := a.config.settings()
	settings.Metadata.Full = true // asks for all topics
	client, err := sarama.NewClient(a.config.Brokers, settings)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka at %v: %w", a.config.Brokers, err)
	}
	defer func() { _ = client.Close() }() // nothing of it is of use
	topics, err := client.Topics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	ranges := map[string]map[int32]Range{}
	for _, topic := range topics {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("look at topic %s: %w", topic, err)
		}
		if !which(topic) {
			continue
		}
		if ranges[topic], err = askRanges(ctx, client, topic); err != nil {
			return nil, err
		}
	}
	return ranges, nil
}

// offsets is who knows them: a sarama.Client.
type offsets interface {
	Partitions(topic string) ([]int32, error)
	GetOffset(topic string, partition int32, at int64) (int64, error)
}

// askRanges asks for the offsets of a topic.
func askRanges(ctx context.Context, client offsets, topic string) (map[int32]Range, error) {
	partitions, err := client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("list the partitions of %s: %w", topic, err)
	}
	ranges := map[int32]Range{}
	for _, p := range partitions {
		if ranges[p], err = askRange(ctx, client, topic, p); err != nil {
			return nil, fmt.Errorf("ask what %s/%d holds: %w", topic, p, err)
		}
	}
	return ranges, nil
}

// askRange asks for a while what may be answered soon: of a topic that was made just
// now the leader is known before it knows so itself.
func askRange(ctx context.Context, client offsets, topic string, partition int32) (held Range, err error) {
	for attempt := 1; ; attempt++ {
		if held.Oldest, err = client.GetOffset(topic, partition, sarama.OffsetOldest); err == nil {
			held.Next, err = client.GetOffset(topic, partition, sarama.OffsetNewest)
		}
		if !isAny(err, passing) || attempt == maxAttempts || ctx.Err() != nil {
			return held, err
		}
		pause(ctx, attemptPause)
	}
}
