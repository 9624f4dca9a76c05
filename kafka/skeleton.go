package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

var errTODO = errors.New("kafka: not built yet")

// NewMessage returns the watermill message of a record: the record travels in its context.
func NewMessage(ctx context.Context, r Record) *message.Message { return nil }

type PublisherConfig struct {
	Config
	Key func(topic string, m *message.Message) string
}
type Publisher struct{}

func NewPublisher(c PublisherConfig) (*Publisher, error)                      { return &Publisher{}, c.Validate() }
func (p *Publisher) Publish(topic string, messages ...*message.Message) error { return errTODO }
func (p *Publisher) Close() error                                             { return nil }

type SubscriberConfig struct {
	Config
	Group        string
	Concurrency  int
	DrainTimeout time.Duration
}
type Subscriber struct{}

func NewSubscriber(c SubscriberConfig) (*Subscriber, error) { return &Subscriber{}, c.Validate() }
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	return nil, errTODO
}
func (s *Subscriber) SubscribeInitialize(topic string) error { return errTODO }
func (s *Subscriber) Close() error                           { return nil }
