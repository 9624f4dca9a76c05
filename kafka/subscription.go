package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/ThreeDotsLabs/watermill/message"
)

// subscription is one membership of the group, for one topic.
type subscription struct {
	config *SubscriberConfig
	topic  string
	group  sarama.ConsumerGroup
	out    chan *message.Message
	base   context.Context // the values of Subscribe's context
}

// run consumes until ctx ends. A session ends with every rebalance and with every
// loss of the broker; the next one follows.
func (s *subscription) run(ctx context.Context) {
	defer close(s.out)
	var errorsRead sync.WaitGroup
	errorsRead.Go(s.logErrors)
	defer errorsRead.Wait()
	for ctx.Err() == nil {
		begun := time.Now()
		err := s.group.Consume(ctx, []string{s.topic}, s)
		if ctx.Err() == nil && err != nil {
			s.warn("kafka: consuming was interrupted, trying on", err)
		}
		if err != nil || time.Since(begun) < reconnectPause {
			pause(ctx, pauseAfter(err))
		}
	}
	if err := s.group.Close(); err != nil {
		s.warn("kafka: the group was not left in order; it waits for the session timeout", err)
	}
}

// pause waits for d or for ctx's end.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// logErrors logs what the library reports beside a session's end.
func (s *subscription) logErrors() {
	for err := range s.group.Errors() {
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			s.config.Log.Error("kafka: the group's stored offset is out of range, its partition stands still; set the group's offset by hand",
				"topic", s.topic, "group", s.config.Group, "error", err)
			continue
		}
		s.warn("kafka: consuming met an error", err)
	}
}

func (s *subscription) warn(text string, err error) {
	s.config.Log.Warn(text, "topic", s.topic, "group", s.config.Group, "error", explain(err))
}

// Setup is part of sarama's handler; there is nothing to set up.
func (s *subscription) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup is part of sarama's handler; there is nothing to clean up.
func (s *subscription) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim is part of sarama's handler: it delivers one partition's records
// until the session ends.
func (s *subscription) ConsumeClaim(session sarama.ConsumerGroupSession, source sarama.ConsumerGroupClaim) error {
	newClaim(s, session, source).run()
	return nil
}
