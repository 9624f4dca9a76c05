package kafka

import (
	"context"
	"sync"
)

// queue holds what was read ahead of Poll, at most max arrivals.
type queue struct {
	max   int
	mu    sync.Mutex
	items []arrival
	ready chan struct{} // left behind when something was put
	room  chan struct{} // left behind when something was taken
}

func newQueue(limit int) *queue {
	return &queue{max: limit, ready: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put appends items in order, waiting for room. When ctx ends, the rest is dropped.
func (q *queue) put(ctx context.Context, items []arrival) {
	for {
		n := q.append(items)
		if items = items[n:]; len(items) == 0 {
			return
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return
		}
	}
}

// full is part of taker: a reader waits in put.
func (q *queue) full() bool { return false }

// append takes what there is room for.
func (q *queue) append(items []arrival) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(items), q.max-len(q.items))
	q.items = append(q.items, items[:n]...)
	if len(q.items) > 0 {
		notify(q.ready)
	}
	if len(q.items) < q.max {
		notify(q.room) // for another that waits
	}
	return n
}

// take returns the oldest arrivals, at most limit; it does not wait.
func (q *queue) take(limit int) []arrival {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(limit, len(q.items))
	if n == 0 {
		return nil
	}
	taken := append([]arrival(nil), q.items[:n]...)
	left := copy(q.items, q.items[n:])
	clear(q.items[left:])
	q.items = q.items[:left]
	if left > 0 {
		notify(q.ready)
	}
	notify(q.room)
	return taken
}

// notify leaves a notice unless there is one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
