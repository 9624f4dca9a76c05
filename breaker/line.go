package breaker

import (
	"errors"
	"slices"
	"time"

	"github.com/sony/gobreaker/v2"
)

// errExcluded and errFailed are how the library hears of outcomes.
var (
	errExcluded = errors.New("excluded")
	errFailed   = errors.New("failed")
	outcomes    = [...]error{Excluded: errExcluded, Success: nil, Failure: errFailed}
)

// line is one key: its breaker, those that wait for it, and its ramp.
type line[T comparable] struct {
	gate *Gate[T]
	key  Key

	breaker    *gobreaker.TwoStepCircuitBreaker[struct{}]
	state      State // as of the last look
	since      time.Time
	opened     time.Time        // when it opened last; zero: never
	tried      time.Time        // when a half-open state's probes came to nothing last; zero: never
	generation int              // counts changes of state
	streak     int              // failures in a row
	cause      gobreaker.Counts // what opened it

	row     row[T] // those that wait here
	dammed  int    // those that wait at a hold instead
	permits int    // out
	limit   Limit
	rate    *ramp    // of limit; nil: none
	probes  []*grant // those of them that are this half-open state's
	ramp    *ramp    // nil: no limit
}

func newLine[T comparable](g *Gate[T], k Key) *line[T] {
	l := &line[T]{gate: g, key: k, since: time.Now()}
	l.bound(g.limits[k.Participant], l.since)
	l.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:          k.String(),
		MaxRequests:   uint32(g.cfg.Probes),
		Interval:      g.cfg.Window,
		BucketPeriod:  g.cfg.BucketPeriod,
		Timeout:       g.cfg.OpenFor,
		ReadyToTrip:   l.readyToTrip,
		OnStateChange: l.changed,
		IsExcluded:    func(err error) bool { return errors.Is(err, errExcluded) },
	})
	return l
}

// readyToTrip judges finished requests only: far more may be under way.
func (l *line[T]) readyToTrip(c gobreaker.Counts) bool {
	l.cause = c
	finished := c.TotalSuccesses + c.TotalFailures
	return l.streak >= l.gate.cfg.Consecutive ||
		finished >= uint32(l.gate.cfg.MinRequests) && float64(c.TotalFailures) >= l.gate.cfg.Ratio*float64(finished)
}

// changed notes a change of state. It runs within the breaker's lock, so it asks
// the breaker nothing.
func (l *line[T]) changed(_ string, _, to gobreaker.State) {
	now, n, probed := time.Now(), news{key: l.key, was: l.state, held: l.row.n, cause: l.cause}, len(l.probes)
	l.state = map[gobreaker.State]State{gobreaker.StateClosed: Closed, gobreaker.StateHalfOpen: HalfOpen, gobreaker.StateOpen: Open}[to]
	l.since, l.streak, l.probes, l.ramp = now, 0, nil, nil
	l.generation++
	if l.state == Open {
		l.opened = now
		if n.was == HalfOpen {
			l.tried = now
		}
	}
	if l.state == Closed {
		l.ramp = newRamp(l.gate.cfg, now)
		l.ramp.charge(probed)
	}
	n.is = l.state
	l.gate.news = append(l.gate.news, n)
}

// look lets time pass: an open breaker may have become half-open, a probe may
// have been out too long, a ramp may be over.
func (l *line[T]) look(now time.Time) {
	if l.state == Open {
		l.breaker.State()
	}
	for _, p := range slices.Clone(l.probes) {
		if !p.returned && now.Sub(p.at) >= l.gate.cfg.ProbeFor {
			l.finish(p, Excluded)
			l.tried = now
		}
	}
	if l.ramp != nil && l.row.n == 0 && l.ramp.over(now) {
		l.ramp = nil
	}
}

// free is how many more may go, besides those that have a pass.
func (l *line[T]) free(now time.Time) int {
	room := l.room(now)
	switch l.state {
	case Open:
		return 0
	case HalfOpen:
		c := l.breaker.Counts()
		return min(room, l.gate.cfg.Probes-int(c.Requests-c.TotalExclusions)) - l.row.passes
	}
	if l.ramp != nil {
		room = min(room, l.ramp.ready(now))
	}
	return room - l.row.passes
}

