package breaker

import (
	"math"
	"time"
)

// Limit bounds what one participant is asked at once, in both directions together.
type Limit struct {
	Concurrency int // Concurrency is how many commands may be out; 0: any number.
	Rate        int // Rate is how many may leave in any second, in each direction; 0: any number.
}

// SetLimits says which participants have limits, all of them, by name. Commands
// above them are held and go in their turn.
func (g *Gate[T]) SetLimits(limits map[string]Limit) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	g.limits = limits
	for _, l := range g.order {
		l.bound(limits[l.key.Participant], now)
	}
}

// bound takes a limit over.
func (l *line[T]) bound(limit Limit, now time.Time) {
	if l.limit.Rate != limit.Rate {
		l.rate = rateOf(limit.Rate, now)
	}
	l.limit = limit
}

// room is how many more may go by the participant's limit, passes not counted.
func (l *line[T]) room(now time.Time) int {
	room := math.MaxInt
	if l.limit.Concurrency > 0 {
		room = l.limit.Concurrency - l.permits
		if other := l.gate.lines[Key{Participant: l.key.Participant, Undo: !l.key.Undo}]; other != nil {
			room -= other.permits + other.row.passes
		}
	}
	if l.rate != nil {
		room = min(room, l.rate.ready(now))
	}
	return room
}
