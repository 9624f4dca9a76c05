package outbox

import (
	"context"
	"errors"
	"time"
)

// errUnbuilt marks the skeleton.
var errUnbuilt = errors.New("outbox relay: not built yet")

// Relay publishes the rows of the buckets it has been given. Its methods may be
// called from any goroutine.
type Relay struct {
	cfg RelayConfig
}

// NewRelay returns a relay without buckets.
func NewRelay(cfg RelayConfig) (*Relay, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Relay{cfg: cfg.withDefaults()}, nil
}

// Run publishes until ctx ends; then it waits up to LoseWait for the rows in
// flight, deletes what was sent, and returns nil. Run it once.
func (r *Relay) Run(ctx context.Context) error { return errUnbuilt }

// Hand gives the relay rows that the caller has just committed, so that they need
// not be read back. It never blocks. What does not fit, or is of a bucket that
// the relay has not, is left to the sweep, and so is every later row of that
// bucket until a sweep has caught up, so that no row overtakes another of its key.
//
// Only the one process that writes all rows of a bucket may hand them over; where
// several processes write, call Nudge instead. Calls for one key should come in
// the order of the ids: a lower id that comes late goes first only if the higher
// one is not in flight yet. Rows are kept, not copied deeply: do not change them.
func (r *Relay) Hand(rows []Row) {}

// Nudge makes a sweep start now. Calls are coalesced; it never blocks.
func (r *Relay) Nudge() {}

// Doubt says that a row of these buckets may have been committed without having
// been handed over, as after a COMMIT of unknown outcome. Call it once its fate
// is settled, and before newer rows are handed over: until a sweep has read all
// rows of the bucket, Hand leaves its rows to that sweep and Unsent says true.
func (r *Relay) Doubt(buckets ...int) {}

// Gain adds buckets and reads their unsent rows. It returns when all of them are
// known, or as many as fit in memory; in the latter case Unsent says true for
// every key of the bucket until the rest is known. After an error the buckets are
// not the relay's. Call it while the relay runs or before.
func (r *Relay) Gain(ctx context.Context, buckets ...int) error { return errUnbuilt }

// Lose takes buckets away: nothing more of them is published; it waits, at most
// LoseWait, until their rows in flight are done, and deletes those that were sent.
func (r *Relay) Lose(buckets ...int) {}

// Unsent tells whether key may have a row that is committed and not yet
// acknowledged by the broker. It errs on the side of true: for a bucket that the
// relay has not, and while it does not know all of a bucket's rows.
func (r *Relay) Unsent(key string) bool { return true }

// TakeSent returns up to limit ids of sent rows for the caller to delete in its
// next transaction (Schema.QueueDelete), of the buckets for which which is true;
// nil means all. Call Deleted after the commit, or ReturnSent if it failed. Ids
// for which neither is called are forgotten after MaxTx and a minute; if they
// are still in the table then, they are published again.
func (r *Relay) TakeSent(which func(bucket int) bool, limit int) []int64 { return nil }

// Deleted tells the relay that ids from TakeSent are gone from the table.
func (r *Relay) Deleted(ids []int64) {}

// ReturnSent gives ids from TakeSent back, because they may not have been
// deleted; the relay sees to it.
func (r *Relay) ReturnSent(ids []int64) {}

// Healthy tells whether publishing works: ok is false while rows have failed and
// none has been acknowledged since the first of those failures. since is when
// that state began; it is zero before the first row is done.
func (r *Relay) Healthy() (since time.Time, ok bool) { return time.Time{}, true }

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
func (r *Relay) Stats() Stats { return Stats{} }
