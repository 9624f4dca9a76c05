package breaker

import (
	"slices"
	"time"
)

// Group is a set of commands that can be held together, such as those of one
// definition, or those to one participant.
type Group struct {
	Kind   string // Kind says what it is a group of.
	Within string // Within is what its name is unique in; may be empty.
	Name   string // Name is the group's.
}

// ParticipantGroup is the kind of the groups of commands to one participant, in
// both directions. An item need not name them.
const ParticipantGroup = "participant"

// Hold keeps the commands of a group back, or lets those that it has kept go.
type Hold struct {
	ID    int64 // ID tells this hold, or this release, from others of its group.
	Group Group // Group is whose commands it is about.
	Rate  int   // Rate is how many of the commands kept back may leave in any second, the oldest first; 0: nothing leaves.
}

// adopt is how long after a gate has heard of a release that it did not begin, what
// is found held belongs to it: the process that held it has ended.
const adopt = 30 * time.Second

// dam is a hold, or a release under way, and those that wait for it.
type dam[T comparable] struct {
	hold  Hold
	since time.Time
	found bool      // it was a release when this gate first heard of it
	ramp  *ramp     // nil: nothing leaves
	last  time.Time // when it has let somebody go
	row   row[T]
}

// SetHolds says which holds and releases there are, all of them. What is kept back
// by one that is not there any more goes by the rate of Config.Ramp. Repeats change
// nothing, so that it may be told as often as one likes.
func (g *Gate[T]) SetHolds(holds []Hold) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	for _, d := range slices.Clone(g.dams) {
		if !slices.ContainsFunc(holds, func(h Hold) bool { return h.Group == d.hold.Group }) {
			g.lift(d, now)
		}
	}
	for _, h := range holds {
		g.hold(h, now)
	}
}

// hold begins, changes or repeats one.
func (g *Gate[T]) hold(h Hold, now time.Time) {
	i := slices.IndexFunc(g.dams, func(d *dam[T]) bool { return d.hold.Group == h.Group })
	if i < 0 {
		d := &dam[T]{hold: h, since: now, found: h.Rate > 0}
		d.ramp = rateOf(h.Rate, now)
		g.dams = append(g.dams, d)
		return
	}
	d := g.dams[i]
	switch {
	case d.hold == h:
	case d.hold.ID == h.ID && d.ramp != nil && h.Rate > 0: // shared out anew
		d.hold, d.ramp.rate = h, h.Rate
	default:
		d.hold, d.since, d.found = h, now, false
		d.ramp = rateOf(h.Rate, now)
	}
}

// rateOf is a ramp that stays as it begins; nil for no rate.
func rateOf(rate int, now time.Time) *ramp {
	if rate <= 0 {
		return nil
	}
	const never = time.Duration(1 << 62)
	return &ramp{began: now, filled: now, tokens: 1, rate: rate, double: never}
}

// lift removes a dam; those that wait there go on to their lines, each of which
// begins a ramp.
func (g *Gate[T]) lift(d *dam[T], now time.Time) {
	g.dams = slices.DeleteFunc(g.dams, func(other *dam[T]) bool { return other == d })
	d.row.each(func(e *entry[T]) {
		l := e.line
		l.out(e)
		l.in(e, nil)
		if l.state == Closed && l.ramp == nil {
			l.ramp = newRamp(g.cfg, now)
		}
	})
}

// covers reports whether a command is of the dam's group.
func (d *dam[T]) covers(k Key, item Item[T]) bool {
	if d.hold.Group.Kind == ParticipantGroup {
		return d.hold.Group.Name == k.Participant
	}
	return slices.Contains(item.Groups[:], d.hold.Group)
}

// stopped reports whether a hold keeps a command back, or a release whose turn it is
// not. What a release lets go has done with it, and asks its line.
func (g *Gate[T]) stopped(k Key, item Item[T], e *entry[T], heldBefore bool, now time.Time) (stopped, through bool) {
	for _, d := range g.dams {
		if d.ramp == nil && d.covers(k, item) {
			if e != nil {
				e.usePass()
			}
			return true, false
		}
	}
	if e != nil {
		if e.dam == nil {
			return false, false
		}
		if !e.usePass() {
			return true, false
		}
		e.dam.ramp.take()
		e.dam.last = now
		return false, true
	}
	for _, d := range g.dams {
		if d.covers(k, item) && !d.admits(heldBefore, now) {
			return true, false
		}
	}
	return false, false
}

// admits lets a command pass that does not wait here: while others do it may not, and
// the rest of an item whose first command has just left needs its own token.
func (d *dam[T]) admits(heldBefore bool, now time.Time) bool {
	switch {
	case d.row.n > 0 || heldBefore && d.adopts(now):
		return false
	case !d.lately(now):
		return true
	case d.ramp.ready(now) <= 0:
		return false
	}
	d.ramp.take()
	return true
}

// lately reports whether the release has let somebody go within the last second.
func (d *dam[T]) lately(now time.Time) bool { return now.Sub(d.last) < time.Second }

// adopts reports whether what is found held belongs to this release.
func (d *dam[T]) adopts(now time.Time) bool { return d.found && now.Sub(d.since) < adopt }

// stands reports whether it is not a release that has come to its end: with nobody
// left to let go, it is as if it were not there.
func (d *dam[T]) stands() bool { return d.ramp == nil || d.row.n > 0 }

// keeps is the dam in whose row a command that is held waits; nil: its line's. One
// that is in its line's keeps its place there, but for a hold.
func (g *Gate[T]) keeps(k Key, item Item[T], e *entry[T], now time.Time) *dam[T] {
	for _, d := range g.dams {
		if d.ramp == nil && d.covers(k, item) {
			if e != nil && e.dam != nil && e.dam.ramp == nil {
				return e.dam // one is enough
			}
			return d
		}
	}
	if e != nil {
		return e.dam
	}
	for _, d := range g.dams {
		if d.covers(k, item) && (d.row.n > 0 || d.lately(now) || d.adopts(now)) {
			return d
		}
	}
	return nil
}

// release gives passes to at most limit of those that a release lets go.
func (d *dam[T]) release(limit int, now time.Time, cfg Config) (items []T) {
	if d.ramp == nil || d.row.n == 0 {
		return nil
	}
	d.row.expire(now, cfg.PassFor)
	for len(items) < limit && d.ramp.ready(now)-d.row.passes > 0 {
		e := d.row.name(now)
		if e == nil {
			break
		}
		items = append(items, e.item.ID)
	}
	return items
}

// Keeps reports whether a hold keeps this command back, without asking for a permit.
func (g *Gate[T]) Keeps(k Key, item Item[T]) bool {
	g.mu.Lock()
	defer g.unlock()
	return slices.ContainsFunc(g.dams, func(d *dam[T]) bool { return d.stands() && d.covers(k, item) })
}

// HoldStatus is one hold, or release under way, at one moment.
type HoldStatus struct {
	Hold  Hold      // Hold is what is held.
	Held  int       // Held is the number of commands that it keeps back.
	Since time.Time // Since is when the first of them was kept back; zero without any.
}

// Holds describes the holds and the releases that have not come to their end.
func (g *Gate[T]) Holds() []HoldStatus {
	g.mu.Lock()
	defer g.unlock()
	var list []HoldStatus
	for _, d := range g.dams {
		if d.stands() {
			list = append(list, HoldStatus{d.hold, d.row.n, d.row.oldest(nil)})
		}
	}
	return list
}
