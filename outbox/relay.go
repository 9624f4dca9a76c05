package outbox

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/pace"
)

// Relay publishes the rows of the buckets it has been given. Its methods may be
// called from any goroutine.
type Relay struct {
	cfg   RelayConfig
	wake  chan struct{} // there is something to dispatch
	nudge chan struct{} // sweep now
	clerk chan struct{} // a stream is poisoned
	sweep chan struct{} // held by the sweep under way

	mu       sync.Mutex
	shares   [bucket.Count]*share
	streams  map[string]*stream   // by lane
	apart    map[string][]*stream // by key: those whose lane is not the key
	ready    queue
	waiting  retries
	poisoned queue
	sent     map[int64]sentMark // acknowledged, not known to be deleted
	unsent   int                // rows in streams
	bytes    int                // and their sizes
	flying   [bucket.Count]int  // rows with the publisher
	inFlight int                // and their sum
	sweepState
	health
	stats      Stats
	complaints pace.Pace // of rows that cannot be published
}

// health is the view of the latest outcomes.
type health struct {
	since time.Time
	sick  bool
}

// NewRelay returns a relay without buckets.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Relay{
		cfg:     cfg.withDefaults(),
		wake:    make(chan struct{}, 1),
		nudge:   make(chan struct{}, 1),
		clerk:   make(chan struct{}, 1),
		sweep:   make(chan struct{}, 1),
		streams: map[string]*stream{},
		apart:   map[string][]*stream{},
		sent:    map[int64]sentMark{},
	}, nil
}

// Hand gives the relay rows that the caller has just committed, so that they need
// not be read back. It never blocks. What does not fit, or is of a bucket that
// the relay has not, is left to the sweep, and so is every later row of that
// bucket until a sweep has caught up, so that no row overtakes another of its key.
//
// Only the one process that writes all rows of a bucket may hand them over; where
// several processes write, call Nudge instead. Calls for one key should come in
// the order of the ids: a lower id that comes late goes first only if the higher
// one is not in flight yet. Rows are kept, not copied deeply: do not change them.
func (r *Relay) Hand(rows []Row) {
	r.mu.Lock()
	for i := range rows {
		sh := r.share(rows[i].Bucket)
		switch {
		case sh == nil || !sh.complete && !r.sweeping: // the next sweep reads it
		case !r.room(rows[i].size()):
			r.deny(sh)
			r.starved = true
		case sh.complete:
			r.admit(&rows[i])
		default: // the sweep under way may have begun too early to see it
			r.stash = append(r.stash, rows[i])
			r.stashBytes += rows[i].size()
		}
	}
	some := r.ready.len() > 0
	r.mu.Unlock()
	if some {
		signal(r.wake)
	}
}

// Nudge makes a sweep start now. Calls are coalesced; it never blocks.
func (r *Relay) Nudge() { signal(r.nudge) }

// Doubt says that a row of these buckets may have been committed without having
// been handed over, as after a COMMIT of unknown outcome. Call it once its fate
// is settled, and before newer rows are handed over: until a sweep has read all
// rows of the bucket, Hand leaves its rows to that sweep and Unsent says true.
func (r *Relay) Doubt(buckets ...int) {
	r.mu.Lock()
	for _, b := range buckets {
		if sh := r.share(b); sh != nil {
			r.deny(sh)
		}
	}
	r.mu.Unlock()
	signal(r.nudge)
}

// Unsent tells whether key may have a row that is committed and not yet
// acknowledged by the broker. It errs on the side of true: for a bucket that the
// relay has not, and while it does not know all of a bucket's rows.
func (r *Relay) Unsent(key string) bool {
	b := bucket.Of(key, bucket.Count)
	r.mu.Lock()
	defer r.mu.Unlock()
	sh := r.shares[b]
	return sh == nil || !sh.complete || r.streams[key] != nil || len(r.apart[key]) > 0
}

// Healthy tells whether publishing works: ok is false while rows have failed and
// none has been acknowledged since the first of those failures. since is when
// that state began; it is zero before the first row is done.
func (r *Relay) Healthy() (since time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.since, !r.sick
}

// Stats are counters since the relay was made, and gauges.
type Stats struct {
	// Published counts acknowledged rows; Failed rows that failed, each time.
	Published, Failed int64
	// Swept counts rows that a sweep found, not Hand.
	Swept int64
	// Unsent is the rows in memory not yet acknowledged; InFlight those of them
	// with the publisher; Sent the acknowledged rows not yet deleted.
	Unsent, InFlight, Sent int
}

// Stats returns the counters and gauges as of now.
func (r *Relay) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Unsent, s.InFlight, s.Sent = r.unsent, r.inFlight, len(r.sent)
	return s
}

// share returns the bucket's share, or nil. The caller holds the lock, here and
// in what follows.
func (r *Relay) share(b int) *share {
	if b < 0 || b >= bucket.Count {
		return nil
	}
	return r.shares[b]
}

// deny says that not every row of sh is known.
func (r *Relay) deny(sh *share) { sh.complete, sh.doubt = false, r.sweeps }

// room tells whether a row of size bytes fits.
func (r *Relay) room(size int) bool {
	rows, bytes := r.unsent+len(r.stash), r.bytes+r.stashBytes
	return rows < r.cfg.MaxHanded && len(r.sent) < 16*r.cfg.MaxHanded && (rows == 0 || bytes+size <= r.cfg.MaxHandedBytes)
}

// known tells whether the row is in memory, or acknowledged and not yet deleted.
func (r *Relay) known(id int64, key string) bool {
	if _, ok := r.sent[id]; ok {
		return true
	}
	if s := r.streams[key]; s != nil {
		if _, there := s.find(id); there {
			return true
		}
	}
	return slices.ContainsFunc(r.apart[key], func(s *stream) bool {
		_, there := s.find(id)
		return there
	})
}

// lane is the name of the row's way.
func (r *Relay) lane(row *Row) string {
	if r.cfg.Lane != nil {
		if lane := r.cfg.Lane(row); lane != "" {
			return row.Key + "\x00" + lane // Postgres keeps no such key
		}
	}
	return row.Key
}

// admit takes row into its stream; false means that it was known.
func (r *Relay) admit(row *Row) bool {
	r.newest = max(r.newest, row.ID)
	if _, ok := r.sent[row.ID]; ok {
		return false
	}
	lane := r.lane(row)
	s := r.streams[lane]
	if s == nil {
		s = &stream{key: row.Key, lane: lane, share: r.shares[row.Bucket]}
		r.streams[lane] = s
		if lane != row.Key {
			r.apart[row.Key] = append(r.apart[row.Key], s)
		}
		r.ready.push(s)
	}
	if !s.add(*row) {
		return false
	}
	r.unsent++
	r.bytes += row.size()
	return true
}

// backOff makes s wait, longer after each failure in a row.
func (r *Relay) backOff(s *stream) time.Duration {
	d := r.cfg.RetryMax
	if s.attempts < 30 {
		d = min(d, r.cfg.RetryMin<<s.attempts)
	}
	s.attempts++
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// signal leaves a notice in c unless there is one already.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a notice is waiting
	}
}
