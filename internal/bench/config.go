package bench

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/unwindhq/unwind/kafka"
)

// The ways to start sagas.
const (
	ViaDirect = "direct" // ViaDirect calls the coordinator in its own process.
	ViaREST   = "rest"   // ViaREST starts and awaits each saga over REST, from another process.
)

// Config configures a run. The zero value of a field is its default, except for
// Program.
type Config struct {
	// Program is the command line that serves a role when it is added as last
	// argument; see Serve. Required.
	Program []string
	// DatabaseURL is Postgres. Without one, an own server is started in Dir. The run
	// makes a schema and drops it.
	DatabaseURL string
	// Brokers are Kafka's addresses. Without any, an own broker is started in Dir.
	// The run makes topics and deletes them.
	Brokers []string
	// Security is how those Brokers are reached. Default: in clear.
	Security kafka.Security
	// Dir is for own servers, and deleted at the end. Default .unwind-bench.
	Dir string
	// InFlight is how many sagas are under way at any time, 1 to 100,000. Default 64.
	InFlight int
	// Duration is how long is measured, after Warmup. Default 20 s.
	Duration time.Duration
	// Warmup is how long the load runs before. Default 3 s.
	Warmup time.Duration
	// RejectPercent is how many of 100 sagas are refused at their third step, and
	// compensated. Default 0.
	RejectPercent int
	// Guard gives each participant what a service has: a guard, its stored answers
	// and an outbox in a schema of its own. Default: they answer from memory.
	Guard bool
	// Local runs the steps in the coordinator's process, on Postgres alone: no
	// participants, and Brokers are left alone. With Guard each step has a transaction.
	Local bool
	// Code measures the same saga as a Go function as well, in turn with the declared
	// one: Duration for each.
	Code bool
	// Via is ViaDirect or ViaREST. Default ViaDirect.
	Via string
	// CPUProfile names a file for a profile of the coordinator; empty for none.
	CPUProfile string
	// LimitTime is how long the limit is measured; negative leaves it out. Default 5 s.
	LimitTime time.Duration
	// Log receives what the processes have to say. nil discards it.
	Log *slog.Logger
	// Progress receives a line for each stage of the run. nil discards them.
	Progress io.Writer
}

// Validate reports every fault of c at once.
func (c Config) Validate() error {
	c = c.withDefaults()
	var faults []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("bench: "+format, args...))
		}
	}
	need(len(c.Program) > 0, "Program is missing")
	need(c.InFlight >= 1 && c.InFlight <= 100_000, "in flight is %d, must be 1 to 100000", c.InFlight)
	need(c.Duration >= time.Second, "duration is %s, must be at least 1s", c.Duration)
	need(c.Warmup >= 0, "warm-up is %s, must not be negative", c.Warmup)
	need(c.RejectPercent >= 0 && c.RejectPercent <= 100, "reject percent is %d, must be 0 to 100", c.RejectPercent)
	need(c.Via == ViaDirect || c.Via == ViaREST, "via %q: want %s or %s", c.Via, ViaDirect, ViaREST)
	if len(c.Brokers) > 0 {
		faults = append(faults, kafka.Config{Brokers: c.Brokers, Security: c.Security}.Validate())
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	c.Dir = cmp.Or(c.Dir, ".unwind-bench")
	c.InFlight = cmp.Or(c.InFlight, 64)
	c.Duration = cmp.Or(c.Duration, 20*time.Second)
	c.Warmup = cmp.Or(c.Warmup, 3*time.Second)
	c.Via = cmp.Or(c.Via, ViaDirect)
	c.LimitTime = cmp.Or(c.LimitTime, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	return c
}
