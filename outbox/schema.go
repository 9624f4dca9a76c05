package outbox

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
)

// DefaultSchema is the schema of the package's functions.
const DefaultSchema Schema = "unwind"

// Schema is the outbox in the database schema of that name, which the migration
// set "outbox" has created. The empty Schema is DefaultSchema.
type Schema string

// Insert writes messages into the outbox of DefaultSchema; see Schema.Insert.
func Insert(ctx context.Context, tx pgx.Tx, messages ...Message) error {
	return DefaultSchema.Insert(ctx, tx, messages...)
}

// LockKey serialises the transactions that write key, in DefaultSchema; see
// Schema.LockKey.
func LockKey(ctx context.Context, tx pgx.Tx, key string) error {
	return DefaultSchema.LockKey(ctx, tx, key)
}

// Insert writes messages in tx, in one statement. They are published if tx
// commits, in the order given; see the package comment for the order between
// transactions. An error that is ErrInvalid leaves tx usable.
func (s Schema) Insert(ctx context.Context, tx pgx.Tx, messages ...Message) error {
	for i, m := range messages {
		if err := m.Validate(); err != nil {
			return fmt.Errorf("insert message %d of %d: %w", i+1, len(messages), err)
		}
	}
	var b pgx.Batch
	s.Queue(&b, messages, nil)
	if b.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("insert %d messages into the outbox: %w", len(messages), err)
	}
	return nil
}

// LockKey makes tx wait for every other transaction that has locked key, and
// those after it wait for tx's end. Call it before Insert when nothing else, such
// as the lock of a row, puts the transactions that write key into an order. Two
// keys may share a lock; take several in a fixed order.
func (s Schema) LockKey(ctx context.Context, tx pgx.Tx, key string) error {
	h := fnv.New64a()
	_, _ = io.WriteString(h, "unwind.key:"+s.name()+"\x00"+key) // a hash never fails
	if _, err := tx.Exec(ctx, lockKey, int64(h.Sum64())); err != nil {
		return fmt.Errorf("lock outbox key %q: %w", key, err)
	}
	return nil
}

// Queue queues the insert of messages on b as one statement. got, which may be
// nil, is called while the batch is read, with an id for each message in their
// order; Rows makes of them what Relay.Hand wants after the commit. The messages
// are not validated: a bad one fails the batch. No messages queue nothing.
func (s Schema) Queue(b *pgx.Batch, messages []Message, got func(ids []int64)) {
	if len(messages) == 0 {
		return
	}
	s.queueInsert(b, messages).Query(func(rows pgx.Rows) error {
		ids, err := pgx.AppendRows(make([]int64, 0, len(messages)), rows, pgx.RowTo[int64])
		if err != nil {
			return fmt.Errorf("read outbox ids: %w", err)
		}
		if len(ids) != len(messages) {
			return fmt.Errorf("insert into the outbox: %d ids for %d messages", len(ids), len(messages))
		}
		if got != nil {
			got(ids)
		}
		return nil
	})
}

func (s Schema) queueInsert(b *pgx.Batch, messages []Message) *pgx.QueuedQuery {
	if len(messages) == 1 {
		m := messages[0]
		return b.Queue(s.in(insertRow), int16(m.Bucket()), m.Topic, int32(m.Partition)-1, m.Key, EncodeHeaders(m.Headers), m.Payload)
	}
	n := len(messages)
	buckets, topics, partitions := make([]int16, n), make([]string, n), make([]int32, n)
	keys, headers, payloads := make([]string, n), make([][]byte, n), make([][]byte, n)
	for i, m := range messages {
		buckets[i], topics[i], partitions[i] = int16(m.Bucket()), m.Topic, int32(m.Partition)-1
		keys[i], headers[i], payloads[i] = m.Key, EncodeHeaders(m.Headers), m.Payload
	}
	return b.Queue(s.in(insertRows), buckets, topics, partitions, keys, headers, payloads)
}

// QueueDelete queues the delete of sent rows on b; ids is sorted in place. No ids
// queue nothing.
func (s Schema) QueueDelete(b *pgx.Batch, ids []int64) {
	if len(ids) == 0 {
		return
	}
	slices.Sort(ids)
	b.Queue(s.in(deleteRows), ids)
}
