package rules

import (
	"slices"
	"time"
)

// Queued is a saga in the queue of a key.
type Queued struct {
	Namespace, Key string
	Saga           string
	Granted        bool // Granted: it has the key.
}

// lockSlack is what the times of two sagas' events may differ by. A batch that is decided
// from memory has an estimate of the database's clock in its events, and is refused if that
// is wrong by more than a second, either way: so the end of one saga may look a second
// later than it was, and the grant that came after it a second earlier. The simulated clock
// steps back by up to two seconds. What lies within this time is seen by outside alone, which asks the participants' clocks.
const lockSlack = 2 * time.Second

// span is how long a saga has had a key; end is zero while it has it.
type span struct {
	saga       string
	begin, end time.Time
}

// locks: one saga at a time for each key, and none that has ended keeps one.
func (c *checker) locks(stories map[string]*story, tales map[string]*tale) {
	holders := map[[2]string]string{}
	for _, q := range c.run.Queues {
		place := [2]string{q.Namespace, q.Key}
		switch s := stories[q.Saga]; {
		case s == nil || s.saga == nil:
			c.findf("I11", q.Saga, "it is in the queue of the lock %q, and there is no such saga", q.Key)
		case s.saga.Status >= Completed:
			c.findf("I11", q.Saga, "it has ended, and is left in the queue of the lock %q", q.Key)
		case q.Granted && holders[place] != "":
			c.findf("I11", q.Saga, "it has the lock %q beside saga %s", q.Key, holders[place])
		case q.Granted:
			holders[place] = q.Saga
		}
	}
	spans := map[[2]string][]span{}
	for id, t := range tales {
		if t == nil {
			continue
		}
		for i := range t.events {
			if e := &t.events[i]; e.Kind == Granted {
				place := [2]string{t.saga.Pin.Namespace, e.Lock}
				spans[place] = append(spans[place], span{id, e.At, t.over})
			}
		}
	}
	for place, list := range spans {
		c.apart(place[1], list)
		c.outside(place[1], list, tales)
	}
}

// apart: no two sagas have had a key at once.
func (c *checker) apart(key string, list []span) {
	slices.SortFunc(list, func(a, b span) int { return a.begin.Compare(b.begin) })
	for i := 1; i < len(list); i++ {
		before, first := list[i-1], list[i-1].end
		if end := list[i].end; first.IsZero() || !end.IsZero() && end.Before(first) {
			first = end
		}
		if first.IsZero() || first.Sub(list[i].begin) > lockSlack {
			c.findf("I11", list[i].saga, "it got the lock %q at %s, and saga %s had it until %s", key, stamp(list[i].begin), before.saga, stamp(before.end))
		}
	}
}

// outside: what sagas with a key in common have really done lies apart.
func (c *checker) outside(key string, list []span, tales map[string]*tale) {
	var done []span
	for _, had := range list {
		if s := tales[had.saga].work(); !s.end.IsZero() {
			done = append(done, s)
		}
	}
	slices.SortFunc(done, func(a, b span) int { return a.begin.Compare(b.begin) })
	for i := 1; i < len(done); i++ {
		if a, b := done[i-1], done[i]; b.begin.Before(a.end) {
			c.findf("I11", b.saga, "with the lock %q it was at work at %s, and saga %s was until %s", key, stamp(b.begin), a.saga, stamp(a.end))
		}
	}
}

// work is from when until when something was done for the saga. It is known of one that
// has completed by itself: all is done before its end. In another a step that needs no
// undoing may be done later, and so may a run that a reset has ended.
func (t *tale) work() (all span) {
	if t.saga.Status != Completed || slices.ContainsFunc(t.stages, func(s *stage) bool { return s.byHand }) {
		return all
	}
	for _, e := range t.effects {
		if !slices.ContainsFunc(t.stages, func(s *stage) bool { return s.ref() == e.Step }) {
			continue
		}
		if all.end.IsZero() || e.At.Before(all.begin) {
			all.begin = e.At
		}
		all.saga, all.end = t.id, later(all.end, e.At)
	}
	return all
}

// lastGrant is the number of the event with which a saga that takes locks begins;
// 0 without one.
func lastGrant(events []Event) (seq int64) {
	for i := range events {
		if events[i].Kind == Granted {
			seq = events[i].Seq
		}
	}
	return seq
}
