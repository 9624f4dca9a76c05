package retention

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

const (
	// slack is how long after its start a saga is taken to have ended: what lasts
	// longer is found by a whole round.
	slack = time.Hour
	// wholeEvery is the time from one whole round to the next.
	wholeEvery = 24 * time.Hour
)

// Range is a range of sagas by their ids, which begin with the time of the start.
type Range struct {
	After  saga.ID // After is the id that comes before the first; zero: the first of all.
	Before saga.ID // Before is the id that comes after the last.
	Whole  bool    // Whole: it is all that may have sagas to be deleted.
}

// Walk says where to look for sagas that are due, without an index that every saga
// would have to pay for. Ids are in the order of the starts, so sagas of a class
// become due nearly in that order, and a look at what has come to its age since the
// look before finds most; what has lasted longer, or could not go when it was due,
// is found by looking at everything once a day. The zero value begins with that.
type Walk struct {
	whole time.Time                    // when the last whole round began
	until map[saga.Retention]time.Time // starts before that were looked at, by class
}

// Next returns the ranges to look at now, of which none has to be looked at twice.
func (w *Walk) Next(p Policy, now time.Time) []Range {
	if p.Shortest() == 0 {
		return nil
	}
	whole := now.Sub(w.whole) >= wholeEvery
	if whole {
		w.whole, w.until = now, map[saga.Retention]time.Time{}
	}
	var ranges []Range
	for _, class := range []saga.Retention{saga.Short, saga.Standard, saga.Long} {
		age := p.Age(class)
		if age == 0 {
			continue
		}
		from, to := w.until[class], now.Add(-age-slack)
		if !whole && to.After(from) {
			ranges = append(ranges, Range{After: FirstID(from), Before: FirstID(to)})
		}
		w.until[class] = to
	}
	if whole {
		return []Range{{Before: FirstID(now.Add(-p.Shortest())), Whole: true}}
	}
	return ranges
}

// FirstID returns the lowest id of the sagas that were started at a time or later.
func FirstID(at time.Time) (id saga.ID) {
	ms := uint64(max(0, at.UnixMilli()))
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
