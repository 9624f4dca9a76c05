package coordinator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// run takes one batch of items to its end: load, decide, commit, and only then
// hand over, acknowledge and answer.
type run struct {
	c       *Coordinator
	w       *writer // nil for a foreign run
	foreign bool    // a verb on a saga of a bucket that is not held here
	again   bool    // an earlier try may have been committed
	careful bool    // what is in memory was not true: everything is loaded
	accuses bool    // it puts attention on a saga whose data cannot be stored

	lacking map[version]error // versions that this node can never decide, and why
	overdue map[turn]bool     // decisions in which a function has run for too long

	followers map[saga.ID]follower // what is known of the next runs of sagas, by the run before
}

// process tries until the batch is committed, refused or not ours any more.
func (r *run) process(ctx context.Context, items []*item) {
	pause := r.c.cfg.RetryMin
	for {
		items = r.ours(items)
		if len(items) == 0 {
			return
		}
		err := r.try(ctx, items)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrGuilty) && r.accuses:
			r.giveUp(items, err)
			return
		case errors.Is(err, ErrGuilty):
			r.split(ctx, items, err)
			return
		case errors.Is(err, errSlow):
			r.inHalves(ctx, items)
			return
		case errors.Is(err, ErrUnknownOutcome):
			r.again = true
			r.missMail(items)
		case errors.Is(err, errLoaded), errors.Is(err, errOverdue):
			continue
		case errors.Is(err, ErrStale) && !r.careful:
			r.careful = true
			continue
		}
		r.c.cfg.Meter.Retry()
		r.c.cfg.Log.Warn("a batch was not committed; trying again", "items", len(items), "error", err)
		if r.foreign || !sleep(ctx, pause) {
			refuse(items, err)
			return
		}
		pause = min(2*pause, r.c.cfg.RetryMax)
	}
}

// ours drops the items of buckets that are not held any more: their new owner
// reads the same replies and finds the same wakes.
func (r *run) ours(items []*item) []*item {
	if r.foreign {
		return items
	}
	kept := make([]*item, 0, len(items))
	for _, it := range items {
		if r.c.bucket(it.bucket) != nil {
			kept = append(kept, it)
			continue
		}
		it.reply(answer{err: fmt.Errorf("bucket %d has a new owner: %w", it.bucket, ErrNotReady)})
	}
	return kept
}

func refuse(items []*item, err error) {
	for _, it := range items {
		it.reply(answer{err: fmt.Errorf("%w: %w", ErrNotReady, err)})
	}
}

// split finds the guilty saga of a batch that Postgres refuses: halves are tried
// until it stands alone and gets attention (DESIGN.md 6.11).
func (r *run) split(ctx context.Context, items []*item, err error) {
	if first := items[0].saga; len(items) == 1 || alone(items, first) {
		r.c.cfg.Log.Error("a saga's data cannot be stored", "saga", first, "error", err)
		r.accuse(ctx, items, err)
		return
	}
	r.inHalves(ctx, items)
}

func (r *run) inHalves(ctx context.Context, items []*item) {
	left, right := halves(items)
	r.process(ctx, left)
	r.process(ctx, right)
}

func alone(items []*item, id saga.ID) bool {
	for _, it := range items {
		if it.saga != id {
			return false
		}
	}
	return true
}

// halves splits items between two sagas, keeping each saga's items together and
// in order. items are of at least two sagas.
func halves(items []*item) (left, right []*item) {
	side := map[saga.ID]bool{}
	for _, it := range items {
		toRight, seen := side[it.saga]
		if !seen {
			toRight = len(side)%2 == 1
			side[it.saga] = toRight
		}
		if toRight {
			right = append(right, it)
		} else {
			left = append(left, it)
		}
	}
	return left, right
}

// accuse puts attention on the one saga of items, and keeps its messages.
func (r *run) accuse(ctx context.Context, items []*item, cause error) {
	poison := &item{bucket: items[0].bucket, saga: items[0].saga, event: poisonedEvent(cause)}
	accused := []*item{poison}
	for _, it := range items {
		if it.isChild() {
			it.refused = cause
		}
		if it.answer != nil {
			it.reply(answer{err: fmt.Errorf("%w: %w", ErrBadStart, cause)})
			continue
		}
		accused = append(accused, it)
	}
	if items[0].start != nil && !items[0].isChild() {
		return
	}
	sub := run{c: r.c, w: r.w, foreign: r.foreign, accuses: true}
	sub.process(ctx, accused)
}

// guiltyPause is how long a saga is left alone that not even attention can be put
// on.
const guiltyPause = time.Minute

// giveUp leaves a saga as it is for a while. What it was told is dropped; its
// deadlines ask again.
func (r *run) giveUp(items []*item, cause error) {
	r.c.cfg.Log.Error("attention could not be put on a saga", "saga", items[0].saga, "error", cause)
	refuse(items, cause)
	if !r.foreign {
		r.c.writerOf(items[0].bucket).wakes.set(items[0].saga, items[0].bucket, r.c.now().Add(guiltyPause))
	}
	for _, it := range items {
		it.done = true
	}
}

// errLoaded says that definitions were loaded and the batch may be tried again
// at once.
var errLoaded = errors.New("definitions were loaded")

