package coordinator

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/saga"
)

// maxTries bounds the search for an id: with one bucket of 64 held, 4,000 tries
// miss it once in 10^27.
const maxTries = 4000

// newID returns a UUIDv7 of the database's time in a bucket that is held here,
// so that a start never has to be passed on.
func (c *Coordinator) newID() (saga.ID, error) {
	at := c.now()
	for range maxTries {
		id := randomID(at)
		if c.bucket(bucket.Of(id.String(), bucket.Count)) != nil {
			return id, nil
		}
		if c.Ready() != nil {
			break
		}
	}
	return saga.ID{}, fmt.Errorf("no bucket is held: %w", ErrNotReady)
}

// startedAt is the time in an id.
func startedAt(id saga.ID) time.Time {
	ms := int64(0)
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

// randomID is RFC 9562's UUIDv7: milliseconds, then 74 random bits.
func randomID(at time.Time) saga.ID {
	var id saga.ID
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	ms := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
