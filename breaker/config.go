package breaker

import (
	"cmp"
	"errors"
	"log/slog"
	"time"
)

// Config configures a Gate. The zero value of every field is its documented
// default.
type Config struct {
	// Window is how far back a closed breaker looks at outcomes; default 30 s. It
	// is rounded up to whole BucketPeriods.
	Window time.Duration
	// BucketPeriod is the step in which outcomes leave the window; default 5 s.
	BucketPeriod time.Duration
	// MinRequests is how many outcomes the window must hold before Ratio can open
	// the breaker; default 20. Commands without an outcome yet do not count.
	MinRequests int
	// Ratio is the share of failures in the window that opens the breaker, above
	// 0 and at most 1; default 0.5.
	Ratio float64
	// Consecutive is how many failures in a row open the breaker, however long
	// they took; default 20.
	Consecutive int
	// OpenFor is how long an open breaker lets nobody pass before it tries
	// probes; default 10 s.
	OpenFor time.Duration
	// Probes is how many commands are out at a time while half-open, and how many
	// must succeed to close the breaker; default 3.
	Probes int
	// ProbeFor is the longest that the outcome of a probe is waited for; after it
	// the probe counts as Excluded. It is the last resort against a permit that
	// is never returned. Default 10 times OpenFor.
	ProbeFor time.Duration
	// Ramp is the most commands in any second after the breaker has closed, its
	// last probes included; default 20. It is a limit for each key of this gate:
	// several processes have as many ramps.
	Ramp int
	// RampDouble is how often the rate of a ramp doubles; default 5 s. A ramp
	// lasts at least this long, and until nothing is held.
	RampDouble time.Duration
	// PassFor is how long an item that Release named may take to ask; default
	// 10 s. After it the item is held again, in its old place.
	PassFor time.Duration
	// MaxParticipants is the most participants that get breakers; default 10,000.
	// Commands to others always pass, and one log line says so.
	MaxParticipants int
	// Log receives changes of state; nil discards.
	Log *slog.Logger
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	var faults []error
	if min(c.Window, c.BucketPeriod, c.OpenFor, c.ProbeFor, c.RampDouble, c.PassFor) < 0 {
		faults = append(faults, errors.New("breaker: times must not be negative; zero is the default"))
	}
	if min(c.MinRequests, c.Consecutive, c.Probes, c.Ramp, c.MaxParticipants) < 0 {
		faults = append(faults, errors.New("breaker: limits must not be negative; zero is the default"))
	}
	if !(c.Ratio >= 0 && c.Ratio <= 1) {
		faults = append(faults, errors.New("breaker: Ratio must be above 0 and at most 1; zero is the default"))
	}
	if d := c.withDefaults(); d.BucketPeriod > d.Window {
		faults = append(faults, errors.New("breaker: BucketPeriod must not be longer than Window"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	c.Window = cmp.Or(c.Window, 30*time.Second)
	c.BucketPeriod = cmp.Or(c.BucketPeriod, min(5*time.Second, c.Window))
	c.MinRequests = cmp.Or(c.MinRequests, 20)
	c.Ratio = cmp.Or(c.Ratio, 0.5)
	c.Consecutive = cmp.Or(c.Consecutive, 20)
	c.OpenFor = cmp.Or(c.OpenFor, 10*time.Second)
	c.Probes = cmp.Or(c.Probes, 3)
	c.ProbeFor = cmp.Or(c.ProbeFor, 10*c.OpenFor)
	c.Ramp = cmp.Or(c.Ramp, 20)
	c.RampDouble = cmp.Or(c.RampDouble, 5*time.Second)
	c.PassFor = cmp.Or(c.PassFor, 10*time.Second)
	c.MaxParticipants = cmp.Or(c.MaxParticipants, 10_000)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}
