package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// link is a producer's connection to the cluster.
type link struct {
	client   sarama.Client
	producer sarama.AsyncProducer
}

// results are the channels of outcomes; nil ones without a link. They are
// unbuffered, so one reader of both sees a partition's outcomes in order.
func (l *link) results() (<-chan *sarama.ProducerMessage, <-chan *sarama.ProducerError) {
	if l == nil {
		return nil, nil
	}
	return l.producer.Successes(), l.producer.Errors()
}

// newLink connects. topic is only there to have something to ask the brokers
// for; it need not exist.
func newLink(c Config, topic string) (*link, error) {
	settings := c.settings()
	settings.Producer.Transaction.Retry.Max = 10 // asking for the producer id: a young broker takes a moment to have one
	client, err := sarama.NewClient(c.Brokers, settings)
	if err != nil {
		return nil, err
	}
	if err := explain(client.RefreshMetadata(topic)); errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, ErrAuthentication) {
		_ = client.Close()
		return nil, err
	}
	producer, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		_ = client.Close()
		return nil, explain(err)
	}
	return &link{client: client, producer: producer}, nil
}

// ensureLink connects if need be. It paces attempts, so that senders which try
// again at once do not spin.
func (p *Producer) ensureLink(topic string) error {
	if p.link != nil {
		return nil
	}
	pause := time.NewTimer(time.Until(p.nextConnect))
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-p.abort:
		return ErrClosed
	}
	p.nextConnect = time.Now().Add(reconnectPause)
	l, err := newLink(p.config, topic)
	if err != nil {
		p.nextConnect = time.Now().Add(pauseAfter(err))
		p.config.Log.Warn("kafka: no broker reachable for sending", "brokers", p.config.Brokers, "error", err)
		return fmt.Errorf("connect to Kafka at %v: %w", p.config.Brokers, err)
	}
	p.link, p.failures = l, 0
	return nil
}

// disconnect ends the link after every record in it is finished.
func (p *Producer) disconnect() {
	l := p.link
	if l == nil {
		return
	}
	p.link = nil
	l.producer.AsyncClose()
	successes, failures := l.results()
	for successes != nil || failures != nil {
		select {
		case m, ok := <-successes:
			if !ok {
				successes = nil
				continue
			}
			p.finish(m, nil)
		case e, ok := <-failures:
			if !ok {
				failures = nil
				continue
			}
			p.finish(e.Msg, fmt.Errorf("send to %s: %w", e.Msg.Topic, explain(e.Err)))
		}
	}
	if err := l.client.Close(); err != nil {
		p.config.Log.Warn("kafka: closing the producer's connections failed", "error", err)
	}
}

// topicState is what the producer knows about a topic's existence.
type topicState struct {
	known   bool
	missing time.Time // since when; zero: not missing
	asked   time.Time
}

// topicFault is why nothing can be sent to topic, if so. The library would stall
// every other topic while it looks for a missing one; one request tells.
func (p *Producer) topicFault(topic string) error {
	state := p.topics[topic]
	if state.known {
		return nil
	}
	now := time.Now()
	if now.Sub(state.asked) >= reconnectPause {
		state = p.askFor(topic, state, now)
		p.topics[topic] = state
	}
	switch {
	case state.missing.IsZero():
		return nil
	case now.Sub(state.missing) >= p.config.TopicGrace:
		return fmt.Errorf("%w: %s; create it (nothing creates topics by itself)", ErrTopicMissing, topic)
	}
	return fmt.Errorf("send to %s: %w", topic, sarama.ErrUnknownTopicOrPartition)
}

// askFor asks a broker whether topic exists. Without an answer nothing is known,
// and the library may try its luck.
func (p *Producer) askFor(topic string, state topicState, now time.Time) topicState {
	if now.Sub(state.asked) > 2*p.config.TopicGrace {
		state.missing = time.Time{} // an old absence proves nothing about now
	}
	state.asked = now
	exists, err := p.link.exists(topic)
	switch {
	case err != nil:
		state.missing = time.Time{}
	case exists:
		state = topicState{known: true}
	case state.missing.IsZero():
		state.missing = now
	}
	return state
}

// exists asks one broker for topic.
func (l *link) exists(topic string) (bool, error) {
	broker := l.client.LeastLoadedBroker()
	if broker == nil {
		return false, sarama.ErrOutOfBrokers
	}
	request := sarama.NewMetadataRequest(l.client.Config().Version, []string{topic})
	answer, err := broker.GetMetadata(request)
	if err != nil {
		_ = broker.Close() // the library dials again on the next use
		return false, err
	}
	for _, t := range answer.Topics {
		if t.Name == topic && t.Err == sarama.ErrUnknownTopicOrPartition {
			return false, nil
		}
	}
	return true, nil
}
