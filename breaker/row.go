package breaker

import (
	"container/list"
	"time"
)

// Item is something that has commands: an order, a saga.
type Item[T comparable] struct {
	ID       T        // ID names it.
	Groups   [2]Group // Groups are what its commands can be held together by, beside their participant; the zero Group is none.
	Priority int      // Priority says who of those that wait goes first: above 0 before, below 0 behind the others.
}

// entry is an item's place: one for each line that a command of it waits for.
type entry[T comparable] struct {
	item  Item[T]
	line  *line[T]
	dam   *dam[T] // whose row it waits in; nil: the line's own
	since time.Time
	at    *list.Element
	pass  time.Time // since when it may ask although others wait; zero: it may not
}

// row is those that wait for one thing, in the order of their arrival. Of the
// priorities that have somebody waiting, each gets its share of the passes.
type row[T comparable] struct {
	lanes  [len(shares)]lane[T]
	n      int
	passes int // of those that have one
}

// lane is one priority of a row.
type lane[T comparable] struct {
	list.List // of *entry[T], oldest first
	passes    int
	credit    int
}

// The lanes, and what share of the passes each gets while all wait.
const (
	laneHigh = iota
	laneNormal
	laneLow
)

var shares = [...]int{laneHigh: 16, laneNormal: 4, laneLow: 1}

// lane is the one of a priority.
func (r *row[T]) lane(priority int) *lane[T] {
	switch {
	case priority > 0:
		return &r.lanes[laneHigh]
	case priority < 0:
		return &r.lanes[laneLow]
	}
	return &r.lanes[laneNormal]
}

func (r *row[T]) push(e *entry[T]) {
	e.at = r.lane(e.item.Priority).PushBack(e)
	r.n++
}

func (r *row[T]) remove(e *entry[T]) {
	l := r.lane(e.item.Priority)
	l.Remove(e.at)
	if r.n--; l.Len() == 0 {
		l.credit = 0
	}
}

// name gives the next one a pass and returns it; nil: all have one.
func (r *row[T]) name(now time.Time) *entry[T] {
	l := r.turn()
	if l == nil {
		return nil
	}
	for at := l.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entry[T]); e.pass.IsZero() {
			e.pass = now
			l.passes++
			r.passes++
			return e
		}
	}
	return nil
}

// turn is the lane whose turn it is: each that has somebody without a pass gains
// its share, and the richest pays for all.
func (r *row[T]) turn() *lane[T] {
	var richest *lane[T]
	paid := 0
	for i := range r.lanes {
		l := &r.lanes[i]
		if l.Len() == l.passes {
			continue
		}
		l.credit += shares[i]
		paid += shares[i]
		if richest == nil || l.credit > richest.credit {
			richest = l
		}
	}
	if richest != nil {
		richest.credit -= paid
	}
	return richest
}

// expire ends passes that nobody has used: they keep others from passing.
func (r *row[T]) expire(now time.Time, after time.Duration) {
	for i := range r.lanes {
		for at, left := r.lanes[i].Front(), r.lanes[i].passes; left > 0; at = at.Next() {
			e := at.Value.(*entry[T])
			if e.pass.IsZero() {
				continue
			}
			left--
			if now.Sub(e.pass) >= after {
				r.usePass(e)
			}
		}
	}
}

// usePass says whether e had a pass, and ends it.
func (r *row[T]) usePass(e *entry[T]) bool {
	if e.pass.IsZero() {
		return false
	}
	e.pass = time.Time{}
	r.lane(e.item.Priority).passes--
	r.passes--
	return true
}

// oldest is since when the first of a line waits here; zero without one. nil is any
// line.
func (r *row[T]) oldest(of *line[T]) (since time.Time) {
	for i := range r.lanes {
		for at := r.lanes[i].Front(); at != nil; at = at.Next() {
			e := at.Value.(*entry[T])
			if of != nil && e.line != of {
				continue
			}
			if since.IsZero() || e.since.Before(since) {
				since = e.since
			}
			break
		}
	}
	return since
}

// each calls f for all, in the order of their arrival in each lane. f may remove the
// one that it is called for.
func (r *row[T]) each(f func(e *entry[T])) {
	for i := range r.lanes {
		for at := r.lanes[i].Front(); at != nil; {
			next := at.Next()
			f(at.Value.(*entry[T]))
			at = next
		}
	}
}
