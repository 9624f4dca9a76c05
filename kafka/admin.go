package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/IBM/sarama"
)

// ErrTopicDiffers says that a topic exists with fewer partitions than wanted.
// More partitions would move keys, so nothing changes by itself.
var ErrTopicDiffers = errors.New("kafka: topic exists with fewer partitions")

// Topic describes a topic.
type Topic struct {
	// Name is the topic's name.
	Name string
	// Partitions is the number of partitions, at least 1.
	Partitions int32
	// ReplicationFactor is the number of copies; 0 is the cluster's default.
	ReplicationFactor int16
	// Config are topic settings by Kafka's names, like "max.message.bytes". In
	// List those that differ from Kafka's own defaults.
	Config map[string]string
}

// Admin creates, lists and deletes topics. It connects on each call, so it needs
// no reachable broker to be made and holds nothing open. It is safe for
// concurrent use.
type Admin struct {
	config Config
}

// NewAdmin returns an Admin. It fails only for an invalid configuration.
func NewAdmin(c Config) (*Admin, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka admin: %w", err)
	}
	return &Admin{config: c.withDefaults()}, nil
}

// Create makes sure that the topics exist with at least the partitions wanted,
// and returns when the cluster knows them. Existing ones are left as they are;
// one with fewer partitions is an error (ErrTopicDiffers). ctx is heeded between
// requests.
func (a *Admin) Create(ctx context.Context, topics ...Topic) error {
	for _, t := range topics {
		if t.Name == "" || t.Partitions < 1 {
			return fmt.Errorf("create topic %q with %d partitions: give a name and at least one partition", t.Name, t.Partitions)
		}
	}
	return a.with(ctx, func(admin sarama.ClusterAdmin) error {
		for _, t := range topics {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("create topic %s: %w", t.Name, err)
			}
			if err := create(admin, t); err != nil {
				return fmt.Errorf("create topic %s: %w", t.Name, err)
			}
		}
		return await(ctx, "to be served", func() (string, error) { return unready(admin, topics) })
	})
}

// create creates one topic unless it exists.
func create(admin sarama.ClusterAdmin, t Topic) error {
	detail := &sarama.TopicDetail{
		NumPartitions:     t.Partitions,
		ReplicationFactor: t.ReplicationFactor,
		ConfigEntries:     map[string]*string{},
	}
	if t.ReplicationFactor == 0 {
		detail.ReplicationFactor = -1
	}
	for k, v := range t.Config {
		detail.ConfigEntries[k] = &v
	}
	err := admin.CreateTopic(t.Name, detail, false)
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return nil
	}
	return err
}

// await waits until no topic is left for something.
func await(ctx context.Context, what string, left func() (topic string, err error)) error {
	for {
		topic, err := left()
		if err != nil || topic == "" {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("wait for topic %s %s: %w", topic, what, ctx.Err())
		}
	}
}

// unready returns the name of a topic that is not served yet, if any.
func unready(admin sarama.ClusterAdmin, topics []Topic) (string, error) {
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = t.Name
	}
	found, err := describe(admin, names)
	if err != nil {
		return "", err
	}
	for _, t := range topics {
		m := found[t.Name]
		if m == nil {
			return t.Name, nil
		}
		if n := int32(len(m.Partitions)); n < t.Partitions {
			return "", fmt.Errorf("%w: %s has %d, wanted %d; create it anew or add partitions by hand", ErrTopicDiffers, t.Name, n, t.Partitions)
		}
		if slices.ContainsFunc(m.Partitions, leaderless) {
			return t.Name, nil
		}
	}
	return "", nil
}

// leaderless tells whether nobody serves a partition.
func leaderless(p *sarama.PartitionMetadata) bool { return p.Err != sarama.ErrNoError }

