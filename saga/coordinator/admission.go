package coordinator

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/unwindhq/unwind/saga"
)

// starts are the starts that wait for one writer. When more come than it can take,
// namespaces take turns, whatever each of them has waiting; inside a namespace the
// higher priority goes first most of the time, and definitions of one priority take
// turns. So neither a flood of one namespace nor a backlog of one definition makes
// another's single start wait for all of it, and what has a low priority waits
// longer but not for ever.
type starts struct {
	arrived chan struct{} // holds one when there may be something to take
	most    int           // that may wait in one flow
	size    atomic.Int64

	mu      sync.Mutex
	flows   map[flowKey]*flow
	tenants map[string]*tenant
	turns   turns[*tenant] // those with something to take
}

// flowKey names what starts wait in one line for.
type flowKey struct {
	namespace, definition string
	priority              saga.Priority
}

// flow is one line, in the order of arrival. The callers of what does not fit wait
// for room, each flow for its own.
type flow struct {
	key        flowKey
	tenant     *tenant
	room       chan struct{}
	head, tail *item
}

// tenant is one namespace.
type tenant struct {
	lanes [len(shares)]lane
}

// lane is one priority of a namespace.
type lane struct {
	credit int
	turns  turns[*flow]
}

// shares are the turns that each priority gets of those of its namespace while all
// have something waiting.
var shares = [...]int{saga.Normal: 4, saga.High: 16, saga.Low: 1}

// maxFlows is how many flows are remembered before idle ones are forgotten.
const maxFlows = 1024

func newStarts(most int) *starts {
	return &starts{arrived: make(chan struct{}, 1), most: most, flows: map[flowKey]*flow{}, tenants: map[string]*tenant{}}
}

// push puts a start at the end of its flow, waiting for room there.
func (s *starts) push(ctx context.Context, it *item) error {
	f := s.flow(flowKey{it.start.Namespace, it.start.Definition, it.start.Priority})
	select {
	case f.room <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.mu.Lock()
	s.add(f, it)
	s.mu.Unlock()
	s.nudge()
	return nil
}

// nudge says that there may be something to take.
func (s *starts) nudge() {
	if s.size.Load() == 0 {
		return
	}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// flow is that of a key, made on its first use.
func (s *starts) flow(key flowKey) *flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.flows[key]; f != nil {
		return f
	}
	if len(s.flows) >= maxFlows {
		s.forget()
	}
	t := s.tenants[key.namespace]
	if t == nil {
		t = &tenant{}
		s.tenants[key.namespace] = t
	}
	f := &flow{key: key, tenant: t, room: make(chan struct{}, s.most)}
	s.flows[key] = f
	return f
}

// forget drops what is idle. Somebody who has just asked for a flow may still use
// it: it takes its turns all the same.
func (s *starts) forget() {
	for key, f := range s.flows {
		if len(f.room) == 0 {
			delete(s.flows, key)
		}
	}
	for name, t := range s.tenants {
		if t.idle() {
			delete(s.tenants, name)
		}
	}
}

// add appends an item and lets its flow, and its namespace, take turns.
func (s *starts) add(f *flow, it *item) {
	t := f.tenant
	if t.idle() {
		s.turns.join(t)
	}
	if f.head == nil {
		t.lanes[f.key.priority].turns.join(f)
		f.head = it
	} else {
		f.tail.next = it
	}
	f.tail = it
	s.size.Add(1)
}

// take returns the start whose turn it is; nil without one. Those whose callers
// have gone are dropped.
func (s *starts) take() *item {
	if s.size.Load() == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.turns.list) > 0 {
		t := s.turns.current()
		it := t.take()
		s.turns.pass(t.idle())
		s.size.Add(-1)
		if !it.gone.Load() {
			return it
		}
	}
	return nil
}

// take returns the next start of a namespace that is not idle.
func (t *tenant) take() *item {
	l := t.lane()
	f := l.turns.current()
	it := f.head
	if f.head = it.next; f.head == nil {
		f.tail = nil
	}
	it.next = nil
	<-f.room
	if l.turns.pass(f.head == nil); len(l.turns.list) == 0 {
		l.credit = 0
	}
	return it
}

// lane is the one whose turn it is, and uses up its turn; nil when the namespace is
// idle. Each gains its share, and the richest pays for all.
func (t *tenant) lane() *lane {
	var richest *lane
	paid := 0
	for _, p := range []saga.Priority{saga.High, saga.Normal, saga.Low} {
		l := &t.lanes[p]
		if len(l.turns.list) == 0 {
			continue
		}
		l.credit += shares[p]
		paid += shares[p]
		if richest == nil || l.credit > richest.credit {
			richest = l
		}
	}
	if richest != nil {
		richest.credit -= paid
	}
	return richest
}

// idle reports whether nothing waits in the namespace.
func (t *tenant) idle() bool {
	return !slices.ContainsFunc(t.lanes[:], func(l lane) bool { return len(l.turns.list) > 0 })
}

// turns lets its members be current one after the other.
type turns[T any] struct {
	list []T
	at   int
}

func (t *turns[T]) join(x T) { t.list = append(t.list, x) }

func (t *turns[T]) current() T { return t.list[t.at] }

// pass ends the current one's turn; one that leaves has no more.
func (t *turns[T]) pass(leaves bool) {
	if leaves {
		t.list = slices.Delete(t.list, t.at, t.at+1)
	} else {
		t.at++
	}
	if t.at >= len(t.list) {
		t.at = 0
	}
}
