package lease

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/postgres"
)

// WaitOut is the statement by which a takeover waits for fenced transactions.
const WaitOut = waitOut

// Class is the first key of a schema's advisory locks.
func Class(schema string) int32 { return class(schema) }

// Fence is QueueFence in a round trip of its own. It returns an error that is
// ErrLost if one of held has a new owner.
func Fence(ctx context.Context, tx pgx.Tx, schema string, held []Held) error {
	if len(held) == 0 {
		return nil
	}
	var b pgx.Batch
	QueueFence(&b, schema, held, nil)
	return tx.SendBatch(ctx, &b).Close()
}

// Guard is QueueGuard in a round trip of its own.
func Guard(ctx context.Context, tx pgx.Tx, schema string, held []Held) error {
	var b pgx.Batch
	now := time.Now()
	QueueGuard(&b, schema, held, &now)
	return tx.SendBatch(ctx, &b).Close()
}

// QueueOffsets queues the statement that stores the ReadOffset of each of held,
// if its epoch is still current. It is meant for every few seconds, not for
// every batch: the rows are shared with those who claim buckets.
func QueueOffsets(b *pgx.Batch, schema string, held []Held) {
	if len(held) == 0 {
		return
	}
	buckets, epochs, offsets := columns(held)
	b.Queue(postgres.In(schema, saveOffsets), buckets, epochs, offsets)
}