// describe returns what the cluster says about the topics it has.
func describe(admin sarama.ClusterAdmin, names []string) (map[string]*sarama.TopicMetadata, error) {
	found := map[string]*sarama.TopicMetadata{}
	if len(names) == 0 {
		return found, nil // an empty list would ask for all topics
	}
	described, err := admin.DescribeTopics(names)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	for _, m := range described {
		switch m.Err {
		case sarama.ErrNoError, sarama.ErrLeaderNotAvailable:
			found[m.Name] = m
		case sarama.ErrUnknownTopicOrPartition:
		default:
			return nil, fmt.Errorf("describe topic %s: %w", m.Name, m.Err)
		}
	}
	return found, nil
}

// Missing returns those of names that do not exist, in the order given.
func (a *Admin) Missing(ctx context.Context, names ...string) ([]string, error) {
	var missing []string
	err := a.with(ctx, func(admin sarama.ClusterAdmin) error {
		found, err := describe(admin, names)
		for _, n := range names {
			if err == nil && found[n] == nil {
				missing = append(missing, n)
			}
		}
		return err
	})
	return missing, err
}

// List returns the cluster's topics by name, without Kafka's internal ones.
func (a *Admin) List(ctx context.Context) ([]Topic, error) {
	var topics []Topic
	err := a.with(ctx, func(admin sarama.ClusterAdmin) error {
		details, err := admin.ListTopics()
		for name, d := range details {
			if len(name) > 1 && name[:2] == "__" {
				continue
			}
			topics = append(topics, fromDetail(name, d))
		}
		return err
	})
	sort.Slice(topics, func(i, j int) bool { return topics[i].Name < topics[j].Name })
	return topics, err
}

// fromDetail returns the library's description as a Topic.
func fromDetail(name string, d sarama.TopicDetail) Topic {
	t := Topic{Name: name, Partitions: d.NumPartitions, ReplicationFactor: d.ReplicationFactor, Config: map[string]string{}}
	for k, v := range d.ConfigEntries {
		if v != nil {
			t.Config[k] = *v
		}
	}
	return t
}

// Delete deletes topics with all their records, and returns when the cluster shows none
// of them any more, which a busy broker is slow to see. Missing ones are fine. When ctx
// ends first they are deleted all the same.
func (a *Admin) Delete(ctx context.Context, names ...string) error {
	return a.with(ctx, func(admin sarama.ClusterAdmin) error {
		for _, n := range names {
			err := admin.DeleteTopic(n)
			if err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
				return fmt.Errorf("delete topic %s: %w", n, err)
			}
		}
		return await(ctx, "to be gone", func() (string, error) { return present(admin, names) })
	})
}

// present returns the name of a topic that the cluster shows, if any.
func present(admin sarama.ClusterAdmin, names []string) (string, error) {
	found, err := describe(admin, names)
	for _, n := range names {
		if err == nil && found[n] != nil {
			return n, nil
		}
	}
	return "", err
}

// DeleteGroups deletes consumer groups, which must have no members any more, with
// their offsets. Missing ones are fine.
func (a *Admin) DeleteGroups(ctx context.Context, names ...string) error {
	return a.with(ctx, func(admin sarama.ClusterAdmin) error {
		for _, n := range names {
			err := admin.DeleteConsumerGroup(n)
			if err != nil && !errors.Is(err, sarama.ErrGroupIDNotFound) {
				return fmt.Errorf("delete consumer group %s: %w", n, err)
			}
		}
		return nil
	})
}

// Close ends the Admin. It holds nothing open, so there is nothing to wait for.
func (a *Admin) Close() error { return nil }

// with runs do with a connection. Asking for all topics' metadata, which a fresh
// connection does, is what finds the controller.
func (a *Admin) with(ctx context.Context, do func(sarama.ClusterAdmin) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("administer Kafka: %w", err)
	}
	settings := a.config.settings()
	settings.Metadata.Full = true
	admin, err := sarama.NewClusterAdmin(a.config.Brokers, settings)
	if err != nil {
		return fmt.Errorf("connect to Kafka at %v: %w", a.config.Brokers, explain(err))
	}
	return errors.Join(do(admin), admin.Close())
}
