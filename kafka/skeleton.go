package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

var errTODO = errors.New("kafka: not built yet")

type Producer struct{}

func NewProducer(c Config) (*Producer, error) { return &Producer{}, c.Validate() }
func (p *Producer) Produce(ctx context.Context, records []Record, done func(i int, partition int32, offset int64, err error)) {
}
func (p *Producer) Close(ctx context.Context) error { return errTODO }
func IsPermanent(err error) bool                    { return false }

type ReaderConfig struct {
	Config
	Topic           string
	BufferedRecords int
}
type Reader struct{}

func NewReader(c ReaderConfig) (*Reader, error)                       { return &Reader{}, c.Validate() }
func (r *Reader) Assign(partition int32, offset int64) error          { return errTODO }
func (r *Reader) Revoke(partition int32)                              {}
func (r *Reader) Poll(ctx context.Context, max int) ([]Record, error) { return nil, errTODO }
func (r *Reader) HighWater(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	return nil, errTODO
}
func (r *Reader) Close() error { return errTODO }

type Topic struct {
	Name              string
	Partitions        int32
	ReplicationFactor int16
	Config            map[string]string
}
type Admin struct{}

func NewAdmin(c Config) (*Admin, error)                            { return &Admin{}, c.Validate() }
func (a *Admin) Create(ctx context.Context, topics ...Topic) error { return errTODO }
func (a *Admin) Missing(ctx context.Context, names ...string) ([]string, error) {
	return nil, errTODO
}
func (a *Admin) List(ctx context.Context) ([]Topic, error)         { return nil, errTODO }
func (a *Admin) Delete(ctx context.Context, names ...string) error { return errTODO }
func (a *Admin) Close() error                                      { return nil }

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
