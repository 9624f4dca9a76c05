package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/bucket"
)

const (
	defaultSchema = "unwind"
	defaultTTL    = 1500 * time.Millisecond
	defaultRenew  = 500 * time.Millisecond
	defaultMargin = 300 * time.Millisecond
	// maxTTL is half of what buryNodes takes for a clock that was set back.
	maxTTL = time.Minute
)

// Held is one bucket as this process holds it.
type Held struct {
	// Bucket is its number, from 0 to bucket.Count-1.
	Bucket int
	// Epoch is the number of this ownership; a later owner has a higher one.
	Epoch int64
	// ReadOffset is the finished prefix of the bucket's reply partition, as
	// stored; -1 means that nothing has been read yet.
	ReadOffset int64
}

// Config configures a Lease. Pool and Node are required.
type Config struct {
	// Pool is the small pool kept for leases and health, apart from the writers'
	// pool, so that busy writers cannot starve the renewal.
	Pool *pgxpool.Pool
	// Schema is the schema that holds nodes and buckets; default "unwind".
	Schema string
	// Node names this incarnation of this process; it must never be used again.
	Node string
	// Version is the binary's version, for people to read.
	Version string
	// Levels is the highest engine level this binary knows.
	Levels int
	// TTL is how long a renewal lasts, at most a minute; default 1.5 s.
	TTL time.Duration
	// Renew is the time between renewals; default 0.5 s.
	Renew time.Duration
	// Margin is how long before the end of the lease this process stops trusting
	// it, for clocks that run at different speeds; default 0.3 s.
	Margin time.Duration
	// Log receives takeovers, losses and failed renewals; nil discards.
	Log *slog.Logger

	// OnGain is called with buckets that have just become this process's, after
	// every transaction of the former owner has ended. The buckets are in Owned
	// from shortly before the call. ctx ends when one of them is lost or the
	// lease shuts down; OnGain must then return soon. Calls for different buckets
	// may overlap; those for one bucket never do. May be nil.
	OnGain func(ctx context.Context, gained []Held)
	// OnLoss is called once for every bucket that OnGain was called with, after
	// OnGain has returned, when the bucket has been lost or is to be given back.
	// The buckets have left Owned before the call. A bucket that is given back is
	// released in the database only after OnLoss has returned. May be nil.
	OnLoss func(lost []Held)
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	if c.Pool == nil {
		faults = append(faults, errors.New("lease: Pool is nil: give it the small pool for leases and health"))
	}
	if c.Pool != nil && c.Pool.Config().MaxConns < 2 {
		faults = append(faults, errors.New("lease: Pool allows one connection: the takeover of a bucket needs a second one beside the renewal"))
	}
	if c.Node == "" {
		faults = append(faults, errors.New("lease: Node is empty: name this process's incarnation"))
	}
	if c.TTL < 0 || c.Renew < 0 || c.Margin < 0 {
		faults = append(faults, errors.New("lease: TTL, Renew and Margin must not be negative"))
	}
	if c.TTL > maxTTL {
		faults = append(faults, fmt.Errorf("lease: TTL is %v: at most %v", c.TTL, maxTTL))
	}
	if c.Renew+c.Margin >= c.TTL {
		faults = append(faults, errors.New("lease: Renew + Margin must be shorter than TTL"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Schema == "" {
		c.Schema = defaultSchema
	}
	if c.TTL == 0 {
		c.TTL = defaultTTL
	}
	if c.Renew == 0 {
		c.Renew = defaultRenew
	}
	if c.Margin == 0 {
		c.Margin = defaultMargin
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.OnGain == nil {
		c.OnGain = func(context.Context, []Held) {}
	}
	if c.OnLoss == nil {
		c.OnLoss = func([]Held) {}
	}
	return c
}

// share is the most buckets one of live nodes may hold.
func share(live int) int {
	return (bucket.Count + live - 1) / max(live, 1)
}
