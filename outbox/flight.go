package outbox

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"slices"
	"time"
)

// flight is one call of Publish.
type flight struct {
	relay *Relay
	rows  []Row
	seats []seat
}

// seat is a row of a flight: which row of which stream it is.
type seat struct {
	stream *stream
	index  int
	done   bool
}

// dispatch publishes what is ready until ctx ends; publishing itself goes on
// under send, so that what is in flight then can settle.
func (r *Relay) dispatch(ctx, send context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		f, next := r.board(time.Now())
		if f != nil {
			r.cfg.Publisher.Publish(send, f.rows, f.done)
			continue
		}
		timer.Reset(next)
		select {
		case <-r.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// board fills the next flight, or returns nil and how long there will be nothing.
func (r *Relay) board(now time.Time) (*flight, time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 && !r.waiting[0].retryAt.After(now) {
		r.enqueue(heap.Pop(&r.waiting).(*stream))
	}
	var f *flight
	for r.ready.len() > 0 {
		taken := 0
		if f != nil {
			taken = len(f.rows)
		}
		space := min(r.cfg.BatchMax-taken, r.cfg.MaxInFlight-r.inFlight)
		if space <= 0 {
			break
		}
		s := r.ready.pop()
		if s.share.gone {
			continue
		}
		if f == nil {
			n := min(space, r.ready.len()+1)
			f = &flight{relay: r, rows: make([]Row, 0, n), seats: make([]seat, 0, n)}
		}
		f.take(s, min(space, r.cfg.KeyRows, len(s.rows)))
	}
	next := time.Hour
	if len(r.waiting) > 0 {
		next = max(0, r.waiting[0].retryAt.Sub(now))
	}
	return f, next
}

// take gives the first n rows of s a seat.
func (f *flight) take(s *stream, n int) {
	s.place, s.flight, s.open, s.failed, s.err = flying, n, n, n, nil
	for i := range n {
		f.rows = append(f.rows, s.rows[i])
		f.seats = append(f.seats, seat{stream: s, index: i})
	}
	f.relay.inFlight += n
	f.relay.flying[s.share.bucket] += n
}

// done notes the outcome of rows[i]. Only the first call for a row counts.
func (f *flight) done(i int, err error) {
	r := f.relay
	r.mu.Lock()
	defer r.mu.Unlock()
	seat := &f.seats[i]
	if seat.done {
		return
	}
	seat.done = true
	s := seat.stream
	r.inFlight--
	r.flying[s.share.bucket]--
	r.outcome(err)
	if err != nil && seat.index < s.failed {
		s.failed, s.err = seat.index, err
	}
	if s.open--; s.open == 0 {
		r.settle(s)
	}
	if r.ready.len() > 0 { // what had no room, or waited for this
		signal(r.wake)
	}
}

// outcome keeps the counters and the health.
func (r *Relay) outcome(err error) {
	if err != nil {
		r.stats.Failed++
	} else {
		r.stats.Published++
	}
	sick, now := err != nil, time.Now()
	if sick == r.sick && !r.since.IsZero() {
		return
	}
	if r.sick && now.Sub(r.since) >= outage {
		r.recovered()
	}
	r.sick, r.since = sick, now
}

// outage is how long nothing at all may have been acknowledged for the first row
// that is to end every back-off: what held the others up is over as well, and each
// second more that they wait is one of somebody's timeout. A key that fails by
// itself is not helped out of its back-off by the others' successes.
const outage = time.Second

// recovered ends every back-off.
func (r *Relay) recovered() {
	for len(r.waiting) > 0 {
		r.enqueue(heap.Pop(&r.waiting).(*stream))
	}
	signal(r.wake)
}

// settle ends the flight of s: the rows before the first failure are sent, the
// others stay, in order, whatever the publisher said of them.
func (r *Relay) settle(s *stream) {
	failed := s.failed < s.flight
	s.flight = 0
	if s.failed > 0 {
		r.markSent(s, s.failed)
		s.attempts = 0
	}
	if failed { // a lower id that came too late for the flight goes first now
		slices.SortFunc(s.rows, func(x, y Row) int { return cmp.Compare(x.ID, y.ID) })
	}
	switch {
	case s.share.gone:
		r.forget(s)
	case !failed:
		r.enqueue(s)
	case errors.Is(s.err, ErrPermanent) && r.cfg.OnUndeliverable != nil:
		s.place = poisoned
		r.poisoned.push(s)
		signal(r.clerk)
	default:
		r.retryLater(s)
	}
}

// retryLater puts s aside for its back-off.
func (r *Relay) retryLater(s *stream) {
	wait := r.backOff(s)
	s.place, s.retryAt = backedOff, time.Now().Add(wait)
	heap.Push(&r.waiting, s)
	signal(r.wake) // it may be the first that is due
	if more, ok := r.complaints.Pass(time.Now()); ok {
		r.cfg.Log.Warn("outbox row not published", "id", s.rows[0].ID, "topic", s.rows[0].Topic,
			"attempt", s.attempts, "pause", wait, "more", more, "error", s.err)
	}
}

// enqueue makes s ready if it has rows, else forgets it.
func (r *Relay) enqueue(s *stream) {
	if s.share.gone || len(s.rows) == 0 {
		r.forget(s)
		return
	}
	s.place = ready
	r.ready.push(s)
}

// forget drops s and what it still holds.
func (r *Relay) forget(s *stream) {
	for i := range s.rows {
		r.bytes -= s.rows[i].size()
	}
	r.unsent -= len(s.rows)
	s.rows = nil
	if r.streams[s.lane] == s {
		delete(r.streams, s.lane)
	}
	if s.lane == s.key {
		return
	}
	r.apart[s.key] = slices.DeleteFunc(r.apart[s.key], func(x *stream) bool { return x == s })
	if len(r.apart[s.key]) == 0 {
		delete(r.apart, s.key)
	}
}

// markSent moves the first n rows of s to the sent ones.
func (r *Relay) markSent(s *stream, n int) {
	now := time.Now()
	for i := range n {
		row := &s.rows[i]
		r.bytes -= row.size()
		if s.share.closed {
			continue
		}
		r.sent[row.ID] = sentMark{bucket: s.share.bucket}
		s.share.sent = append(s.share.sent, sentRow{id: row.ID, at: now})
	}
	r.unsent -= n
	s.drop(n)
	if r.starved && r.unsent <= r.cfg.MaxHanded/2 {
		r.starved = false
		signal(r.nudge)
	}
}

// attend gives undeliverable rows to OnUndeliverable, one at a time.
func (r *Relay) attend(ctx context.Context) {
	for {
		r.mu.Lock()
		if r.poisoned.len() > 0 && ctx.Err() == nil {
			s := r.poisoned.pop()
			r.mu.Unlock()
			r.giveUp(ctx, s)
			continue
		}
		r.mu.Unlock()
		select {
		case <-r.clerk:
		case <-ctx.Done():
			return
		}
	}
}

// giveUp lets OnUndeliverable decide about the first row of s.
func (r *Relay) giveUp(ctx context.Context, s *stream) {
	r.mu.Lock()
	if s.share.gone {
		r.forget(s)
		r.mu.Unlock()
		return
	}
	row, cause := s.rows[0], s.err
	s.flight = 1 // nothing may be put before it meanwhile
	r.mu.Unlock()
	err := r.cfg.OnUndeliverable(ctx, row, cause)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.flight = 0
	switch {
	case s.share.gone:
		r.forget(s)
	case err != nil:
		s.err = errors.Join(cause, err)
		r.retryLater(s)
	default:
		r.markSent(s, 1)
		s.attempts = 0
		r.enqueue(s)
	}
	signal(r.wake)
}
