package outbox

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Standalone is a relay that finds its share of the buckets by leases, for
// programs that use the outbox without a coordinator. Any number of them, in any
// number of processes, may run on one schema; each bucket is relayed by one.
type Standalone struct {
	// Relay configures the relay. SweepEvery defaults to 200 ms here.
	Relay RelayConfig
	// LeasePool is a small pool for the leases; default Relay.Pool. Give it one of
	// its own (two connections are enough) if Relay.Pool can run dry.
	LeasePool *pgxpool.Pool
	// Node names this process, for people to read; a random suffix is added.
	// Default: the host's name and the process id.
	Node string
	// Started, if not nil, is called once with the relay before it runs, so that
	// the caller can Nudge it after a commit or ask for its health.
	Started func(relay *Relay)
}

// Run relays until ctx ends, then hands over in order and returns nil.
func (s Standalone) Run(ctx context.Context) error { return errUnbuilt }
