package breaker

import "time"

// Permit lets one command leave, and must be given back once by Done: on the
// answer, on the deadline, or when the command was not sent after all. A permit
// that is lost is counted in Status.InFlight for ever; one of a half-open
// breaker also takes a probe's place, until Config.ProbeFor is over. The zero
// Permit is nobody's.
type Permit struct{ grant *grant }

// grant is what the line remembers of a permit.
type grant struct {
	at         time.Time
	line       interface{ done(g *grant, o Outcome) }
	generation int         // the line's state that it was given in
	probe      func(error) // how a half-open breaker hears of it
	returned   bool
}

// Done gives the permit back. Only outcomes of commands that left in the
// breaker's present state count. Repeats do nothing, nor does the zero Permit.
func (p Permit) Done(o Outcome) {
	if p.grant != nil {
		p.grant.line.done(p.grant, o)
	}
}

// done takes g back unless it has been.
func (l *line[T]) done(g *grant, o Outcome) {
	l.gate.mu.Lock()
	defer l.gate.unlock()
	l.look(time.Now()) // which may give g up
	if !g.returned {
		l.finish(g, o)
	}
}
