package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
)

// The defaults of SubscriberConfig.
const (
	defaultConcurrency      = 1
	defaultInFlightPerKey   = 16 // times Concurrency
	defaultMinInFlight      = 64
	defaultNackPause        = 100 * time.Millisecond
	defaultDrainTimeout     = 20 * time.Second
	defaultSessionTimeout   = 30 * time.Second
	defaultHeartbeat        = 3 * time.Second
	defaultRebalanceTimeout = 60 * time.Second
)

// growthSeen is how often members ask how many partitions a topic has. Until they
// know of a new one nobody reads it, and producers know of it within topicFresh.
const growthSeen = 10 * time.Second

// SubscriberConfig configures a Subscriber.
type SubscriberConfig struct {
	Config
	// Group is the consumer group. Members of one group share a topic's
	// partitions; each group sees every record. Required.
	Group string
	// Concurrency is how many messages of one partition are with handlers at once.
	// With 1, the default, a partition's messages come strictly one after the
	// other. With more, messages of one key still do; those of different keys, and
	// those without a key, run side by side.
	Concurrency int
	// MaxInFlight bounds, per partition, the records from the first unfinished one
	// on, which a crash would deliver again. Default 16 times Concurrency, at
	// least 64; not below Concurrency.
	MaxInFlight int
	// NackPause is the pause before a message that was nacked comes again. Its key
	// waits for it. Default 100 ms.
	NackPause time.Duration
	// DrainTimeout is how long handlers may go on after Close, or after their
	// partition went to another member. Their messages' contexts end only after
	// it. Must be below RebalanceTimeout. Default 20 s.
	DrainTimeout time.Duration
	// SessionTimeout is the silence after which the group gives this member's
	// partitions away. Default 30 s.
	SessionTimeout time.Duration
	// HeartbeatInterval is how often this member reports, and so how soon it
	// learns of a rebalance. Below a third of SessionTimeout. Default 3 s.
	HeartbeatInterval time.Duration
	// RebalanceTimeout is how long a rebalance waits for this member to let go of
	// its partitions. Default 60 s.
	RebalanceTimeout time.Duration
	// SkipLost goes on where a partition no longer holds the place at which the group
	// left off: its records have expired unread, or the topic was made anew. It is then
	// read from its oldest record: what has expired is lost to the group, and of a log
	// that lost its end records may come again. Without it, the default, that partition
	// stands still until somebody sets the group's offset.
	SkipLost bool
	// CreateTopic is the shape of the topic that SubscribeInitialize creates where
	// there is none; its Name is ignored. With Partitions 0, the default,
	// SubscribeInitialize creates nothing and fails for a missing topic.
	CreateTopic Topic
}

// Validate reports all faults of the configuration at once.
func (c SubscriberConfig) Validate() error {
	faults := []error{
		c.Config.Validate(),
		notNegative("concurrency", c.Concurrency),
		notNegative("max in flight", c.MaxInFlight),
		notNegative("nack pause", c.NackPause),
		notNegative("drain timeout", c.DrainTimeout),
		notNegative("session timeout", c.SessionTimeout),
		notNegative("heartbeat interval", c.HeartbeatInterval),
		notNegative("rebalance timeout", c.RebalanceTimeout),
	}
	if c.Group == "" {
		faults = append(faults, errors.New("group: none given; name the consumer group"))
	}
	c = c.withDefaults()
	if c.MaxInFlight < c.Concurrency {
		faults = append(faults, fmt.Errorf("max in flight: %d is below the concurrency of %d", c.MaxInFlight, c.Concurrency))
	}
	if c.DrainTimeout >= c.RebalanceTimeout {
		faults = append(faults, fmt.Errorf("drain timeout: %v must be below the rebalance timeout of %v, or the group gives partitions away under running handlers", c.DrainTimeout, c.RebalanceTimeout))
	}
	if c.HeartbeatInterval*3 > c.SessionTimeout {
		faults = append(faults, fmt.Errorf("heartbeat interval: %v must be at most a third of the session timeout of %v", c.HeartbeatInterval, c.SessionTimeout))
	}
	return errors.Join(faults...)
}

// withDefaults returns c with every zero value replaced.
func (c SubscriberConfig) withDefaults() SubscriberConfig {
	c.Config = c.Config.withDefaults()
	c.Concurrency = cmp.Or(c.Concurrency, defaultConcurrency)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, max(defaultMinInFlight, defaultInFlightPerKey*c.Concurrency))
	c.NackPause = cmp.Or(c.NackPause, defaultNackPause)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, defaultDrainTimeout)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, defaultSessionTimeout)
	c.HeartbeatInterval = cmp.Or(c.HeartbeatInterval, defaultHeartbeat)
	c.RebalanceTimeout = cmp.Or(c.RebalanceTimeout, defaultRebalanceTimeout)
	return c
}

// settings returns sarama's configuration for a group's member.
func (c SubscriberConfig) settings() *sarama.Config {
	s := c.Config.settings()
	// A join is answered when the slowest member has let go.
	s.Net.ReadTimeout = max(c.RequestTimeout, c.DrainTimeout+c.RequestTimeout)
	s.Metadata.RefreshFrequency = growthSeen
	g := &s.Consumer.Group
	g.Session.Timeout = c.SessionTimeout
	g.Heartbeat.Interval = c.HeartbeatInterval
	g.Rebalance.Timeout = c.RebalanceTimeout
	g.Rebalance.Retry.Backoff = 500 * time.Millisecond
	g.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	return s
}

// Subscriber is watermill's message.Subscriber on a consumer group: at least once,
// in order per key, the group's offset never beyond the first unfinished record.
// It is safe for concurrent use.
type Subscriber struct {
	config SubscriberConfig

	mu      sync.Mutex
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
}

var (
	_ message.Subscriber           = (*Subscriber)(nil)
	_ message.SubscribeInitializer = (*Subscriber)(nil)
)

// NewSubscriber returns a Subscriber, which Close ends. It needs no reachable
// broker and fails only for an invalid configuration.
func NewSubscriber(c SubscriberConfig) (*Subscriber, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka subscriber: %w", err)
	}
	s := &Subscriber{config: c.withDefaults()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Subscribe joins the group for topic and returns its messages. While no broker
// answers, or the topic is missing, it keeps trying. Ack finishes a message; Nack
// brings it again, in place. The channel is closed when ctx ended or Close was
// called, after the drain. A message's context has ctx's values, but not its end:
// it ends with Ack, Nack, or when DrainTimeout ran out.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, ErrClosed)
	}
	sub := &subscription{config: &s.config, topic: topic, out: make(chan *message.Message), base: context.WithoutCancel(ctx)}
	if err := sub.open(); err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	release := context.AfterFunc(s.ctx, cancel)
	s.running.Go(func() {
		defer cancel()
		defer release()
		sub.run(ctx)
	})
	return sub.out, nil
}

// SubscribeInitialize makes sure that topic exists, as CreateTopic says.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	admin, err := NewAdmin(s.config.Config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, 2*s.config.RequestTimeout)
	defer cancel()
	if s.config.CreateTopic.Partitions > 0 {
		shape := s.config.CreateTopic
		shape.Name = topic
		return admin.Create(ctx, shape)
	}
	missing, err := admin.Missing(ctx, topic)
	if err == nil && len(missing) > 0 {
		return fmt.Errorf("%w: %s; create it, or set CreateTopic", ErrTopicMissing, topic)
	}
	return err
}

// Close ends every subscription and waits for them: no further message is
// delivered, running handlers get DrainTimeout, the offsets of what they finished
// are stored, the group is left, and the channels are closed.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
