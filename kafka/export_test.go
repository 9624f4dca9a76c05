package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// Wire is a producer's connection to a broker, for tests that disturb it.
type Wire = wire

// Disturb has p connect through wrap.
func Disturb(p *Producer, wrap func(Wire) Wire) {
	p.dial = func(addr string) wire { return wrap(sarama.NewBroker(addr)) }
}

// Doubt has p believe no longer what it knows of its topics, as it does after a while.
func Doubt(p *Producer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.topics {
		t.fresh = time.Time{}
	}
}
