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
	client sarama.Client // the group's
	group  sarama.ConsumerGroup
	feed   *feed
	out    chan *message.Message
	base   context.Context // the values of Subscribe's context

	// Of the session, for Setup and Cleanup.
	claims   []*claim
	draining sync.WaitGroup
}

// open makes the connections, which connect when they are used.
func (s *subscription) open() (err error) {
	if s.client, err = sarama.NewClient(s.config.Brokers, s.config.settings()); err != nil {
		return err
	}
	if s.group, err = sarama.NewConsumerGroupFromClient(s.config.Group, member{s.client}); err != nil {
		return errors.Join(err, s.client.Close())
	}
	if s.feed, err = newFeed(s.config.Config, s.topic); err != nil {
		return errors.Join(err, s.group.Close(), s.client.Close())
	}
	return nil
}

// close leaves the group and ends the connections.
func (s *subscription) close() {
	if err := s.group.Close(); err != nil {
		s.warn("kafka: the group was not left in order; it waits for the session timeout", err)
	}
	if err := errors.Join(s.client.Close(), s.feed.close()); err != nil {
		s.warn("kafka: closing a subscriber's connections failed", err)
	}
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
	s.close()
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
		s.warn("kafka: consuming met an error", err)
	}
}

func (s *subscription) warn(text string, err error) {
	s.config.Log.Warn(text, "topic", s.topic, "group", s.config.Group, "error", explain(err))
}
