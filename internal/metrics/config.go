package metrics

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/saga"
)

// Config configures Metrics. Every field may be left out: what it would show is
// not shown then.
type Config struct {
	Version string // Version is the program's. Default "dev".

	// Pool answers the looks at the database, one connection at a time. It should
	// be the readers', so that the writers never wait for a scrape.
	Pool *pgxpool.Pool
	// Schema is the database schema. Default "unwind".
	Schema string
	// Definition finds an applied definition in memory; without it, or when it
	// does not know one, sagas of it are counted without their steps and commands.
	Definition func(namespace, name, version string) (saga.Definition, bool)

	// MaxSeries is the most series of one family; what comes above it is counted
	// under the label "other". Default 2,000.
	MaxSeries int
	// LookEvery is how long the gauges of the database are kept at least. Default
	// 5 s. They are kept longer if reading them took long: so that the looks of a
	// process take at most a twentieth of its time.
	LookEvery time.Duration
	// LookTimeout bounds one look at the database. Default 2 s.
	LookTimeout time.Duration

	Log *slog.Logger // Log receives failed looks, once for each outage. nil discards them.
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	if c.MaxSeries < 0 || c.LookEvery < 0 || c.LookTimeout < 0 {
		return errors.New("metrics: limits must not be negative; zero is the default")
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.Version = cmp.Or(c.Version, "dev")
	c.Schema = cmp.Or(c.Schema, "unwind")
	c.MaxSeries = cmp.Or(c.MaxSeries, 2000)
	c.LookEvery = cmp.Or(c.LookEvery, 5*time.Second)
	c.LookTimeout = cmp.Or(c.LookTimeout, 2*time.Second)
	if c.Definition == nil {
		c.Definition = func(string, string, string) (d saga.Definition, ok bool) { return d, false }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}
