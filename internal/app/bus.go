package app

import (
	"context"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// bus writes records that must be durable before the coordinator goes on.
type bus struct{ producer *kafka.Producer }

// Put implements coordinator.DeadLetters.
func (b bus) Put(ctx context.Context, rec kafka.Record, class, reason string) error {
	dead := deadletter.Record(rec, deadletter.Reason{Class: class, Text: reason}, time.Now())
	err := b.send(ctx, dead)
	switch {
	case kafka.IsPermanent(err):
		return fmt.Errorf("%w: a dead letter on %s: %w", outbox.ErrPermanent, dead.Topic, err)
	case err != nil:
		return fmt.Errorf("keep a dead letter on %s: %w", dead.Topic, err)
	}
	return nil
}

// Republish implements coordinator.Republisher.
func (b bus) Republish(ctx context.Context, rec kafka.Record, partition int32) error {
	rec.Partition = partition
	if err := b.send(ctx, rec); err != nil {
		return fmt.Errorf("publish a reply again on %s/%d: %w", rec.Topic, partition, err)
	}
	return nil
}

// send returns once the record is durable. An error that wraps
// outbox.ErrPermanent will come again.
func (b bus) send(ctx context.Context, rec kafka.Record) error {
	done := make(chan error, 1)
	b.producer.Produce(ctx, []kafka.Record{rec}, func(_ int, _ int32, _ int64, err error) { done <- err })
	select {
	case err := <-done:
		if kafka.IsPermanent(err) {
			err = fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reader fits sagapg.Reader to REST's port.
type reader struct{ *sagapg.Reader }

// List implements rest.Reader.
func (r reader) List(ctx context.Context, f rest.Filter) ([]coordinator.Row, saga.ID, error) {
	return r.Reader.List(ctx, sagapg.Filter(f))
}
