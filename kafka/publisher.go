package kafka

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// defaultCloseTimeout is PublisherConfig.CloseTimeout's default.
const defaultCloseTimeout = 30 * time.Second

// PublisherConfig configures a Publisher.
type PublisherConfig struct {
	Config
	// Key returns the key of a message for topic; messages with one key stay in
	// order. "" leaves it to the record that the message carries, if any, and
	// else there is no key. nil is a Key that always returns "".
	Key func(topic string, m *message.Message) string
	// CloseTimeout bounds Close's wait for records in flight. Default 30 s.
	CloseTimeout time.Duration
}

// Publisher is watermill's message.Publisher. A message that carries its own
// record (see NewMessage: one from Subscriber, or one made so by the caller) is
// published as that record, byte for byte, its headers in order with duplicates
// and missing values, plus what was changed in the message since. Its partition
// is the record's when the record names the same topic or none, and else the
// key's.
//
// It is safe for concurrent use.
type Publisher struct {
	config   PublisherConfig
	producer *Producer
}

var _ message.Publisher = (*Publisher)(nil)

// NewPublisher returns a Publisher, which Close ends. It needs no reachable
// broker and fails only for an invalid configuration.
func NewPublisher(c PublisherConfig) (*Publisher, error) {
	if err := notNegative("close timeout", c.CloseTimeout); err != nil {
		return nil, fmt.Errorf("configure Kafka publisher: %w", err)
	}
	c.CloseTimeout = cmp.Or(c.CloseTimeout, defaultCloseTimeout)
	if c.Key == nil {
		c.Key = func(string, *message.Message) string { return "" }
	}
	producer, err := NewProducer(c.Config)
	if err != nil {
		return nil, err
	}
	return &Publisher{config: c, producer: producer}, nil
}

// Publish sends the messages as one batch and waits until each is acknowledged
// by all in-sync replicas, or failed. Messages with the same key keep the order
// given. An error says how many failed; the others are in the log, and of those
// that failed some may be (see IsPermanent): publish all of them again.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	records := make([]Record, len(messages))
	for i, m := range messages {
		records[i] = fromMessage(topic, m, p.config.Key(topic, m))
	}
	var all sync.WaitGroup
	all.Add(len(records))
	failed, first := 0, error(nil) // written in one call of done at a time
	p.producer.Produce(context.Background(), records, func(i int, _ int32, _ int64, err error) {
		defer all.Done()
		if err == nil {
			return
		}
		if failed++; first == nil {
			first = fmt.Errorf("message %s: %w", messages[i].UUID, err)
		}
	})
	all.Wait()
	if first != nil {
		return fmt.Errorf("publish to %s: %d of %d messages failed, the first of them %w", topic, failed, len(messages), first)
	}
	return nil
}

// Close waits for records in flight, at most CloseTimeout, and ends the
// publisher.
func (p *Publisher) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.config.CloseTimeout)
	defer cancel()
	return p.producer.Close(ctx)
}
