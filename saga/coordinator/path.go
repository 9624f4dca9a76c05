package coordinator

import (
	"context"
	"sync"
	"time"
)

// path watches the way to the participants and back. A command's deadline counts
// as the participant's timeout only while the way was whole, and only once every
// reply that was there by then has been read: our own outage is not the
// participant's (DESIGN.md 6.2).
type path struct {
	c    *Coordinator
	kick chan struct{}

	mu      sync.Mutex
	whole   bool
	since   time.Time // database clock: since when it has been whole
	checked time.Time // our clock: when the last good check began
	ends    map[int32]int64
}

func newPath(c *Coordinator) *path { return &path{c: c, kick: make(chan struct{}, 1)} }

// ask makes the next check come at once.
func (p *path) ask() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// run checks until ctx ends.
func (p *path) run(ctx context.Context) {
	tick := time.NewTicker(p.c.cfg.CheckEvery)
	defer tick.Stop()
	for {
		p.check(ctx)
		p.c.wakeWriters()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.kick:
		}
	}
}

// check asks the brokers for the ends of the reply partitions.
func (p *path) check(ctx context.Context) {
	partitions := p.c.partitions()
	if len(partitions) == 0 {
		return
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 4*p.c.cfg.CheckEvery)
	defer cancel()
	ends, err := p.c.cfg.Replies.HighWater(ctx, partitions)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.whole && ctx.Err() == nil {
			p.c.cfg.Log.Warn("the brokers cannot be reached; deadlines are deferred", "error", err)
		}
		p.whole = false
		return
	}
	if !p.whole {
		p.whole, p.since = true, p.c.now()
	}
	p.checked, p.ends = began, ends
}

// last returns the last answer of the brokers; ok is false while there is none.
func (p *path) last() (ok bool, ends map[int32]int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.whole, p.ends
}

// ready reports whether a saga of the bucket that was found due at asked may be
// woken now, and since when the way has been whole.
func (p *path) ready(b *bucketState, asked time.Time) (since time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	end, known := p.ends[int32(b.held.Bucket)]
	if !p.whole || !known || p.checked.Before(asked) || max(b.position.Load(), 0) < end {
		return time.Time{}, false
	}
	if p.since.Before(b.gained) {
		return b.gained, true
	}
	return p.since, true
}
