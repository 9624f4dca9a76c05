package lease

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/postgres"
)

// ErrLost says that a bucket is no longer this process's. The transaction that
// meets it must be rolled back; nothing it was going to write may be written.
var ErrLost = errors.New("lease lost")

// QueueFence queues the fence of a transaction that writes on behalf of held: a
// statement that takes the shared locks of their buckets, in rising order, and a
// later one that compares epochs. It must come first in the transaction, whose
// isolation must be READ COMMITTED, and the batch must not hold the COMMIT.
//
// If a bucket has another epoch, bad (which may be nil) is called with those
// buckets while the batch is read, and the batch's Close returns an error that
// is ErrLost. An empty held queues nothing.
func QueueFence(b *pgx.Batch, schema string, held []Held, bad func(buckets []int)) {
	if len(held) == 0 {
		return
	}
	buckets, epochs, _ := columns(held)
	b.Queue(fenceLock, class(schema), buckets)
	b.Queue(postgres.In(schema, fenceCheck), buckets, epochs).Query(func(rows pgx.Rows) error {
		lost, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil {
			return fmt.Errorf("compare bucket epochs: %w", err)
		}
		if len(lost) == 0 {
			return nil
		}
		if bad != nil {
			bad(lost)
		}
		return fmt.Errorf("buckets %v have a new owner: %w", lost, ErrLost)
	})
}

// QueueGuard queues the same fence for a batch that is a transaction by itself,
// together with the time: now is what the caller takes the database's clock for, and
// gets what it is. Where a bucket has another epoch, the clock is more than a second
// from now or the isolation another one, a statement fails (SQLSTATE 21000), and with
// it the transaction.
func QueueGuard(b *pgx.Batch, schema string, held []Held, now *time.Time) {
	var clock *pgx.QueuedQuery
	if len(held) == 1 { // as one saga at a time has it: an array would take longer than the rest
		b.Queue(fenceLockOne, class(schema), int32(held[0].Bucket))
		clock = b.Queue(postgres.In(schema, fenceFailOne), int32(held[0].Bucket), held[0].Epoch, *now)
	} else {
		buckets, epochs, _ := columns(held)
		b.Queue(fenceLock, class(schema), buckets)
		clock = b.Queue(postgres.In(schema, fenceFail), buckets, epochs, *now)
	}
	clock.QueryRow(func(row pgx.Row) error {
		var never *int
		return row.Scan(now, &never)
	})
}

// columns splits held, sorted by bucket, into arrays for unnest.
func columns(held []Held) (buckets []int32, epochs, offsets []int64) {
	sorted := slices.SortedFunc(slices.Values(held), func(x, y Held) int { return cmp.Compare(x.Bucket, y.Bucket) })
	for _, h := range sorted {
		buckets = append(buckets, int32(h.Bucket))
		epochs = append(epochs, h.Epoch)
		offsets = append(offsets, h.ReadOffset)
	}
	return buckets, epochs, offsets
}
