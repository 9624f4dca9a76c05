package kafka

import "github.com/IBM/sarama"

// Wire is a producer's connection to a broker, for tests that disturb it.
type Wire = wire

// Disturb has p connect through wrap.
func Disturb(p *Producer, wrap func(Wire) Wire) {
	p.dial = func(addr string) wire { return wrap(sarama.NewBroker(addr)) }
}