// behindUndo says that this is the do side, that neither side is closed, and that
// the undo side needs the probes. A do side that is well goes on. One that is not
// waits until the undo side has had its probes: if compensations alone keep
// failing, doing would else be held until somebody mends them.
func (l *line[T]) behindUndo(now time.Time) bool {
	if l.key.Undo || l.state == Closed {
		return false
	}
	undo := l.gate.lines[Key{Participant: l.key.Participant, Undo: true}]
	if undo == nil || undo.row.n == 0 {
		return false
	}
	undo.look(now)
	return undo.state != Closed && !undo.tried.After(l.opened)
}

// ask grants item a permit or not; a pass is used up either way.
func (l *line[T]) ask(item Item[T], heldBefore bool, now time.Time) (Permit, bool) {
	l.look(now)
	e := l.find(item.ID)
	stopped, through := l.gate.stopped(l.key, item, e, heldBefore, now)
	if stopped {
		return Permit{}, false
	}
	pass := e != nil && e.usePass()
	if through { // done with its dam: it goes on to the end of the line
		l.out(e)
		l.in(e, nil)
		pass = l.row.n == 1
	}
	if heldBefore && !pass && !through && l.state == Closed && l.ramp == nil {
		l.ramp = newRamp(l.gate.cfg, now)
	}
	if l.behindUndo(now) || !pass && l.row.n > 0 || l.free(now) <= 0 {
		return Permit{}, false
	}
	if pass {
		l.leave(e)
	}
	return l.grant(now)
}

// grant makes the permit. Only a half-open breaker is asked beforehand: the
// library forgets a request that takes longer than its window, and a deadline
// may be longer; so a closed one hears of a command when its outcome is known.
func (l *line[T]) grant(now time.Time) (Permit, bool) {
	g := &grant{at: now, line: l, generation: l.generation}
	if l.state == HalfOpen {
		done, err := l.breaker.Allow()
		if err != nil {
			return Permit{}, false
		}
		g.probe = done
		l.probes = append(l.probes, g)
	}
	for _, r := range []*ramp{l.ramp, l.rate} {
		if r != nil {
			r.take()
		}
	}
	l.permits++
	return Permit{g}, true
}

// finish takes a permit back.
func (l *line[T]) finish(g *grant, o Outcome) {
	g.returned = true
	l.permits--
	if g.generation != l.generation {
		return // of an earlier state: it says nothing about this one
	}
	done := g.probe
	switch {
	case done == nil && o != Excluded:
		l.count(o)
		done, _ = l.breaker.Allow()
	case o == Excluded:
		l.probes = slices.DeleteFunc(l.probes, func(p *grant) bool { return p == g })
	}
	if done != nil {
		done(outcomes[o])
	}
}

func (l *line[T]) count(o Outcome) {
	l.streak++
	if o == Success {
		l.streak = 0
	}
}

// release gives passes to at most limit items and returns them.
func (l *line[T]) release(limit int, now time.Time) []T {
	l.look(now)
	if l.row.n == 0 || limit <= 0 || l.behindUndo(now) {
		return nil
	}
	l.row.expire(now, l.gate.cfg.PassFor)
	var items []T
	for len(items) < limit && l.free(now) > 0 {
		e := l.row.name(now)
		if e == nil {
			break
		}
		items = append(items, e.item.ID)
	}
	return items
}

// oldest is since when the first of those waits that this line's commands are held
// for, here or at a hold.
func (l *line[T]) oldest() time.Time {
	since := l.row.oldest(nil)
	if l.dammed == 0 {
		return since
	}
	for _, d := range l.gate.dams {
		if at := d.row.oldest(l); !at.IsZero() && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	return since
}

func (l *line[T]) status(now time.Time) Status {
	l.look(now)
	s := Status{Participant: l.key.Participant, Direction: l.key.Direction(), State: l.state, Since: l.since, Held: l.row.n + l.dammed, InFlight: l.permits}
	s.OldestHeld = l.oldest()
	if l.ramp != nil {
		s.Rate = l.ramp.limit(now)
	}
	c := l.cause
	if l.state == Closed {
		l.breaker.State() // moves the window on
		c = l.breaker.Counts()
	}
	s.Requests, s.Successes, s.Failures = int(c.TotalSuccesses+c.TotalFailures), int(c.TotalSuccesses), int(c.TotalFailures)
	return s
}
