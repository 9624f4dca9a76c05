package outbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// RelayConfig configures a Relay. Pool and Publisher are required; the zero value
// of every other field is its documented default.
type RelayConfig struct {
	// Pool reads what is left behind and deletes what is sent. The relay uses at
	// most three connections of it at a time, for short statements.
	Pool *pgxpool.Pool
	// Schema holds the outbox; default DefaultSchema.
	Schema Schema
	// Publisher sends the rows.
	Publisher Publisher
	// MaxInFlight is the most rows given to Publisher and not yet done; default 8192.
	MaxInFlight int
	// MaxHanded is the most unsent rows kept in memory, in flight or not; default
	// 32768. What does not fit stays in the table until there is room. Rows that
	// keep failing count, so that many keys of one broken topic can fill it.
	MaxHanded int
	// MaxHandedBytes is the most bytes of unsent rows kept in memory; default 64
	// MiB. One row above it is still taken when nothing else is kept.
	MaxHandedBytes int
	// BatchMax is the most rows of one call of Publish; default 512.
	BatchMax int
	// KeyRows is the most rows of one key in flight at a time. Default 1: the
	// order of a key holds whatever the publisher does. A publisher that never
	// sends a row after a failed one of the same key allows more, which speeds up
	// keys with many rows.
	KeyRows int
	// Lane says on which way of its key a row goes: the order of the ids holds on each
	// way, and the ways of a key go side by side. It is asked while the relay is
	// locked. nil, or an empty answer: all rows of a key go one way.
	Lane func(row *Row) string
	// SweepEvery is the longest time between two sweeps for rows that were not
	// handed over; default 1 s. A sweep that found some is followed by quicker ones.
	SweepEvery time.Duration
	// SweepBusy is the time to the next sweep after one that found rows; it
	// doubles with every sweep that finds none, up to SweepEvery. Default
	// SweepEvery, for rows usually come by Hand; 5 ms in Standalone.
	SweepBusy time.Duration
	// SweepRows is the most rows read by one statement of a sweep; default 1000.
	SweepRows int
	// FullSweepEvery is the time between sweeps of the whole table, which find
	// what a lost delete or a writer outside the rules left behind; default 3 m.
	FullSweepEvery time.Duration
	// MaxTx is the longest that a transaction which inserts may last; default
	// 10 s. Sweeps between two full ones read only ids that were new within MaxTx
	// plus a minute.
	MaxTx time.Duration
	// DeleteAfter is how long a sent row waits for someone to delete it along
	// (TakeSent) before the relay does; default 1 s.
	DeleteAfter time.Duration
	// RetryMin and RetryMax bound the back-off of a key after a failure: it
	// starts at RetryMin, doubles, and has 20 % jitter. The first row that is
	// acknowledged after a second or more without any ends all of them. Defaults
	// 50 ms and 5 s.
	RetryMin, RetryMax time.Duration
	// LoseWait is how long Lose, and the end of Run, wait for rows in flight;
	// default 3 s.
	LoseWait time.Duration
	// QueryTimeout bounds each statement; default 5 s.
	QueryTimeout time.Duration
	// OnUndeliverable is called with a row that failed with ErrPermanent when it
	// is the first unsent one of its key. Once it returns nil the row counts as
	// sent and its key goes on; an error makes the key back off and the row be
	// sent again. nil logs the row and keeps its key stopped, with retries.
	OnUndeliverable func(ctx context.Context, row Row, cause error) error
	// Log receives failures; nil discards.
	Log *slog.Logger
}

// Validate reports every fault of c at once.
func (c RelayConfig) Validate() error {
	var faults []error
	if c.Pool == nil {
		faults = append(faults, errors.New("outbox relay: Pool is nil"))
	}
	if c.Publisher == nil {
		faults = append(faults, errors.New("outbox relay: Publisher is nil"))
	}
	if min(c.MaxInFlight, c.MaxHanded, c.MaxHandedBytes, c.BatchMax, c.KeyRows, c.SweepRows) < 0 {
		faults = append(faults, errors.New("outbox relay: limits must not be negative; zero is the default"))
	}
	if min(c.SweepEvery, c.SweepBusy, c.FullSweepEvery, c.MaxTx, c.DeleteAfter, c.RetryMin, c.RetryMax, c.LoseWait, c.QueryTimeout) < 0 {
		faults = append(faults, errors.New("outbox relay: times must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

func (c RelayConfig) withDefaults() RelayConfig {
	c.Schema = cmp.Or(c.Schema, DefaultSchema)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 8192)
	c.MaxHanded = cmp.Or(c.MaxHanded, 32768)
	c.MaxHandedBytes = cmp.Or(c.MaxHandedBytes, 64<<20)
	c.BatchMax = cmp.Or(c.BatchMax, 512)
	c.KeyRows = cmp.Or(c.KeyRows, 1)
	c.SweepEvery = cmp.Or(c.SweepEvery, time.Second)
	c.SweepBusy = min(cmp.Or(c.SweepBusy, c.SweepEvery), c.SweepEvery)
	c.SweepRows = cmp.Or(c.SweepRows, 1000)
	c.FullSweepEvery = cmp.Or(c.FullSweepEvery, 3*time.Minute)
	c.MaxTx = cmp.Or(c.MaxTx, 10*time.Second)
	c.DeleteAfter = cmp.Or(c.DeleteAfter, time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 50*time.Millisecond)
	c.RetryMax = max(cmp.Or(c.RetryMax, 5*time.Second), c.RetryMin)
	c.LoseWait = cmp.Or(c.LoseWait, 3*time.Second)
	c.QueryTimeout = cmp.Or(c.QueryTimeout, 5*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}
