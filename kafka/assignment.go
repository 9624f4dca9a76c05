package kafka

import (
	"context"
	"sync/atomic"
)

// assignment reads one partition from one offset until it is revoked. It belongs
// to one fetcher at a time, that of the broker which leads the partition, or to
// the feed's list of those that are to be seated.
type assignment struct {
	partition int32
	to        taker
	next      atomic.Int64 // the offset after the last record; before the first, the one that was assigned
	asked     atomic.Int64 // next, when HighWater last looked
	over      atomic.Bool  // it was revoked
	trouble   error        // why its last fetcher gave it back; that one's, then the feed's
}

// taker is where what was read goes.
type taker interface {
	// put takes arrivals of one assignment, in order. While it waits, nothing else
	// of the broker is read; it must not wait beyond ctx.
	put(ctx context.Context, items []arrival)
	// full tells that nothing is to be read for now. Whoever ends that calls the
	// feed's again.
	full() bool
}

// arrival is a record, or the fault that ended its assignment.
type arrival struct {
	from   *assignment
	record Record
	fault  error
}

func newAssignment(partition int32, offset int64, to taker) *assignment {
	a := &assignment{partition: partition, to: to}
	a.next.Store(offset)
	a.asked.Store(OffsetOldest)
	return a
}

// revoke ends the assignment; what it still has is not wanted.
func (a *assignment) revoke() { a.over.Store(true) }

// revoked tells whether the assignment is over.
func (a *assignment) revoked() bool { return a.over.Load() }
