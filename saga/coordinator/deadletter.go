package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// verdict says why a record is a dead letter.
type verdict struct{ class, reason string }

// The classes of dead letters.
const (
	classDecode        = "undecodable"   // the record breaks the contract
	classToken         = "forged"        // its token is not its command's
	classUnmatched     = "unmatched"     // it is about a saga, or a database, that is not here
	classMisplaced     = "misplaced"     // it is not on its saga's partition
	classUndeliverable = "undeliverable" // a message that can never be sent as it is
)

// byKey is the partition of a record that was never written.
const byKey int32 = -1

// bury writes an item's record down as a dead letter, in the batch's own
// transaction: neither a topic that cannot be written nor a crash loses it, and
// nothing waits for the brokers. A misplaced reply goes on by the outbox.
func (f *fold) bury(it *item) {
	switch {
	case it.letter != nil:
		letter := *it.letter
		letter.At = f.b.Now()
		f.writes.Dead = append(f.writes.Dead, letter)
	case it.dead == nil || it.record == nil:
	case it.dead.class == classMisplaced && f.republish(it):
	default:
		f.writes.Dead = append(f.writes.Dead, DeadLetter{Record: *it.record, Class: it.dead.class, Reason: it.dead.reason, At: f.b.Now()})
	}
}

// republish sends a misplaced reply to the partition of its saga, byte for byte;
// without a key it gets the one that the contract asks for. It reports whether the
// outbox can carry it. The row is relayed by the owner of that partition's bucket.
func (f *fold) republish(it *item) bool {
	m := outbox.Message{
		Topic: it.record.Topic, Key: string(it.record.Key), Partition: outbox.Pin(int32(it.move)),
		Headers: it.record.Headers, Payload: it.record.Value,
	}
	if it.record.Key == nil {
		m.Key = it.saga.String()
	}
	if m.Validate() != nil {
		return false
	}
	f.writes.Messages = append(f.writes.Messages, m)
	return true
}

// Undeliverable takes a message that can never be sent as it is: too large, its
// topic gone, writing forbidden. It is the relay's OnUndeliverable. The message is
// kept as a dead letter; in the same transaction the saga of a command gets
// attention; and the key goes on (DESIGN.md 6.10).
func (c *Coordinator) Undeliverable(ctx context.Context, row outbox.Row, cause error) error {
	it := &item{bucket: row.Bucket, answer: make(chan answer, 1)}
	it.letter = &DeadLetter{Class: classUndeliverable, Reason: cause.Error(), Record: record.Record{
		Topic: row.Topic, Partition: byKey, Offset: row.ID, Key: []byte(row.Key), Value: row.Payload, Headers: row.Headers,
	}}
	if cmd, err := saga.DecodeCommand(row.Headers, row.Payload); err != nil {
		it.dead = &verdict{class: classUndeliverable} // no saga is concerned
	} else {
		it.saga = cmd.ID.Saga
		it.event = saga.Event{
			Kind: saga.Undeliverable, Actor: saga.Actor{Kind: saga.Engine}, Reason: saga.Clip(cause.Error()),
			Step: cmd.ID.Step, Direction: cmd.ID.Direction, Attempt: cmd.Attempt, Epoch: cmd.Epoch,
		}
	}
	if _, err := c.submit(ctx, it); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("keep undeliverable outbox row %d: %w", row.ID, err)
	}
	return nil
}

// size is about what an item adds to its batch, in bytes.
func (it *item) size() int {
	n := len(it.event.Payload.Data)
	if it.record != nil {
		n = len(it.record.Value) // which the payload shares
		for _, h := range it.record.Headers {
			n += len(h.Key) + len(h.Value)
		}
	}
	return n
}
