package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// classUndeliverable marks a command that can never be sent as it is.
const classUndeliverable = "undeliverable"

// byKey is the partition of a record that goes where its key says.
const byKey int32 = -1

// Undeliverable takes a command that can never be sent as it is: too large, its
// topic gone, writing forbidden. It is the relay's OnUndeliverable. The command
// is kept as a dead letter where that is possible, its saga gets attention, and
// the key goes on (DESIGN.md 6.10).
func (c *Coordinator) Undeliverable(ctx context.Context, row outbox.Row, cause error) error {
	cmd, err := saga.DecodeCommand(row.Headers, row.Payload)
	if err != nil {
		return fmt.Errorf("outbox row %d is no command: %w", row.ID, err)
	}
	rec := record.Record{Topic: row.Topic, Partition: byKey, Key: []byte(row.Key), Value: row.Payload, Headers: row.Headers}
	if c.cfg.DeadLetters != nil {
		if err := c.cfg.DeadLetters.Put(ctx, rec, classUndeliverable, cause.Error()); err != nil && !errors.Is(err, outbox.ErrPermanent) {
			return fmt.Errorf("keep undeliverable command %s: %w", cmd.ID, err)
		}
	}
	it := &item{bucket: row.Bucket, saga: cmd.ID.Saga, answer: make(chan answer, 1), event: saga.Event{
		Kind: saga.Undeliverable, Actor: saga.Actor{Kind: saga.Engine}, Reason: saga.Clip(cause.Error()),
		Step: cmd.ID.Step, Direction: cmd.ID.Direction, Attempt: cmd.Attempt, Epoch: cmd.Epoch,
	}}
	if _, err = c.submit(ctx, it); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
