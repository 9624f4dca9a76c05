package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// deleteRowsMax is the most ids of one delete.
const deleteRowsMax = 5000

// sentRow is an acknowledged row that nobody has taken for deletion.
type sentRow struct {
	id int64
	at time.Time
}

// sentMark is what is known of an acknowledged row. As long as there is one, a
// sweep that sees the row leaves it alone.
type sentMark struct {
	bucket int
	taken  time.Time // when it was taken for deletion; zero if it was not
}

// TakeSent returns up to most ids of sent rows for the caller to delete in its
// next transaction (Schema.QueueDelete), of the buckets that which picks; nil
// means all. It returns none while there are fewer than least, unless one of them
// was sent half of DeleteAfter ago. Call Deleted after the commit, or ReturnSent if
// it failed. Ids for which neither is called are forgotten after MaxTx and a minute;
// if they are still in the table then, they are published again.
func (r *Relay) TakeSent(which func(bucket int) bool, least, most int) []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.few(which, least) {
		return nil
	}
	return r.takeSent(which, most, time.Now())
}

// few reports whether fewer than least rows wait, none of them for long. The caller
// holds the lock.
func (r *Relay) few(which func(bucket int) bool, least int) bool {
	n, old := 0, time.Now().Add(-r.cfg.DeleteAfter/2)
	for _, sh := range r.shares {
		if sh == nil || len(sh.sent) == 0 || which != nil && !which(sh.bucket) {
			continue
		}
		if n += len(sh.sent); n >= least || sh.sent[0].at.Before(old) {
			return false
		}
	}
	return true
}

// takeSent takes rows that were sent before until. The caller holds the lock.
func (r *Relay) takeSent(which func(bucket int) bool, limit int, until time.Time) []int64 {
	var ids []int64
	now := time.Now()
	for _, sh := range r.shares {
		if sh == nil || len(sh.sent) == 0 || which != nil && !which(sh.bucket) {
			continue
		}
		n := 0
		for n < len(sh.sent) && len(ids) < limit && !sh.sent[n].at.After(until) {
			ids = append(ids, sh.sent[n].id)
			r.sent[sh.sent[n].id] = sentMark{bucket: sh.bucket, taken: now}
			n++
		}
		if sh.sent = sh.sent[n:]; len(sh.sent) == 0 {
			sh.sent = nil
		}
	}
	slices.Sort(ids)
	return ids
}

// Deleted tells the relay that ids from TakeSent are gone from the table.
func (r *Relay) Deleted(ids []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sweeping { // it may have read them before they were deleted
		r.limbo = append(r.limbo, ids...)
		return
	}
	for _, id := range ids {
		delete(r.sent, id)
	}
}

// ReturnSent gives ids from TakeSent back, because they may not have been
// deleted; the relay sees to it.
func (r *Relay) ReturnSent(ids []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	back := map[*share][]sentRow{}
	for _, id := range ids {
		mark, ok := r.sent[id]
		sh := r.share(mark.bucket)
		if !ok || mark.taken.IsZero() || sh == nil {
			continue
		}
		r.sent[id] = sentMark{bucket: mark.bucket}
		back[sh] = append(back[sh], sentRow{id: id})
	}
	for sh, rows := range back {
		sh.sent = append(rows, sh.sent...)
	}
}

// clean deletes what nobody has taken, until ctx ends.
func (r *Relay) clean(ctx context.Context) {
	tick := time.NewTicker(max(r.cfg.DeleteAfter/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := r.deleteOld(ctx, time.Now().Add(-r.cfg.DeleteAfter)); err != nil && ctx.Err() == nil {
			r.cfg.Log.Warn("sent outbox rows not deleted yet", "error", err)
		}
		r.expireTaken(time.Now().Add(-r.cfg.MaxTx - time.Minute))
	}
}

// deleteOld deletes what was sent before until.
func (r *Relay) deleteOld(ctx context.Context, until time.Time) error {
	for {
		r.mu.Lock()
		ids := r.takeSent(nil, deleteRowsMax, until)
		r.mu.Unlock()
		if len(ids) == 0 {
			return nil
		}
		if err := r.delete(ctx, ids); err != nil {
			r.ReturnSent(ids)
			return err
		}
		r.Deleted(ids)
		if len(ids) < deleteRowsMax {
			return nil
		}
	}
}

func (r *Relay) delete(ctx context.Context, ids []int64) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.QueryTimeout)
	defer cancel()
	slices.Sort(ids)
	if _, err := r.cfg.Pool.Exec(ctx, r.cfg.Schema.in(deleteRows), ids); err != nil {
		return fmt.Errorf("delete %d sent outbox rows: %w", len(ids), err)
	}
	return nil
}

// expireTaken forgets what was taken before until and never heard of again. It
// looks once a minute at most.
func (r *Relay) expireTaken(until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sweeping || time.Since(r.expired) < time.Minute {
		return
	}
	r.expired = time.Now()
	for id, mark := range r.sent {
		if !mark.taken.IsZero() && mark.taken.Before(until) {
			delete(r.sent, id)
		}
	}
}
