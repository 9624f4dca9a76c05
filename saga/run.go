package saga

import (
	"cmp"
	"slices"
	"time"
)

// Run keeps the coroutine of one saga between its events. The zero value is
// empty. Whoever has one calls Stop in the end; it must not be used by two at
// once.
type Run struct {
	co     Coroutine
	last   int64       // the Seq of the event that has resumed it last
	tape   []taped     // its last turns: an event may be decided again
	inputs []keptInput // of the commands that may be sent again, in the order of their numbers
	spare  *growth     // of the event before, to be used again
	deaf   bool        // no function is to be run
}

// keptInput is what the function has asked with.
type keptInput struct {
	ask  int64
	data []byte
}

// taped is one turn of the function.
type taped struct {
	seq   int64 // of the event
	round int
	kind  EventKind
	at    time.Time
	step  StepRef
	id    string // the event's RequestID
	turn  Turn
}

// tapeMax is how many turns a Run remembers.
const tapeMax = 64

// Stop ends the coroutine and empties the run. It may be called twice.
func (r *Run) Stop() {
	if r.co != nil {
		r.co.Stop()
	}
	*r = Run{}
}

// Reuse empties the run for another saga. What can be used again of its coroutine and
// of its decisions stays, so it has to be stopped all the same. The coroutine should have
// come to its end: what it has not done yet it does not do before the other saga begins.
func (r *Run) Reuse() {
	clear(r.tape)
	clear(r.inputs)
	*r = Run{co: r.co, last: nobodys, tape: r.tape[:0], inputs: r.inputs[:0], spare: r.spare}
}

// nobodys is the last event of a coroutine that is no saga's.
const nobodys = -1

// Committed says that what was decided with the run is committed: its turns need
// be remembered no longer.
func (r *Run) Committed() {
	clear(r.tape)
	r.tape = r.tape[:0]
}

// Ready reports whether the run has the coroutine of a saga in state s, so that
// nothing has to be run again.
func (r *Run) Ready(s *State) bool {
	p := s.Extras().Plan
	return r.co != nil && p != nil && r.last == p.Resumed
}

// played returns a turn that was made before: the gate may ask to decide an event
// again, and what the function does depends on no gate.
func (r *Run) played(seq int64, round int, e *Event) (Turn, bool) {
	for i := range r.tape {
		if t := &r.tape[i]; t.seq == seq && t.round == round && t.kind == e.Kind && t.at.Equal(e.At) && t.step == e.Step && t.id == e.RequestID {
			return t.turn, true
		}
	}
	return Turn{}, false
}

// record remembers a turn.
func (r *Run) record(seq int64, round int, e *Event, turn Turn) {
	if len(r.tape) >= tapeMax {
		r.tape = append(r.tape[:0], r.tape[tapeMax/2:]...)
	}
	r.tape = append(r.tape, taped{seq: seq, round: round, kind: e.Kind, at: e.At, step: e.Step, id: e.RequestID, turn: turn})
	r.last = seq
}

// keep remembers the input of a command.
func (r *Run) keep(ask int64, data []byte) {
	at, found := r.kept(ask)
	if found { // decided again
		r.inputs[at].data = data
		return
	}
	r.inputs = slices.Insert(r.inputs, at, keptInput{ask, data})
}

// kept finds the input of a command.
func (r *Run) kept(ask int64) (at int, found bool) {
	return slices.BinarySearchFunc(r.inputs, ask, func(k keptInput, ask int64) int { return cmp.Compare(k.ask, ask) })
}

// lose forgets the input of a command that is not sent again.
func (r *Run) lose(ask int64) {
	if at, found := r.kept(ask); found {
		r.inputs = slices.Delete(r.inputs, at, at+1)
	}
}

// growth returns an empty growth for one decision. It is handed back with reuse; a
// decision inside of another one gets its own.
func (r *Run) growth(code *Code, before *State) *growth {
	g := r.spare
	r.spare = nil
	if g == nil {
		g = &growth{}
	}
	g.code, g.run, g.before = code, r, *before
	return g
}

// reuse takes a growth back whose decision is over. What it has handed out is not
// its own any more.
func (r *Run) reuse(g *growth) {
	clear(g.answers[:cap(g.answers)])
	*g = growth{over: g.over[:0], answers: g.answers[:0]}
	r.spare = g
}

// resume lets the function go on with what has happened.
func (d *decision) resume(answers []Answer) (Turn, error) {
	g, seq, round := d.g, d.s.Seq+1, d.g.round
	g.round++
	if turn, ok := g.run.played(seq, round, &d.e); ok {
		return turn, nil
	}
	if g.run.deaf {
		return Turn{}, ErrDeaf
	}
	if round == 0 && (g.run.co == nil || g.run.last != g.before.resumed()) {
		if err := d.rebuild(); err != nil {
			return Turn{}, err
		}
	}
	news := News{At: d.e.At, Deadline: d.s.Deadline, Answers: answers, Forget: len(g.run.tape) == 0, Back: g.back, Replay: d.e.Seq != 0, Seq: seq}
	if news.Replay && round == 0 {
		news.Recorded = d.e.Extras().Asked
	}
	if d.e.Kind == Updated && round == 0 {
		news.Update = &Update{Name: d.e.Extras().Update, Input: d.e.Payload}
	}
	turn := g.run.co.Resume(news)
	if turn.Declined != nil {
		return turn, nil //nolint:nilerr // as if it had not been asked
	}
	g.run.record(seq, round, &d.e, turn)
	return turn, nil
}

// resumed is the Seq of the event with which the function has gone on last.
func (s *State) resumed() int64 {
	if s.Extra == nil || s.Extra.Plan == nil {
		return 0
	}
	return s.Extra.Plan.Resumed
}
