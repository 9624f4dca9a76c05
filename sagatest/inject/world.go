package inject

import (
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/stage"
)

const (
	restart  = time.Second      // how long it takes until a participant that died is back
	long     = 10 * time.Minute // how long it is away: longer than the usual attempts take together
	repeated = time.Hour        // how late a message comes once more
	attempts = 3                // attempts of a command at which a fault strikes; later ones are no different
)

// world is one run: a stage, its participants, and the faults that are to strike.
type world struct {
	of      *explorer
	stage   *stage.Stage
	cast    stage.Cast
	faults  Faults
	struck  int            // how many of them have
	reached map[Point]bool // all points
	later   []Point        // those behind the last fault
	lanes   map[string]time.Duration
	gone    map[string]time.Duration // until when a participant is away
	guards  map[saga.StepRef]*guard
	ledger  ledger
	steps   []known
	noted   int64 // the last of the steps, by its number
	after   int   // events since attention was asked for
	broken  []string
}

// at returns the fault that strikes at a point, empty for none. A point counts once: what
// comes again is not in the same place.
func (w *world) at(p Point) Kind {
	if w.reached[p] || p.Attempt > attempts {
		return ""
	}
	w.reached[p] = true
	if w.struck == len(w.faults) {
		w.later = append(w.later, p)
		return ""
	}
	if next := w.faults[w.struck]; next.Point == p {
		w.struck++
		return next.Kind
	}
	return ""
}

// Answer implements stage.Cast: the command goes to its participant. A child is played
// as the scene says.
func (w *world) Answer(c saga.Command) []stage.Answer {
	if c.Participant == "" {
		return w.cast.Answer(c)
	}
	kind := w.at(Point{Direction: c.ID.Direction, Step: c.ID.Step.String(), Attempt: c.Attempt})
	var delay time.Duration
	if kind == CommandLate {
		delay = w.late(c)
	}
	w.carry(delay, c, kind)
	return nil
}

// carry brings a command to its participant, behind those that are on their way there.
func (w *world) carry(delay time.Duration, c saga.Command, kind Kind) {
	at := max(w.stage.Elapsed()+delay, w.lanes[c.Participant], w.gone[c.Participant])
	w.lanes[c.Participant] = at
	w.stage.At(at, func() error {
		w.receive(c, kind)
		return nil
	})
}

// late is how long it takes until an attempt's time is over.
func (w *world) late(c saga.Command) time.Duration {
	if c.Deadline.IsZero() {
		return long
	}
	return c.Deadline.Sub(w.stage.Now()) + time.Second
}

// receive is a command at its participant.
func (w *world) receive(c saga.Command, kind Kind) {
	switch now := w.stage.Elapsed(); kind {
	case Gone:
		w.gone[c.Participant] = now + long
		w.carry(0, c, "")
		return
	case CrashBefore:
		w.cast.Answer(c) // it has worked for nothing
		w.gone[c.Participant] = now + restart
		w.carry(0, c, "")
		return
	case CrashAfter:
		w.gone[c.Participant] = now + restart
		w.carry(0, c, "")
	case CommandTwice:
		w.carry(0, c, "")
		w.repeat(repeated, func() { w.receive(c, "") })
	}
	if w.stage.Elapsed() < w.gone[c.Participant] && kind != CrashAfter { // it went while this was on its way
		w.carry(0, c, kind)
		return
	}
	for _, answer := range w.handle(c, kind) {
		w.answer(c, answer, kind)
	}
}

func (w *world) repeat(after time.Duration, do func()) {
	w.stage.At(w.stage.Elapsed()+after, func() error {
		do()
		return nil
	})
}

// answer brings a reply back.
func (w *world) answer(c saga.Command, a stage.Answer, kind Kind) {
	reply := saga.Reply{
		ID: c.ID, Participant: c.Participant, Attempt: c.Attempt, Epoch: c.Epoch, Outcome: a.Outcome, Reason: a.Reason, Payload: saga.JSON(a.Output),
	}
	submit := func(after time.Duration) {
		w.stage.At(w.stage.Elapsed()+after, func() error { return w.stage.Submit(saga.ReplyEvent(reply, w.stage.Now())) })
	}
	switch {
	case a.Outcome == saga.Ongoing, kind != ReplyLost && kind != ReplyLate && kind != ReplyTwice && kind != CrashAfter:
		submit(a.After)
	case kind == ReplyLate:
		submit(max(a.After, w.late(c)))
	case kind == ReplyTwice:
		submit(a.After)
		submit(a.After)
		submit(a.After + repeated)
	case kind == CrashAfter:
		submit(a.After + restart)
	}
}

// crash implements stage.Config.Crash.
func (w *world) crash(e saga.Event, seq int64) stage.Crash {
	late := func(s saga.StepState) bool { return s.Attempt > attempts }
	if e.Attempt > attempts || e.Kind == saga.Woke && slices.ContainsFunc(w.stage.State().Steps, late) {
		return stage.NoCrash
	}
	return crashes[w.at(Point{Event: seq})]
}

// patience is for how many happenings more a run goes on that asks for attention.
const patience = 200

// over ends a run in which attention was asked for long ago: what is tried for ever has
// no end.
func (w *world) over(s saga.State) bool {
	w.note(&s)
	if len(s.Attention) == 0 {
		w.after = 0
		return false
	}
	w.after++
	return w.after > patience && w.struck == len(w.faults)
}
