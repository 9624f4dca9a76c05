package code

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Context is what a saga's function has of the world. Each branch has its own; it
// must not be used by another, nor once the function has returned.
//
// It is a context.Context, for packages that take one: its Done, Err, Deadline and Value
// may be used by any goroutine at any time. They are over where the saga turns back.
type Context struct {
	r *routine
	b *branch
}

// ID returns the saga's id.
func (c *Context) ID() saga.ID { return c.r.id }

// Now returns the time of the event that the function was told of last.
func (c *Context) Now() time.Time { return c.r.now }

// HistoryLength returns how many events the saga has, that one among them. Above
// some thousands a function that goes round for ever should continue as new.
func (c *Context) HistoryLength() int64 { return c.r.seq }

// Replaying reports whether the function is being run again, up to where it was. It is for
// what is to be said once, such as a line of a log: nothing that the function asks for may
// depend on it.
func (c *Context) Replaying() bool { return c.r.replay }

// Uint64 returns a number that is the same whenever the function is run again. It
// makes the Context a source for math/rand/v2.
func (c *Context) Uint64() uint64 {
	sum := c.draw()
	return binary.BigEndian.Uint64(sum[:])
}

// Float64 returns a number in [0,1) like Uint64.
func (c *Context) Float64() float64 {
	const bits = 53
	return float64(c.Uint64()>>(64-bits)) / (1 << bits)
}

// NewID returns an id that is new, in the form of a version 8 UUID, and the same
// whenever the function is run again.
func (c *Context) NewID() saga.ID {
	sum := c.draw()
	id := saga.ID(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id
}

func (c *Context) draw() [32]byte {
	if c.r.barred != nil && c.r.barred != errUpdateAsks { //nolint:errorlint // it is a mark: an update is run again, what looks is not
		panic(c.r.barred)
	}
	c.r.draws++
	text := append([]byte("unwind code\x00"), c.r.id[:]...)
	return sha256.Sum256(binary.BigEndian.AppendUint64(text, c.r.draws))
}

// Version marks a change of the function for sagas that run already. The first
// time that a saga comes to it, it returns most and records that; run again, it
// returns what was recorded, or least for a saga that came by before the mark was
// there. Write: if c.Version("fee", 0, 1) == 1 { the new way } else { the old }.
// Once no saga needs the old way, raise least; a saga that still does gets
// attention.
func (c *Context) Version(change string, least, most int) int {
	version, known := c.r.versions[change]
	if !known {
		version = c.firstVersion(change, least, most)
		if c.r.versions == nil {
			c.r.versions = map[string]int{}
		}
		c.r.versions[change] = version
	}
	if version < least || version > most {
		c.r.raise(&VersionError{Change: change, Version: version, Least: least, Most: most})
	}
	return version
}

func (c *Context) firstVersion(change string, least, most int) int {
	name := "version:" + change
	if c.r.replay && (len(c.r.recorded) == 0 || !strings.HasPrefix(c.r.recorded[0].What, name+"=")) {
		return least
	}
	what := name + "=" + strconv.Itoa(most)
	if c.r.replay {
		what = c.r.recorded[0].What
	}
	c.record(what, func() json.RawMessage { return nil })
	version, _ := strconv.Atoi(strings.TrimPrefix(what, name+"=")) // it was written by this function
	return version
}
