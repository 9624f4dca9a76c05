package lease

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/pace"
	"github.com/unwindhq/unwind/internal/postgres"
)

// phase is how far a bucket is in its life at this process.
type phase uint8

const (
	claimed phase = iota // ours in the database; the old owner is being waited out
	gaining              // OnGain is running
	holding              // OnGain has returned
	losing               // to be let go: OnGain is being ended, or OnLoss is running
)

// hold is one bucket of this process.
type hold struct {
	Held
	phase phase
	gain  *gain
}

// Lease is one process's share of the buckets. Its methods may be called from
// any goroutine.
type Lease struct {
	cfg     Config
	changed chan struct{} // a gain or a loss has ended
	barrier chan struct{} // held while waiting an old owner out: one connection at most
	busy    sync.WaitGroup

	mu           sync.Mutex
	holds        map[int]*hold
	trust        time.Time // until when, on the monotonic clock, the lease is believed in
	live, levels int
	draining     bool
	renewals     int64
	failures     int64

	complaints pace.Pace // of renewals that failed
}

// New returns a Lease that holds nothing until Run.
func New(cfg Config) (*Lease, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Lease{
		cfg:     cfg.withDefaults(),
		changed: make(chan struct{}, 1),
		barrier: make(chan struct{}, 1),
		holds:   map[int]*hold{},
	}, nil
}

// Owned returns the buckets held now, by rising number. It is empty from the
// moment the lease cannot be trusted any more, which is before it ends in the
// database. It includes buckets whose OnGain is still running.
func (l *Lease) Owned() []Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !time.Now().Before(l.trust) {
		return nil
	}
	var owned []Held
	for _, h := range l.holds {
		if h.phase == gaining || h.phase == holding {
			owned = append(owned, h.Held)
		}
	}
	slices.SortFunc(owned, byBucket)
	return owned
}

// Holds returns the epoch under which this process holds bucket, and whether it
// holds it now.
func (l *Lease) Holds(bucket int) (epoch int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[bucket]
	if h == nil || h.phase != gaining && h.phase != holding || !time.Now().Before(l.trust) {
		return 0, false
	}
	return h.Epoch, true
}

// Live returns, as of the last renewal, how many nodes are alive and the highest
// engine level that all of them know; zeros before the first renewal.
func (l *Lease) Live() (nodes, levels int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live, l.levels
}

// Stats are a lease's counters since it was made, and gauges.
type Stats struct {
	Remaining time.Duration // Remaining is how long the lease may still be trusted; 0 if it may not.
	Nodes     int           // Nodes are alive, as of the last renewal.
	Renewals  int64         // Renewals have succeeded.
	Failures  int64         // Failures are renewals that have not.
}

// Stats returns the counters and gauges as of now.
func (l *Lease) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{Remaining: max(0, time.Until(l.trust)), Nodes: l.live, Renewals: l.renewals, Failures: l.failures}
}

// SaveOffsets stores the finished prefix of each bucket's reply partition. A
// bucket that is not held, or no longer under the same epoch, is left out; a
// bucket may still be saved from within its OnLoss.
func (l *Lease) SaveOffsets(ctx context.Context, offsets map[int]int64) error {
	held := l.known(offsets)
	if len(held) == 0 {
		return nil
	}
	buckets, epochs, values := columns(held)
	if _, err := l.cfg.Pool.Exec(ctx, l.sql(saveOffsets), buckets, epochs, values); err != nil {
		return fmt.Errorf("save the offsets of %d buckets: %w", len(held), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, saved := range held {
		if h := l.holds[saved.Bucket]; h != nil && h.Epoch == saved.Epoch {
			h.ReadOffset = saved.ReadOffset
		}
	}
	return nil
}

// known returns the buckets of offsets that this process has, with their epochs.
func (l *Lease) known(offsets map[int]int64) []Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make([]Held, 0, len(offsets))
	for bucket, offset := range offsets {
		if h := l.holds[bucket]; h != nil {
			held = append(held, Held{Bucket: bucket, Epoch: h.Epoch, ReadOffset: offset})
		}
	}
	return held
}

func (l *Lease) sql(query string) string { return postgres.In(l.cfg.Schema, query) }

// begin starts a transaction of which every statement sees what is committed.
func (l *Lease) begin(ctx context.Context) (pgx.Tx, error) {
	return l.cfg.Pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
}

func byBucket(x, y Held) int { return x.Bucket - y.Bucket }
