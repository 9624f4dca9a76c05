package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// readBytes is the most bytes that one statement of a sweep reads, unless a
// single row has more.
const readBytes = 8 << 20

// sweepState is what the relay knows of its sweeps.
type sweepState struct {
	sweeps   int64 // how many have begun
	sweeping bool
	starved  bool    // something did not fit
	limbo    []int64 // deleted while a sweep was under way
	// stash is what was handed over during a sweep, of buckets that only that
	// sweep may complete.
	stash      []Row
	stashBytes int
	newest     int64 // the highest id seen
	marks      []mark
	swept      time.Time // when the latest sweep began that came to its end
	expired    time.Time
}

// mark says that id existed at a time.
type mark struct {
	at time.Time
	id int64
}

// finding is what a sweep's first statement reads of a row.
type finding struct {
	id   int64
	key  string
	size int
}

// sweepLoop sweeps from time to time until ctx ends.
func (r *Relay) sweepLoop(ctx context.Context) {
	timer := time.NewTimer(r.cfg.SweepBusy)
	defer timer.Stop()
	pause, full := r.cfg.SweepBusy, time.Now()
	for {
		select {
		case <-timer.C:
		case <-r.nudge:
		case <-ctx.Done():
			return
		}
		whole := time.Since(full) >= r.cfg.FullSweepEvery
		found, err := r.sweepAll(ctx, whole)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.cfg.Log.Warn("outbox sweep failed", "error", err)
			pause = r.cfg.SweepEvery
		case found > 0:
			pause = r.cfg.SweepBusy
		default:
			pause = min(2*pause, r.cfg.SweepEvery)
		}
		if whole && err == nil {
			full = time.Now()
		}
		timer.Reset(pause)
	}
}

// sweepAll sweeps every bucket that the relay has, from the floor, or, if whole
// or if there is a bucket of which not all is known, from the start.
func (r *Relay) sweepAll(ctx context.Context, whole bool) (found int, err error) {
	began := time.Now()
	r.mu.Lock()
	var buckets []int16
	floor := r.floor(began)
	for _, sh := range r.shares {
		if sh == nil {
			continue
		}
		buckets = append(buckets, int16(sh.bucket))
		if !sh.complete {
			whole = true
		}
	}
	r.mu.Unlock()
	if len(buckets) == 0 {
		return 0, nil
	}
	if whole {
		floor = 0
	}
	found, done, err := r.sweepFrom(ctx, floor, buckets)
	if done {
		r.mu.Lock()
		r.swept = began
		r.mu.Unlock()
	}
	return found, err
}

// floor returns an id below which nothing can turn up any more: it existed longer
// than a transaction may last before the latest sweep that came to its end. The
// caller holds the lock.
func (r *Relay) floor(now time.Time) int64 {
	old := r.swept.Add(-r.cfg.MaxTx - time.Minute)
	for len(r.marks) > 1 && r.marks[1].at.Before(old) {
		r.marks = r.marks[1:]
	}
	if n := len(r.marks); n == 0 || now.Sub(r.marks[n-1].at) >= time.Second {
		r.marks = append(r.marks, mark{at: now, id: r.newest})
	}
	if r.marks[0].at.Before(old) {
		return r.marks[0].id
	}
	return 0
}

// sweepFrom reads the rows above floor that are not known. done is true if it
// came to the end of the table. One sweep at a time.
func (r *Relay) sweepFrom(ctx context.Context, floor int64, buckets []int16) (found int, done bool, err error) {
	select {
	case r.sweep <- struct{}{}:
		defer func() { <-r.sweep }()
	case <-ctx.Done():
		return 0, false, ctx.Err()
	}
	number := r.beginSweep()
	defer func() { r.endSweep(number, buckets, done) }()
	for {
		page, err := r.look(ctx, floor, buckets)
		if err != nil {
			return found, false, err
		}
		n, fit, err := r.fetch(ctx, r.unknown(page), buckets)
		found += n
		if err != nil || !fit {
			return found, false, err
		}
		if len(page) < r.cfg.SweepRows {
			return found, true, nil
		}
		floor = page[len(page)-1].id
	}
}

func (r *Relay) beginSweep() (number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweeps++
	r.sweeping = true
	return r.sweeps
}

// endSweep draws the conclusions: after a sweep that came to its end, all rows
// are known of the buckets that were not denied since it began.
func (r *Relay) endSweep(number int64, buckets []int16, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweeping = false
	for _, id := range r.limbo {
		delete(r.sent, id)
	}
	r.limbo = nil
	for _, b := range buckets {
		if sh := r.shares[b]; sh != nil && done && sh.doubt < number {
			sh.complete = true
		}
	}
	r.unstash()
}

