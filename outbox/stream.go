package outbox

import (
	"container/heap"
	"slices"
	"time"
)

// place is where a stream is on its way.
type place uint8

const (
	ready     place = iota // waiting for the dispatcher
	flying                 // its first rows are with the publisher
	backedOff              // waiting for the time of the next try
	poisoned               // its first row is with OnUndeliverable
)

// share is one bucket that the relay has, or has had while rows are in flight.
type share struct {
	bucket int
	gone   bool // taken away
	closed bool // and what was sent is the next owner's business now
	// complete says that every committed row is known; doubt is the number of the
	// latest sweep that began before it was last denied.
	complete bool
	doubt    int64
	sent     []sentRow // not yet deleted, by rising time
}

// stream is the unsent rows of one way of a key that are in memory.
type stream struct {
	key      string
	lane     string // its name in Relay.streams; the key, if it is the only way
	share    *share
	place    place
	rows     []Row // by rising id
	flight   int   // rows[:flight] are with the publisher
	open     int   // how many of them are not done
	failed   int   // the first of them that failed, or flight
	err      error // its error
	attempts int
	retryAt  time.Time
}

// add puts row where its id belongs, but never before a row in flight; it
// reports false if the row is there already.
func (s *stream) add(row Row) bool {
	if n := len(s.rows); n == 0 || s.rows[n-1].ID < row.ID {
		s.rows = append(s.rows, row)
		return true
	}
	at, there := s.find(row.ID)
	if there {
		return false
	}
	s.rows = slices.Insert(s.rows, max(at, s.flight), row)
	return true
}

func (s *stream) find(id int64) (at int, there bool) {
	for i := range s.rows[:s.flight] { // may be out of order with what came later
		if s.rows[i].ID == id {
			return i, true
		}
	}
	at, there = slices.BinarySearchFunc(s.rows[s.flight:], id, func(r Row, id int64) int {
		switch {
		case r.ID < id:
			return -1
		case r.ID > id:
			return 1
		}
		return 0
	})
	return at + s.flight, there
}

// drop removes the first n rows.
func (s *stream) drop(n int) {
	clear(s.rows[:n]) // lets go of the payloads
	s.rows = s.rows[n:]
}

// retries are the streams that back off, the next one first.
type retries []*stream

// Len is part of heap.Interface.
func (r *retries) Len() int { return len(*r) }

// Less is part of heap.Interface.
func (r *retries) Less(i, j int) bool { return (*r)[i].retryAt.Before((*r)[j].retryAt) }

// Swap is part of heap.Interface.
func (r *retries) Swap(i, j int) { (*r)[i], (*r)[j] = (*r)[j], (*r)[i] }

// Push is part of heap.Interface.
func (r *retries) Push(x any) { *r = append(*r, x.(*stream)) }

// Pop is part of heap.Interface.
func (r *retries) Pop() any {
	last := (*r)[len(*r)-1]
	(*r)[len(*r)-1] = nil
	*r = (*r)[:len(*r)-1]
	return last
}

var _ heap.Interface = (*retries)(nil)

// queue is a first-in first-out queue of streams.
type queue struct {
	items []*stream
	head  int
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(s *stream) {
	if q.head > 1024 && q.head > len(q.items)/2 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, s)
}

func (q *queue) pop() *stream {
	s := q.items[q.head]
	q.items[q.head] = nil
	if q.head++; q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return s
}
