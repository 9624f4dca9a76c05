package kafka

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/pace"
)

// Each hands the records of topic to handle, workers at a time, until ctx ends and
// what is under way has come to its end; then it closes the Subscriber. A record
// counts as read once handle returns nil; after an error, some of which are logged, it comes
// again after NackPause, and its key waits. Give the Subscriber a Concurrency of at
// least workers.
func (s *Subscriber) Each(ctx context.Context, topic string, workers int, handle func(context.Context, Record) error) error {
	messages, err := s.Subscribe(ctx, topic)
	if err != nil {
		return err
	}
	var g errgroup.Group
	var complaints pace.Pace // a quota that is used up has many wait
	for range workers {
		g.Go(func() error {
			for m := range messages {
				rec, _ := RecordFrom(m.Context()) // the subscriber put it there
				if err := handle(m.Context(), rec); err != nil {
					if kept, ok := complaints.Pass(time.Now()); ok {
						s.config.Log.WarnContext(ctx, "kafka: a record could not be taken; trying again",
							"topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "not_shown", kept, "error", err)
					}
					m.Nack()
					continue
				}
				m.Ack()
			}
			return nil
		})
	}
	err = g.Wait()
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}
