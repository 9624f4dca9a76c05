package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// introduceAttempts bounds the requests for a producer id: a young broker takes a
// moment to have one.
const introduceAttempts = 10

// reach connects to the cluster if need be. topic is only there to have something
// to ask the brokers for; it need not exist.
func (p *Producer) reach(topic string) error {
	if p.client != nil {
		return nil
	}
	return p.ask(func() error {
		err := p.connect(topic)
		if err != nil {
			p.config.Log.Warn("kafka: no broker reachable for sending", "brokers", p.config.Brokers, "error", err)
			err = fmt.Errorf("connect to Kafka at %v: %w", p.config.Brokers, err)
		}
		return err
	})
}

// refresh asks who leads a topic's partitions.
func (p *Producer) refresh(topic string) error {
	return p.ask(func() error { return explain(p.client.RefreshMetadata(topic)) })
}

// ask asks the cluster something. While it was away a moment ago, that is the
// answer for everybody: senders which try again at once do not spin, and topics do
// not wait for one another's attempts.
func (p *Producer) ask(question func() error) error {
	if time.Now().Before(p.notBefore) {
		return p.fault
	}
	err := question()
	if err != nil && unreached(err) {
		p.notBefore, p.fault = time.Now().Add(pauseAfter(err)), err
	}
	return err
}

func (p *Producer) connect(topic string) (err error) {
	if p.client, err = sarama.NewClient(p.config.Brokers, p.settings); err != nil {
		p.client = nil
		return err
	}
	err = explain(p.client.RefreshMetadata(topic))
	if !errors.Is(err, sarama.ErrOutOfBrokers) && !errors.Is(err, ErrAuthentication) {
		err = explain(p.introduce())
	}
	if err != nil {
		_ = p.client.Close()
		p.client = nil
	}
	return err
}

// introduce gets the identity that lines begin with.
func (p *Producer) introduce() error {
	for attempt := 1; ; attempt++ {
		answer, err := p.client.InitProducerID()
		if err == nil && answer.Err != sarama.ErrNoError {
			err = answer.Err
		}
		switch {
		case err == nil:
			p.identity = identity{producer: answer.ProducerID, epoch: answer.ProducerEpoch}
			return nil
		case attempt == introduceAttempts, IsPermanent(err), unreached(err):
			return fmt.Errorf("get a producer id: %w", err)
		}
		select {
		case <-time.After(attemptPause):
		case <-p.abort:
			return ErrClosed
		}
	}
}

// existence is what the producer knows about whether a topic exists.
type existence struct {
	known   bool
	missing time.Time // since when; zero: not missing
	asked   time.Time
}

// topicFault is why nothing can be sent to a topic, if so. The library would stall
// every other topic while it looks for a missing one; one request tells.
func (p *Producer) topicFault(t *topic) error {
	if t.known {
		return nil
	}
	now := time.Now()
	if now.Sub(t.asked) >= reconnectPause {
		p.askFor(t, now)
	}
	switch {
	case t.missing.IsZero():
		return nil
	case now.Sub(t.missing) >= p.config.TopicGrace:
		return fmt.Errorf("%w: %s; create it (nothing creates topics by itself)", ErrTopicMissing, t.name)
	}
	return fmt.Errorf("send to %s: %w", t.name, sarama.ErrUnknownTopicOrPartition)
}

// askFor asks a broker whether a topic exists. Without an answer nothing is known,
// and the library may try its luck.
func (p *Producer) askFor(t *topic, now time.Time) {
	if now.Sub(t.asked) > 2*p.config.TopicGrace {
		t.missing = time.Time{} // an old absence proves nothing about now
	}
	t.asked = now
	exists, err := exists(p.client, t.name)
	switch {
	case err != nil:
		t.missing = time.Time{}
	case exists:
		t.existence = existence{known: true}
	case t.missing.IsZero():
		t.missing = now
	}
}

// exists asks one broker for topic.
func exists(client sarama.Client, topic string) (bool, error) {
	broker := client.LeastLoadedBroker()
	if broker == nil {
		return false, sarama.ErrOutOfBrokers
	}
	request := sarama.NewMetadataRequest(client.Config().Version, []string{topic})
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
