package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/IBM/sarama"
)

// defaultVersion is spoken unless Config.Version says otherwise.
const defaultVersion = "3.7.0"

// Config says how to reach a cluster. Every component of this package embeds
// it. The zero value of each field is the documented default, except Brokers,
// which is required.
type Config struct {
	// Brokers are the addresses (host:port) to ask first; the rest of the
	// cluster is learnt from them. Required.
	Brokers []string
	// ClientID names this program in the brokers' logs and quotas. Default "unwind".
	ClientID string
	// Version is the lowest broker version to speak to, like "3.7.0" (the
	// default). Newer brokers are fine; requests are negotiated.
	Version string
	// MaxMessageBytes bounds one record (key, value and headers) and one batch of
	// a partition, before compression. Default 1 MiB, which is Kafka's default
	// for topics; it must not exceed the topics' max.message.bytes, or whole
	// batches would be refused for being too large together.
	MaxMessageBytes int
	// MaxBufferedRecords bounds the records a Producer holds that are not handed
	// to the wire yet. One more is refused with ErrBufferFull. Default 65,536.
	MaxBufferedRecords int
	// TopicGrace is how long a topic may be unknown before records for it fail
	// permanently (ErrTopicMissing) and not just for now: news of a fresh topic
	// takes a moment to reach every broker. Default 5 s.
	TopicGrace time.Duration
	// DialTimeout bounds one connection attempt. Default 5 s.
	DialTimeout time.Duration
	// RequestTimeout bounds one request to a broker. Default 15 s.
	RequestTimeout time.Duration
	// Security is encryption and authentication. Default: neither.
	Security Security
	// Log receives what an operator should know. nil discards it.
	Log *slog.Logger
}

// Validate reports all faults of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	if len(c.Brokers) == 0 {
		faults = append(faults, errors.New("brokers: none given; name at least one host:port"))
	}
	for _, b := range c.Brokers {
		if b == "" {
			faults = append(faults, errors.New("brokers: an address is empty"))
		} else if err := c.Security.exposed(b); err != nil {
			faults = append(faults, err)
		}
	}
	if v, err := sarama.ParseKafkaVersion(cmp.Or(c.Version, defaultVersion)); err != nil {
		faults = append(faults, fmt.Errorf("version %q: %w; write it like %s", c.Version, err, defaultVersion))
	} else if !v.IsAtLeast(sarama.V2_1_0_0) {
		faults = append(faults, fmt.Errorf("version %q: too old; 2.1.0 is the oldest supported", c.Version))
	}
	faults = append(faults,
		c.Security.Validate(),
		notNegative("max message bytes", c.MaxMessageBytes),
		notNegative("max buffered records", c.MaxBufferedRecords),
		notNegative("topic grace", c.TopicGrace),
		notNegative("dial timeout", c.DialTimeout),
		notNegative("request timeout", c.RequestTimeout))
	return errors.Join(faults...)
}

// notNegative is the fault of a setting that must not be below zero.
func notNegative[T int | time.Duration](name string, v T) error {
	if v < 0 {
		return fmt.Errorf("%s: %v is negative; 0 stands for the default", name, v)
	}
	return nil
}
