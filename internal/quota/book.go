package quota

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

const (
	// patience is how long a start that may wait waits before it has to come again.
	patience = time.Second
	// lookAgain is how often it looks meanwhile whether there is room.
	lookAgain = 50 * time.Millisecond
	// The least times after which it is worth asking again.
	retryRate, retryOpen, retryBytes = time.Second, 2 * time.Second, time.Minute
)

// Book judges the starts of one process by its share of the quotas, and counts what
// its sagas do. It is safe for concurrent use. Until a Keeper has looked there are no
// quotas.
type Book struct {
	mu     sync.Mutex
	spaces map[string]*space

	refused func(namespace string, quota Name, waits bool)
}

// space is what a Book knows of a namespace.
type space struct {
	limits Limits
	starts *rate.Limiter // this process's share; nil without a limit
	nodes  int64

	counted int64 // open sagas of all processes, when they were counted last
	since   int64 // what this process has added to them, or taken away, since
	pending int64 // starts that were let in and are not committed yet

	stored  int64 // bytes of all processes, as they were stored last
	unsaved int64 // bytes of this process that were not

	known bool // counted was read since there is a limit
	shown Use  // what this process believes, as of its last look
}

// NewBook returns a Book. refused is told of every start that was not let in at once:
// waits if it waits or will be offered again. nil tells nobody.
func NewBook(refused func(namespace string, quota Name, waits bool)) *Book {
	if refused == nil {
		refused = func(string, Name, bool) {}
	}
	return &Book{spaces: map[string]*space{}, refused: refused}
}

// Take lets a start of a namespace in, or answers with an *Error. One that waits is
// given a second to get in. Call done once it was committed or has failed.
func (b *Book) Take(ctx context.Context, namespace string, waits bool) (done func(), err error) {
	var s *space
	var pause time.Duration
	for over, told := time.Now().Add(patience), false; ; told = true {
		var refusal *Error
		if s, pause, refusal = b.try(namespace, waits); refusal == nil {
			break
		}
		if !told {
			b.refused(namespace, refusal.Quota, waits)
		}
		if !waits || time.Now().After(over) {
			return nil, refusal
		}
		if err := sleep(ctx, lookAgain); err != nil {
			return nil, err
		}
	}
	if pause > 0 { // its turn is reserved
		b.refused(namespace, Starts, true)
		if err := sleep(ctx, pause); err != nil {
			b.release(s)
			return nil, err
		}
	}
	return func() { b.release(s) }, nil
}

// try lets a start in, after a pause if it waits; s is nil if it did not.
func (b *Book) try(namespace string, waits bool) (s *space, pause time.Duration, refusal *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s = b.spaces[namespace]
	if s == nil || s.limits == (Limits{}) {
		return nil, 0, nil
	}
	if refusal = s.full(namespace); refusal != nil {
		return nil, 0, refusal
	}
	if s.starts != nil {
		now := time.Now()
		r := s.starts.ReserveN(now, 1)
		pause = r.DelayFrom(now)
		if pause > 0 && (!waits || pause > patience) {
			r.CancelAt(now)
			return nil, 0, &Error{
				Namespace: namespace, Quota: Starts, Limit: int64(s.limits.Starts), Burst: int64(s.limits.burst()), Used: int64(s.limits.Starts),
				Retry: max(retryRate, pause.Truncate(time.Second)),
			}
		}
	}
	s.pending++
	return s, pause, nil
}

// full says whether a namespace has as much as it may have.
func (s *space) full(namespace string) *Error {
	switch open, bytes := s.counted+s.since+s.pending, s.stored+s.unsaved; {
	case s.limits.Bytes > 0 && bytes >= s.limits.Bytes:
		return &Error{Namespace: namespace, Quota: Bytes, Limit: s.limits.Bytes, Used: bytes, Retry: retryBytes}
	case s.limits.Open > 0 && s.since+s.pending >= share(s.limits.Open-s.counted, s.nodes):
		return &Error{Namespace: namespace, Quota: Open, Limit: s.limits.Open, Used: open, Retry: retryOpen}
	}
	return nil
}

// share is one process's part of something, rounded up; of what is less than nothing
// it is nothing.
func share(of, nodes int64) int64 { return (max(of, 0) + nodes - 1) / nodes }

