package lease

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/postgres"
)

// renewal is what one renewal found and did in the database.
type renewal struct {
	start        time.Time // just before it began: the lease lasts at least TTL from here
	live, levels int
	owned        map[int]int64 // epochs of the buckets that name this node, before claims
	claimed      []Held
	err          error
}

// entry is one row of buckets.
type entry struct {
	Held
	owner string
	alive bool
}

// renew renews this node's row and, in the same transaction, claims what it may
// have more and releases what it has let go of.
func (l *Lease) renew(ctx context.Context) renewal {
	r := renewal{start: time.Now(), owned: map[int]int64{}}
	ctx, cancel := context.WithTimeout(ctx, (l.cfg.TTL-l.cfg.Margin)*2/3)
	defer cancel()
	if err := l.renewTx(ctx, &r); err != nil {
		r.err = fmt.Errorf("renew the lease of node %s: %w", l.cfg.Node, err)
		if postgres.Demoted(err) {
			l.cfg.Pool.Reset()
		}
	}
	return r
}

func (l *Lease) renewTx(ctx context.Context, r *renewal) error {
	tx, err := l.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // a no-op after the commit
	entries, err := l.look(ctx, tx, r)
	if err != nil {
		return err
	}
	claim, release := l.plan(entries, r.live)
	if len(release) > 0 {
		if _, err := tx.Exec(ctx, l.sql(releaseBuckets), l.cfg.Node, release); err != nil {
			return fmt.Errorf("release buckets: %w", err)
		}
	}
	if len(claim) > 0 {
		if r.claimed, err = l.claim(ctx, tx, claim); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// look renews the node's row, buries dead nodes and reads who owns what, each in
// a statement of its own and in this order: a node that revives at this moment
// waits for the one that buries it, and then sees what that one has claimed.
func (l *Lease) look(ctx context.Context, tx pgx.Tx, r *renewal) ([]entry, error) {
	var b pgx.Batch
	b.Queue(l.sql(renewNode), l.cfg.Node, l.cfg.TTL.Microseconds(), l.cfg.Version, l.cfg.Levels)
	b.Queue(l.sql(buryNodes))
	b.Queue(l.sql(readNodes)).QueryRow(func(row pgx.Row) error { return row.Scan(&r.live, &r.levels) })
	var entries []entry
	b.Queue(l.sql(readBuckets)).Query(func(rows pgx.Rows) (err error) {
		entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e entry, err error) {
			return e, row.Scan(&e.Bucket, &e.Epoch, &e.ReadOffset, &e.owner, &e.alive)
		})
		return err
	})
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.owner == l.cfg.Node {
			r.owned[e.Bucket] = e.Epoch
		}
	}
	return entries, nil
}

// plan decides what to claim and what to release. A bucket that names this node
// but is not held here, after a loss or a commit of unknown outcome, is either
// claimed anew, under a new epoch, or released.
func (l *Lease) plan(entries []entry, live int) (claim, release []int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := share(live) - l.active()
	if l.draining {
		room = 0
	}
	var free []int32
	for _, e := range entries {
		switch {
		case l.holds[e.Bucket] != nil:
		case e.owner == l.cfg.Node && room > 0:
			claim = append(claim, int32(e.Bucket))
			room--
		case e.owner == l.cfg.Node:
			release = append(release, int32(e.Bucket))
		case !e.alive:
			free = append(free, int32(e.Bucket))
		}
	}
	return append(claim, free[:min(max(room, 0), len(free))]...), release
}

// active counts the buckets that are not on their way out.
func (l *Lease) active() int {
	n := 0
	for _, h := range l.holds {
		if h.phase != losing {
			n++
		}
	}
	return n
}

func (l *Lease) claim(ctx context.Context, tx pgx.Tx, buckets []int32) ([]Held, error) {
	rows, err := tx.Query(ctx, l.sql(claimBuckets), l.cfg.Node, buckets)
	if err != nil {
		return nil, fmt.Errorf("claim buckets: %w", err)
	}
	got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (h Held, err error) {
		return h, row.Scan(&h.Bucket, &h.Epoch, &h.ReadOffset)
	})
	if err != nil {
		return nil, fmt.Errorf("claim buckets: %w", err)
	}
	return got, nil
}

// leave releases everything and removes the node's row. What fails is left to
// the lease's end.
func (l *Lease) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL)
	defer cancel()
	tx, err := l.begin(ctx)
	if err != nil {
		return fmt.Errorf("release the lease of node %s: %w", l.cfg.Node, err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // a no-op after the commit
	if _, err := tx.Exec(ctx, l.sql(releaseAll), l.cfg.Node); err != nil {
		return fmt.Errorf("release the buckets of node %s: %w", l.cfg.Node, err)
	}
	if _, err := tx.Exec(ctx, l.sql(leave), l.cfg.Node); err != nil {
		return fmt.Errorf("remove node %s: %w", l.cfg.Node, err)
	}
	return tx.Commit(ctx)
}