// try runs the batch once.
func (r *run) try(ctx context.Context, items []*item) error {
	ctx, cancel := context.WithTimeout(ctx, r.c.cfg.BatchTimeout)
	defer cancel()
	if err := r.admit(ctx, items); err != nil {
		return err
	}
	f := newFold(r, items)
	err := r.transact(ctx, f)
	switch {
	case r.foreign:
	case err != nil:
		r.w.known.forget(f)
	default:
		r.w.known.keep(f)
	}
	return err
}

// transact loads, decides and commits, and does what comes after that.
func (r *run) transact(ctx context.Context, f *fold) error {
	b, err := r.c.cfg.Store.Begin(ctx, f.load())
	if err != nil {
		return fmt.Errorf("load %d sagas: %w", len(f.ids), err)
	}
	defer b.Abort(context.WithoutCancel(ctx))
	defer f.giveBack()
	defer f.drop()
	if f.known == nil {
		r.c.tick(b.Now())
	}
	if err := r.decide(ctx, f, b); err != nil {
		return err
	}
	if len(f.missing)+len(f.continues) > 0 {
		b.Abort(context.WithoutCancel(ctx))
		if err := r.admitNext(ctx, f); err != nil {
			return err
		}
		return f.loadMissing(ctx)
	}
	if err := r.commit(ctx, b, f); err != nil {
		return err
	}
	if f.known != nil {
		r.c.tick(b.Now())
	}
	r.after(f)
	return nil
}

// commit writes the batch, together with the deletes of rows that were sent.
func (r *run) commit(ctx context.Context, b Batch, f *fold) error {
	switch {
	case f.empty() && f.known != nil:
		return fmt.Errorf("nothing changes, as far as is known: %w", ErrStale)
	case f.empty():
		return nil
	}
	if !r.foreign {
		f.writes.Sent = r.c.cfg.Relay.TakeSent(r.mine, sentLeast, sentMax)
	}
	failpoint.Hit(failpoint.BeforeCommit)
	if err := b.Commit(ctx, &f.writes); err != nil {
		r.c.cfg.Relay.ReturnSent(f.writes.Sent)
		return fmt.Errorf("commit %d sagas: %w", len(f.ids), err)
	}
	r.c.cfg.Relay.Deleted(f.writes.Sent)
	failpoint.Hit(failpoint.AfterCommit)
	return nil
}

// The deletes that ride along with a batch: fewer are not worth their statement.
const (
	sentLeast = 32
	sentMax   = 4096
)

// mine reports whether a bucket belongs to this run's writer.
func (r *run) mine(n int) bool { return r.c.writerOf(n) == r.w }

// after does what may only be done after the commit.
func (r *run) after(f *fold) {
	if r.again {
		r.c.cfg.Relay.Doubt(f.buckets()...)
	}
	if !r.foreign {
		r.c.cfg.Relay.Hand(outbox.Rows(f.writes.Messages, f.writes.IDs))
		runtime.Gosched() // somebody waits for what leaves now, nobody for the rest
	}
	r.measure(f)
	r.post(f)
	for _, s := range f.sagas {
		r.settled(s, f.b.Now())
		r.rest(s)
	}
	for _, it := range f.items {
		if s := f.sagas[it.saga]; it.result.changed && (it.isVerb() || s != nil && s.freed) {
			r.c.bag.look(it.bucket)
		}
		it.reply(it.outcome(f))
		it.done = true
	}
}

// settled sets a saga's next wake and tells who watches it.
func (r *run) settled(s *folding, now time.Time) {
	if !r.foreign && (s.found || s.fresh) {
		w := r.c.writerOf(s.bucket)
		w.gate.settled(s)
		wake := s.row.State.WakeAt()
		if w.gate.gate != nil {
			wake = s.row.State.TimerAt() // the gate wakes for the rest
		}
		switch {
		case s.row.State.Status.Ended() || s.lacking || s.row.State.Blocked() && s.late(now):
			wake = time.Time{}
		case s.row.State.Blocked():
			wake = s.row.State.Deadline // nothing else ends by itself
		}
		w.wakes.set(s.id, s.bucket, wake)
	}
	if len(s.events) > 0 || r.again && s.found { // an earlier try may have ended it
		r.c.watch.signal(s.id, s.row.State.Status)
	}
}

// advance moves the finished prefix of each partition of a batch that has come to
// its end, up to the first record that is not done with.
func (r *run) advance(items []*item) {
	var stopped [bucket.Count]bool
	for _, it := range items {
		if it.record == nil || stopped[it.bucket] {
			continue
		}
		stopped[it.bucket] = !it.done
		if b := r.c.bucket(it.bucket); b != nil && it.done && it.record.Offset >= b.position.Load() {
			b.position.Store(it.record.Offset + 1)
		}
	}
}

// held lists the fence of the batch's buckets.
func (r *run) held(items []*item) []lease.Held {
	if r.foreign {
		return nil
	}
	var list []lease.Held
	var seen [bucket.Count]bool
	for _, it := range items {
		if b := r.c.bucket(it.bucket); b != nil && !seen[it.bucket] {
			seen[it.bucket] = true
			list = append(list, b.held)
		}
	}
	return list
}
