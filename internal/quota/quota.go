package quota

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Name names a quota.
type Name string

// The quotas that there are.
const (
	Starts Name = "starts" // Starts bounds how many sagas are started in a second.
	Open   Name = "open"   // Open bounds how many sagas have not ended.
	Bytes  Name = "bytes"  // Bytes bounds what the histories of all sagas hold.
)

// Limits are what a namespace may do. 0 is no limit.
type Limits struct {
	Starts int   // Starts is how many sagas may be started in a second.
	Burst  int   // Burst is how many of them may come at once; 0: as many as Starts.
	Open   int64 // Open is how many sagas may be open: running or compensating.
	Bytes  int64 // Bytes is what the histories may hold: payloads, reasons and EventBytes for each event.
}

// EventBytes is what an event counts beside its payload and its reason: about what a
// row takes, with its share of the saga's.
const EventBytes = 256

// The most that a quota may be.
const (
	MaxStarts = 100_000       // MaxStarts is that of Limits.Starts.
	MaxBurst  = 1_000_000     // MaxBurst is that of Limits.Burst.
	MaxOpen   = 1_000_000_000 // MaxOpen is that of Limits.Open.
	MaxBytes  = 1 << 50       // MaxBytes is that of Limits.Bytes.
)

// burst is how many starts may come at once.
func (l Limits) burst() int {
	if l.Burst == 0 {
		return l.Starts
	}
	return l.Burst
}

// Use is how much of its quotas a namespace uses.
type Use struct {
	Open  int64 // Open is how many sagas are open.
	Bytes int64 // Bytes is what the histories hold, as of about a second ago.
}

// Setting is what an operator has set last, or a time before.
type Setting struct {
	Limits
	Namespace string    // Namespace is the tenant.
	ID        int64     // ID rises with every change.
	Reason    string    // Reason is what the operator has said.
	Actor     string    // Actor is who it was.
	RequestID string    // RequestID is that of the request; may be empty.
	At        time.Time // At is when, by the database's clock.
}

// Change asks for other quotas. What is nil stays as it is.
type Change struct {
	Namespace string // Namespace is the tenant.
	Starts    *int   // Starts is the new Limits.Starts.
	Burst     *int   // Burst is the new Limits.Burst.
	Open      *int64 // Open is the new Limits.Open.
	Bytes     *int64 // Bytes is the new Limits.Bytes.
	Reason    string // Reason says why; at most saga.MaxReason bytes.
	Actor     string // Actor is who asks.
	RequestID string // RequestID makes a repeat change nothing; may be empty.
}

// apply returns the limits after the change.
func (c Change) apply(l Limits) (Limits, error) {
	change(&l.Starts, c.Starts)
	change(&l.Burst, c.Burst)
	change(&l.Open, c.Open)
	change(&l.Bytes, c.Bytes)
	switch {
	case l.Burst > 0 && l.Starts == 0:
		return l, ErrBurstAlone
	case l.Starts < 0 || l.Starts > MaxStarts || l.Burst < 0 || l.Burst > MaxBurst || l.Open < 0 || l.Open > MaxOpen || l.Bytes < 0 || l.Bytes > MaxBytes:
		return l, ErrRange
	}
	return l, nil
}

func change[T any](to, by *T) {
	if by != nil {
		*to = *by
	}
}

// What a Store may answer.
var (
	// ErrBurstAlone refuses a burst without a rate.
	ErrBurstAlone = errors.New("burst says how many starts may come at once where starts says how many may come in a second: set that too, or take burst away (0)")
	// ErrRange refuses a quota that none is.
	ErrRange = fmt.Errorf("a quota is 0, which is none, or at most %d starts a second, a burst of %d, %d open sagas and %d bytes", MaxStarts, MaxBurst, MaxOpen, int64(MaxBytes))
	// ErrTooMany refuses one more namespace.
	ErrTooMany = errors.New("too many namespaces have had quotas: the most is 1,000")
)

// Error refuses a start for now: nothing was started.
type Error struct {
	Namespace string        // Namespace is the tenant.
	Quota     Name          // Quota is the quota that was used up.
	Limit     int64         // Limit is how much it is.
	Burst     int64         // Burst is, of Starts, how many may come at once.
	Used      int64         // Used is how much is used; of Starts, the limit.
	Retry     time.Duration // Retry is after which time it is worth asking again; whole seconds.
}

// Error says which quota it is, how much, and what to do.
func (e *Error) Error() string {
	raise := fmt.Sprintf("or have the quota raised: unwind quota set --namespace %s --%s", e.Namespace, e.Quota)
	switch e.Quota {
	case Starts:
		return fmt.Sprintf("namespace %s starts no more than %d sagas a second, %d at once, and that is used up: ask again in %s, %s", e.Namespace, e.Limit, e.Burst, e.Retry, raise)
	case Open:
		return fmt.Sprintf("namespace %s has %d open sagas, and its quota is %d: ask again when some have ended, %s", e.Namespace, e.Used, e.Limit, raise)
	}
	return fmt.Sprintf("the histories of namespace %s hold %d bytes, and its quota is %d: nothing makes room by itself, %s", e.Namespace, e.Used, e.Limit, strings.TrimPrefix(raise, "or "))
}
