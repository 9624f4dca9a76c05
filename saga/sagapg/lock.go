package sagapg

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// queueLocks asks for keys, gives others back, and grants each of them to whoever is
// first in its queue by then. All of it happens under an advisory lock for each key,
// so that the numbers of a queue, which a sequence gives, are those of its commits.
func (b *batch) queueLocks(q *pgx.Batch, w *coordinator.Writes) {
	all := slices.Concat(w.Release, w.Acquire)
	if len(all) == 0 {
		return
	}
	q.Queue(lockKeys, b.s.keyLocks(all))
	if len(w.Acquire) > 0 {
		namespaces, keys, ids, buckets := lockColumns(w.Acquire)
		q.Queue(b.s.in(acquireLocks), namespaces, keys, ids, buckets)
	}
	if len(w.Release) > 0 {
		namespaces, keys, ids, _ := lockColumns(w.Release)
		q.Queue(b.s.in(releaseLocks), namespaces, keys, ids)
	}
	b.queueGrants(q, w, all)
}

// queueGrants grants what is free. The message and the mark are one statement, and so
// is the wake for the owner of a bucket that this batch does not fence.
func (b *batch) queueGrants(q *pgx.Batch, w *coordinator.Writes, all []coordinator.Lock) {
	var namespaces, keys []string
	var records [][]byte
	seen := map[[2]string]bool{}
	for _, l := range all {
		if place := [2]string{l.Namespace, l.Key}; !seen[place] {
			seen[place] = true
			namespaces, keys, records = append(namespaces, l.Namespace), append(keys, l.Key), append(records, l.Grant)
		}
	}
	fenced := make([]int16, 0, len(b.held))
	for _, h := range b.held {
		fenced = append(fenced, int16(h.Bucket))
	}
	q.Queue(b.s.in(grantLocks), namespaces, keys, records, fenced).Query(func(rows pgx.Rows) error {
		var id pgtype.UUID
		var n int64
		var record []byte
		w.Granted = nil
		_, err := pgx.ForEachRow(rows, []any{&id, &n, &record}, func() error {
			w.Granted = append(w.Granted, coordinator.Mail{Saga: id.Bytes, ID: n, Record: slices.Clone(record)})
			return nil
		})
		return err
	})
}

func lockColumns(list []coordinator.Lock) (namespaces, keys []string, ids []pgtype.UUID, buckets []int16) {
	for _, l := range list {
		namespaces, keys = append(namespaces, l.Namespace), append(keys, l.Key)
		ids, buckets = append(ids, pgtype.UUID{Bytes: l.Saga, Valid: true}), append(buckets, bucketOf(l.Saga))
	}
	return namespaces, keys, ids, buckets
}

// keyLocks are the advisory locks of keys, sorted: every batch takes them in one order.
func (s *Store) keyLocks(list []coordinator.Lock) []int64 {
	numbers := make([]int64, len(list))
	for i, l := range list {
		h := fnv.New64a()
		_, _ = io.WriteString(h, "unwind.lock:"+s.schema+"\x00"+l.Namespace+"\x00"+l.Key) // a hash never fails
		numbers[i] = int64(h.Sum64())
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// LockView is one key that a saga has or waits for.
type LockView = coordinator.LockView

// Locks lists the keys of a saga, sorted, as they are now.
func (r *Reader) Locks(ctx context.Context, id saga.ID) ([]LockView, error) {
	rows, err := r.pool.Query(ctx, r.sql(readLocks), [16]byte(id))
	if err != nil {
		return nil, fmt.Errorf("read the locks of saga %s: %w", id, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (LockView, error) {
		var v LockView
		err := row.Scan(&v.Key, &v.Granted, (*[16]byte)(&v.Holder), &v.Ahead)
		return v, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the locks of saga %s: %w", id, err)
	}
	return list, nil
}
