package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/unwindhq/unwind/kafka"
)

// The classes of the dead letters that Middleware writes.
const (
	ClassPermanent = "permanent" // ClassPermanent: the handler said that trying again cannot help.
	ClassExhausted = "exhausted" // ClassExhausted: the handler failed MaxAttempts times in a row.
)

// Producer is the part of kafka.Producer that Middleware needs.
type Producer interface {
	// Produce is kafka.Producer's.
	Produce(ctx context.Context, records []kafka.Record, done func(i int, partition int32, offset int64, err error))
}

// MiddlewareConfig configures Middleware. The zero value of a limit is its default.
type MiddlewareConfig struct {
	Producer    Producer      // Producer writes the dead letters. Required.
	MaxAttempts int           // MaxAttempts is how often in a row a message is tried before it is given up. Default 5.
	PauseMin    time.Duration // PauseMin is the pause after the first failure; it doubles. Default 100 ms.
	PauseMax    time.Duration // PauseMax is the longest pause. Default 10 s.
	Log         *slog.Logger  // Log hears of every message that is given up. nil discards that.
}

// Validate reports every fault of c at once.
func (c MiddlewareConfig) Validate() error {
	var faults []error
	if c.Producer == nil {
		faults = append(faults, errors.New("deadletter: Producer is missing"))
	}
	if c.MaxAttempts < 0 || c.PauseMin < 0 || c.PauseMax < 0 {
		faults = append(faults, errors.New("deadletter: limits must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

// permanent marks an error that will come again.
type permanent struct{ error }

// Unwrap returns the marked error.
func (p permanent) Unwrap() error { return p.error }

// Permanent marks a handler's error as one that trying again cannot mend, such as a
// payload that nobody can read. Middleware gives the message up at once. nil stays
// nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Middleware gives up messages that a handler cannot take, so that the partition
// goes on: the record, as it was read, is written byte for byte to its dead-letter
// topic, and the message is acknowledged. A message is given up at once for an error
// that Permanent has marked, and after MaxAttempts failures in a row for any other;
// the attempts begin anew in another process.
//
// A message whose context has ended is never given up: it is healthy, and the
// process is going down. If the dead letter cannot be written, the handler's error
// comes out and the message comes again; so it does if the message does not come
// from this project's kafka.Subscriber, because then its record is not known.
func Middleware(cfg MiddlewareConfig) (message.HandlerMiddleware, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.MaxAttempts = cmp.Or(cfg.MaxAttempts, 5)
	cfg.PauseMin = cmp.Or(cfg.PauseMin, 100*time.Millisecond)
	cfg.PauseMax = cmp.Or(cfg.PauseMax, 10*time.Second)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return func(next message.HandlerFunc) message.HandlerFunc {
		return func(m *message.Message) ([]*message.Message, error) { return cfg.handle(next, m) }
	}, nil
}

// handle tries a message until it is done with or given up.
func (c MiddlewareConfig) handle(next message.HandlerFunc, m *message.Message) ([]*message.Message, error) {
	ctx, pause := m.Context(), c.PauseMin
	for attempt := 1; ; attempt++ {
		produced, err := next(m)
		rec, known := kafka.RecordFrom(ctx)
		switch {
		case err == nil:
			return produced, nil
		case ctx.Err() != nil || !known:
			return nil, err
		case errors.As(err, new(permanent)):
			return nil, c.giveUp(ctx, rec, Reason{ClassPermanent, err.Error()}, err)
		case attempt >= c.MaxAttempts:
			return nil, c.giveUp(ctx, rec, Reason{ClassExhausted, fmt.Sprintf("failed %d times: %v", attempt, err)}, err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
		pause = min(2*pause, c.PauseMax)
	}
}

// giveUp writes the dead letter. Its error is that of the handler and of the write.
func (c MiddlewareConfig) giveUp(ctx context.Context, rec kafka.Record, why Reason, cause error) error {
	written := make(chan error, 1)
	c.Producer.Produce(ctx, []kafka.Record{Record(rec, why, time.Now())}, func(_ int, _ int32, _ int64, err error) { written <- err })
	if err := <-written; err != nil {
		return fmt.Errorf("%w (its dead letter was not written: %w)", cause, err)
	}
	c.Log.Error("a message was given up and is now a dead letter",
		"topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "class", why.Class, "error", cause)
	return nil
}