// unstash admits what was handed over during a sweep, where all older rows are
// known now; the rest was committed before the next sweep and is that one's.
func (r *Relay) unstash() {
	for i := range r.stash {
		if sh := r.share(r.stash[i].Bucket); sh != nil && sh.complete {
			r.admit(&r.stash[i])
		}
	}
	r.stash, r.stashBytes = nil, 0
	signal(r.wake)
}

// fetch reads and admits rows, in statements of bounded size; fit is false if
// there was no room for all of them.
func (r *Relay) fetch(ctx context.Context, unknown []finding, buckets []int16) (found int, fit bool, err error) {
	for len(unknown) > 0 {
		ids, bytes := make([]int64, 0, len(unknown)), 0
		for len(ids) < len(unknown) && (len(ids) == 0 || bytes+unknown[len(ids)].size <= readBytes) {
			bytes += unknown[len(ids)].size
			ids = append(ids, unknown[len(ids)].id)
		}
		unknown = unknown[len(ids):]
		rows, err := r.read(ctx, ids)
		if err != nil {
			return found, false, err
		}
		n, fit := r.take(rows, buckets)
		if found += n; !fit {
			return found, false, nil
		}
	}
	return found, true, nil
}

// unknown returns what of page is not known.
func (r *Relay) unknown(page []finding) []finding {
	r.mu.Lock()
	defer r.mu.Unlock()
	unknown := page[:0:0]
	for _, f := range page {
		if !r.known(f.id, f.key) {
			unknown = append(unknown, f)
		}
	}
	return unknown
}

// take admits rows that a sweep has read. If one does not fit, no later one may
// go first: not all is known of the buckets then.
func (r *Relay) take(rows []Row, buckets []int16) (found int, fit bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer signal(r.wake)
	for i := range rows {
		if r.share(rows[i].Bucket) == nil {
			continue // lost meanwhile
		}
		if !r.room(rows[i].size()) {
			r.starved = true
			for _, b := range buckets {
				if sh := r.shares[b]; sh != nil {
					r.deny(sh)
				}
			}
			return found, false
		}
		if r.admit(&rows[i]) {
			r.stats.Swept++
			found++
		}
	}
	return found, true
}

func (r *Relay) look(ctx context.Context, floor int64, buckets []int16) ([]finding, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.QueryTimeout)
	defer cancel()
	rows, err := r.cfg.Pool.Query(ctx, r.cfg.Schema.in(sweepIDs), floor, buckets, r.cfg.SweepRows)
	if err != nil {
		return nil, fmt.Errorf("look for unsent outbox rows: %w", err)
	}
	page, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f finding, err error) {
		return f, row.Scan(&f.id, &f.key, &f.size)
	})
	if err != nil {
		return nil, fmt.Errorf("look for unsent outbox rows: %w", err)
	}
	return page, nil
}

func (r *Relay) read(ctx context.Context, ids []int64) ([]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.QueryTimeout)
	defer cancel()
	rows, err := r.cfg.Pool.Query(ctx, r.cfg.Schema.in(readRows), ids)
	if err != nil {
		return nil, fmt.Errorf("read unsent outbox rows: %w", err)
	}
	read, err := pgx.CollectRows(rows, r.scan)
	if err != nil {
		return nil, fmt.Errorf("read unsent outbox rows: %w", err)
	}
	return slices.DeleteFunc(read, func(row Row) bool { return row.ID == 0 }), nil
}

func scanRow(row pgx.CollectableRow) (Row, error) {
	var (
		r         Row
		partition int32
		headers   []byte
	)
	if err := row.Scan(&r.ID, &r.Bucket, &r.Topic, &partition, &r.Key, &headers, &r.Payload); err != nil {
		return Row{}, err
	}
	r.Partition = Pin(partition)
	var err error
	if r.Headers, err = DecodeHeaders(headers); err != nil {
		return Row{}, fmt.Errorf("row %d: %w", r.ID, err)
	}
	return r, nil
}

// scan reads a row. One that nobody can publish, because it was not written by
// this package, must not keep the others: it is logged and comes back empty.
func (r *Relay) scan(row pgx.CollectableRow) (Row, error) {
	read, err := scanRow(row)
	if errors.Is(err, errHeaders) {
		r.cfg.Log.Error("outbox row skipped: repair its headers or delete it", "error", err)
		return Row{}, nil
	}
	return read, err
}
