package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/lease"
)

// Standalone is a relay that finds its share of the buckets by leases, for
// programs that use the outbox without a coordinator. Any number of them, in any
// number of processes, may run on one schema; each bucket is relayed by one.
type Standalone struct {
	// Relay configures the relay. SweepEvery defaults to 200 ms and SweepBusy to
	// 5 ms here, because rows are found by sweeps alone.
	Relay RelayConfig
	// LeasePool is a small pool for the leases, of at least two connections;
	// default Relay.Pool. Give it one of its own if Relay.Pool can run dry.
	LeasePool *pgxpool.Pool
	// Node names this process, for people to read; a random suffix is added.
	// Default: the host's name and the process id.
	Node string
	// Started, if not nil, is called once with the relay before it runs, so that
	// the caller can Nudge it after a commit or ask for its health.
	Started func(relay *Relay)
}

// Run relays until ctx ends, then hands over in order and returns nil.
func (s Standalone) Run(ctx context.Context) error {
	s = s.withDefaults()
	relay, err := NewRelay(s.Relay)
	if err != nil {
		return err
	}
	leases, err := lease.New(lease.Config{
		Pool: s.LeasePool, Schema: s.Relay.Schema.name(), Node: s.Node, Version: "outbox", Log: s.Relay.Log,
		OnGain: func(ctx context.Context, gained []lease.Held) { relay.gainUntil(ctx, numbers(gained)) },
		OnLoss: func(lost []lease.Held) { relay.Lose(numbers(lost)...) },
	})
	if err != nil {
		return err
	}
	if s.Started != nil {
		s.Started(relay)
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(work) }() // it outlives the leases, so that they end in order
	err = leases.Run(ctx)
	stop()
	return firstError(err, <-ended)
}

func (s Standalone) withDefaults() Standalone {
	s.Relay.SweepEvery = cmp.Or(s.Relay.SweepEvery, 200*time.Millisecond)
	s.Relay.SweepBusy = cmp.Or(s.Relay.SweepBusy, 5*time.Millisecond)
	s.LeasePool = cmp.Or(s.LeasePool, s.Relay.Pool)
	if s.Node == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown host"
		}
		s.Node = fmt.Sprintf("%s/%d", host, os.Getpid())
	}
	s.Node += "/" + rand.Text()[:8]
	return s
}

// gainUntil tries to gain buckets until it succeeds or ctx ends.
func (r *Relay) gainUntil(ctx context.Context, buckets []int) {
	for {
		err := r.Gain(ctx, buckets...)
		if err == nil || ctx.Err() != nil {
			return
		}
		r.cfg.Log.Warn("outbox buckets not gained yet", "error", err)
		select {
		case <-time.After(r.cfg.SweepEvery):
		case <-ctx.Done():
		}
	}
}

func numbers(held []lease.Held) []int {
	buckets := make([]int, 0, len(held))
	for _, h := range held {
		buckets = append(buckets, h.Bucket)
	}
	return buckets
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
