package outbox

import (
	"context"
	"errors"
)

// ErrPermanent marks an error of a Publisher for which sending the same row again
// cannot help: it is too large, its topic is gone, or writing there is forbidden.
// Publishers wrap it; test with errors.Is.
var ErrPermanent = errors.New("cannot be published")

// Publisher sends rows to a broker.
type Publisher interface {
	// Publish takes rows, which are in the order they must be sent in, and calls
	// done(i, err) exactly once for each of them: with nil once the broker has
	// made rows[i] durable, else with an error, after which rows[i] may or may
	// not have been sent. done may be called from any goroutine, in any order,
	// before or after Publish returns, and must not be called with locks held
	// that Publish takes.
	//
	// Publish may wait for room, until ctx ends. When ctx has ended, it must call
	// done soon for everything that is still open. rows, and what they point to,
	// must not be changed, nor rows be used after the last done.
	//
	// If the relay's KeyRows is above 1, rows may hold several rows of one key;
	// then Publish must not let a later one of them reach the log once an earlier
	// one has failed.
	Publish(ctx context.Context, rows []Row, done func(i int, err error))
}
