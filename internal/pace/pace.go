// Package pace keeps a log readable while the same trouble comes again and again.
package pace

import (
	"sync"
	"time"
)

// Pace lets one line of many through: the first of a trouble at once, then one in
// each Every, with the number of those that were kept back. Its zero value is
// ready; its methods may be called from any goroutine.
type Pace struct {
	Every time.Duration // Every is the time between two lines. Default 30 s. Set it before the first use.

	mu   sync.Mutex
	next time.Time
	kept int
}

// defaultEvery is Pace.Every's default.
const defaultEvery = 30 * time.Second

// Pass reports whether to write the line that is due now, and how many have been
// kept back since the last one.
func (p *Pace) Pass(now time.Time) (kept int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) {
		p.kept++
		return 0, false
	}
	every := p.Every
	if every == 0 {
		every = defaultEvery
	}
	kept, p.kept, p.next = p.kept, 0, now.Add(every)
	return kept, true
}