// release ends a start that was let in.
func (b *Book) release(s *space) {
	if s == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.pending--
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var _ coordinator.Meter = (*Book)(nil)

// Batch implements coordinator.Meter; it does nothing, as the next three.
func (b *Book) Batch(*coordinator.BatchReport) {}

// Retry implements coordinator.Meter.
func (b *Book) Retry() {}

// Woken implements coordinator.Meter.
func (b *Book) Woken(time.Duration) {}

// DeadLetter implements coordinator.Meter.
func (b *Book) DeadLetter(string) {}

// Change implements coordinator.Meter: it counts what a batch has changed of a saga.
func (b *Book) Change(c *coordinator.Change) {
	bytes := int64(0)
	for i := range c.Events {
		e := &c.Events[i].Event
		bytes += int64(len(e.Payload.Data)+len(e.Reason)) + EventBytes
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.space(c.Namespace)
	s.unsaved += bytes
	s.since += open(c.After.Status) - open(c.Before.Status)
}

// open is 1 for a saga that has begun and not ended.
func open(s saga.Status) int64 {
	if s == 0 || s.Ended() {
		return 0
	}
	return 1
}

// space is that of a namespace, made on its first use.
func (b *Book) space(namespace string) *space {
	s := b.spaces[namespace]
	if s == nil {
		s = &space{nodes: 1}
		b.spaces[namespace] = s
	}
	return s
}

// set takes over what counts now. Whoever is not among them has no quotas.
func (b *Book) set(list []effective) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bounded := map[string]bool{}
	for _, e := range list {
		bounded[e.namespace] = true
		b.space(e.namespace).set(e)
	}
	for name, s := range b.spaces {
		if !bounded[name] {
			s.limits, s.starts, s.known = Limits{}, nil, false
		}
	}
}

func (s *space) set(e effective) {
	nodes := max(int64(e.nodes), 1)
	if e.limits != s.limits || nodes != s.nodes {
		s.limit(e.limits, nodes)
	}
	s.limits, s.nodes, s.stored = e.limits, nodes, e.stored
	s.shown = Use{Open: max(s.counted+s.since, 0), Bytes: s.stored + s.unsaved}
}

// limit gives the process its part of the starts.
func (s *space) limit(l Limits, nodes int64) {
	if l.Starts == 0 {
		s.starts = nil
		return
	}
	each, burst := rate.Limit(float64(l.Starts)/float64(nodes)), int(share(int64(l.burst()), nodes))
	if s.starts == nil {
		s.starts = rate.NewLimiter(each, burst)
		return
	}
	s.starts.SetLimit(each)
	s.starts.SetBurst(burst)
}

// toCount lists the namespaces whose open sagas have to be counted, and how each
// stands before it is; fresh: one of them never was.
func (b *Book) toCount() (marks map[string]int64, fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	marks = map[string]int64{}
	for name, s := range b.spaces {
		if s.limits.Open > 0 {
			marks[name] = s.since
			fresh = fresh || !s.known
		}
	}
	return marks, fresh
}

// count takes over what was counted. What this process has done since the marks were
// made counts on top, though some of it may be in both for a moment.
func (b *Book) count(marks, counts map[string]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, mark := range marks {
		s := b.spaces[name]
		s.counted, s.since, s.known = counts[name], s.since-mark, true
	}
}

// take returns the bytes that are to be stored; saved says that they are.
func (b *Book) take() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	bytes := map[string]int64{}
	for name, s := range b.spaces {
		if s.unsaved != 0 {
			bytes[name] = s.unsaved
		}
	}
	return bytes
}

func (b *Book) saved(bytes map[string]int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, n := range bytes {
		s := b.spaces[name]
		s.unsaved -= n
		s.stored += n
	}
}

// Level is one quota of a namespace and how much of it is used.
type Level struct {
	Namespace string // Namespace is the tenant.
	Quota     Name   // Quota is which.
	Limit     int64  // Limit is how much it is, of all processes together.
	Used      int64  // Used is how much of it this process believes to be used; -1 of Starts.
}

// Levels lists the quotas that there are.
func (b *Book) Levels() []Level {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Level
	for name, s := range b.spaces {
		for _, l := range []Level{{name, Starts, int64(s.limits.Starts), -1}, {name, Open, s.limits.Open, s.shown.Open}, {name, Bytes, s.limits.Bytes, s.shown.Bytes}} {
			if l.Limit > 0 {
				list = append(list, l)
			}
		}
	}
	return list
}
