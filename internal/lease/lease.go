package lease

import (
	"context"
	"errors"
)

// Lease is one process's share of the buckets. Its methods may be called from
// any goroutine.
type Lease struct {
	cfg Config
}

// New returns a Lease that holds nothing until Run.
func New(cfg Config) (*Lease, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Lease{cfg: cfg.withDefaults()}, nil
}

// Run keeps the lease until ctx ends, then hands over in order: OnLoss for
// everything held, the release of the buckets, and the end of the node's row.
// It returns nil after a hand-over; a failed one is left to the lease's end.
func (l *Lease) Run(ctx context.Context) error { return errors.New("lease: not built yet") }

// Owned returns the buckets held now, by rising number. It is empty from the
// moment the lease cannot be trusted any more, which is before it ends in the
// database. It includes buckets whose OnGain is still running.
func (l *Lease) Owned() []Held { return nil }

// Holds returns the epoch under which this process holds bucket, and whether it
// holds it now.
func (l *Lease) Holds(bucket int) (epoch int64, ok bool) { return 0, false }

// Live returns, as of the last renewal, how many nodes are alive and the highest
// engine level that all of them know; zeros before the first renewal.
func (l *Lease) Live() (nodes, levels int) { return 0, 0 }

// SaveOffsets stores the finished prefix of each bucket's reply partition. A
// bucket that is not held, or no longer under the same epoch, is left out; a
// bucket may still be saved from within its OnLoss.
func (l *Lease) SaveOffsets(ctx context.Context, offsets map[int]int64) error {
	return errors.New("lease: not built yet")
}
