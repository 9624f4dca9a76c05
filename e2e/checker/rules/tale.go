package rules

import (
	"slices"
	"strings"
	"time"
)

// phase is how far a step is, by what the events say.
type phase uint8

const (
	waiting phase = iota
	doing         // the command was sent
	resting       // an attempt failed, another will be sent
	held          // another attempt may be sent
	done
	refused
	unknown // it may have been done
	undoing
	undoResting
	undoHeld // the first or another attempt to undo it may be sent
	undone
	skipped // somebody has decided that it is over
	kept    // somebody has decided that its effect stays
	idle    // it waits for something other than a participant
)

// String returns the phase in words.
func (p phase) String() string {
	return [...]string{"waiting", "being done", "resting", "held", "done", "refused", "unknown", "being undone", "resting from undoing", "to be undone", "undone", "skipped", "kept", "idle"}[p]
}

// timed: it waits for an answer or a time.
func (p phase) timed() bool {
	return slices.Contains([]phase{doing, resting, held, undoing, undoResting, undoHeld}, p)
}

func (p phase) undo() bool { return p == undoing || p == undoResting || p == undoHeld }

// stage is one step of a saga, as far as the events have told.
type stage struct {
	*Step
	of             *stage   // whose item it is; nil: it is a step
	items          []*stage // those of a step with Each, as far as events have named them
	gone           []*stage // those of its earlier visits
	before, later  []int    // before: directly; later: directly or not
	phase          phase
	epoch, attempt int
	from           int       // the attempts before its present input
	hash           uint64    // that of its input; 0 before it was sent with it
	due            time.Time // the earliest time at which its wait may end
	until          time.Time // the end of the whole attempt that has a heartbeat; zero: none
	succeeded      bool      // its do was answered so, and the answer counted
	loose          bool      // it waits, and only the engine knows whether it has begun
	byHand         bool      // an operator has ended it, so its effect, if any, comes when it comes
	visit          int       // how often it has begun anew
	round          int       // the resets before its present run began
	back           bool      // a reset has sent it back: it is undone, then begins anew
	past           []visit   // its runs that were undone
}

// direction is that of its last command.
func (s *stage) direction() string {
	if s.phase.undo() {
		return Undo
	}
	return Do
}

func (s *stage) policy() Policy {
	if s.phase.undo() {
		return s.Undo
	}
	return s.Do
}

// open: its effect is, or may be, there and is to be undone.
func (s *stage) open() bool {
	if s.Each > 0 {
		return s.anyItem((*stage).open)
	}
	undoable := s.Compensation != "" || s.Child != nil && s.Child.Undoable
	return s.phase.undo() || (s.phase == done || s.phase == unknown) && undoable
}

// over: what comes after it may begin, if what comes before it is over too: no event
// says of a list that it was empty, or of a condition that it was false, so a step with
// one of these may be over at any time from its turn on (see tale.passed).
func (s *stage) over() bool {
	if s.Each > 0 {
		return !s.anyItem(func(item *stage) bool { return !item.over() })
	}
	if s.of != nil {
		return s.phase == done || s.phase == skipped
	}
	return s.phase == done || s.phase == skipped || s.phase == waiting && s.Conditional || s.loose
}

// spent: its last attempt is out.
func (s *stage) spent() bool { return s.Kind == Compensable && s.attempt-s.from >= s.Do.Attempts }

// tale is a saga's history told again. It does not say what a saga does next: it
// takes from the events what was sent, and knows what may be.
type tale struct {
	*story
	c      *checker
	stages []*stage
	code   bool             // it is code
	turned bool             // it goes in reverse
	begun  bool             // its first steps may begin
	resets int              // how many there were
	locked bool             // it takes locks first
	asked  bool             // for its locks
	over   time.Time        // when it has ended
	ended  bool             // somebody has terminated it
	late   time.Time        // when it turns back because it is late; zero when it does not
	kept   []string         // signals that came before the steps that await them
	paused time.Time        // since when it may send nothing; zero when it may
	shut   map[string]int64 // closed ways, and the event that found them so
	sent   map[attempt]sending

	returned bool // of code: its function has returned
	beside   bool // of code: steps were under way side by side
	blind    bool // of code: an undo was held back, so a step may have been given up and nothing says so
}

// tell tells a saga's history; nil if its definition is not known.
func (c *checker) tell(s *story) *tale {
	def, ok := c.run.Definitions[s.saga.Pin]
	if !ok {
		c.findf("I8", s.id, "its definition %s %s of %s is not there", s.saga.Pin.Name, s.saga.Pin.Version, s.saga.Pin.Namespace)
		return nil
	}
	t := &tale{story: s, c: c, locked: def.Locked, code: def.Code, shut: map[string]int64{}, sent: map[attempt]sending{}}
	for i := range def.Steps {
		if t.code {
			break // what it may ask for
		}
		t.stages = append(t.stages, &stage{Step: &def.Steps[i]})
	}
	t.graph()
	t.loosen()
	for _, step := range slices.Clone(t.stages) {
		t.expect(step)
	}
	if def.Deadline > 0 && len(s.events) > 0 {
		t.late = later(s.events[0].At, s.events[0].Begin).Add(def.Deadline)
	}
	for i := range s.events {
		t.event(&s.events[i])
	}
	return t
}

// graph finds for each step those around it.
func (t *tale) graph() {
	for i, s := range t.stages {
		for j, other := range t.stages {
			if slices.Contains(s.After, other.Name) {
				s.before = append(s.before, j)
			}
		}
		seen := make([]bool, len(t.stages))
		t.ahead(i, seen)
		for j, is := range seen {
			if is {
				s.later = append(s.later, j)
			}
		}
	}
}

// ahead marks what comes after step i.
func (t *tale) ahead(i int, seen []bool) {
	for j, other := range t.stages {
		if !seen[j] && slices.Contains(other.After, t.stages[i].Name) {
			seen[j] = true
			t.ahead(j, seen)
		}
	}
}

// find returns the stage of a step or item, of whatever visit, or nil.
func (t *tale) find(step string) *stage {
	if t.code {
		if i := slices.IndexFunc(t.stages, func(s *stage) bool { return s.Name == step }); i >= 0 {
			return t.stages[i]
		}
		return nil
	}
	name, _, _ := strings.Cut(step, "#")
	i := slices.IndexFunc(t.stages, func(s *stage) bool { return s.Name == name })
	if i < 0 {
		return t.item(name)
	}
	return t.stages[i]
}

// event tells one event.
func (t *tale) event(e *Event) {
	ended, _ := t.statuses()
	switch {
	case ended >= Completed && e.Kind == Reversed:
		t.paused = time.Time{} // its pause has ended with it
	case ended >= Completed && len(e.Sent) > 0 && t.definite():
		t.c.findf("I12", t.id, "event %d sends commands, and the saga had ended", e.Seq)
	}
	if !t.paused.IsZero() && e.Kind != Resumed && len(e.Sent) > 0 {
		t.c.findf("I12", t.id, "event %d sends commands, and the saga was paused", e.Seq)
	}
	t.begin(e)
	switch e.Kind {
	case Replied:
		t.replied(e)
	case Woke:
		t.woke(e)
	case Cancelled, Reversed:
		t.turn()
	case ChildEnded:
		t.childEnded(e)
	default:
		t.verb(e)
	}
	if t.code {
		t.ask(e)
	} else {
		t.reverse()
		t.idle(e)
	}
	for _, s := range e.Sent {
		t.send(e, s)
	}
	t.keepShut(e)
	switch status, _ := t.statuses(); {
	case status < Completed:
		t.over = time.Time{}
	case t.over.IsZero():
		t.over = e.At
	}
}

// keepShut remembers which ways an event found closed.
func (t *tale) keepShut(e *Event) {
	if e.Hold {
		t.shut["*"] = e.Seq
	}
	for _, way := range e.Held {
		t.shut[way] = e.Seq
	}
	for _, s := range e.Sent {
		delete(t.shut, "*")
		delete(t.shut, s.Participant+"/"+s.Direction)
	}
	for way := range t.shut {
		if t.turned && strings.HasSuffix(way, "/"+Do) {
			delete(t.shut, way)
		}
	}
}

// turn lets the saga go in reverse.
func (t *tale) turn() {
	t.turned, t.late = true, time.Time{}
	for _, s := range t.stages {
		s.back = false
		s.halt()
	}
}

// halt ends what a step waits for, but for an answer.
func (s *stage) halt() {
	switch {
	case s.phase == held && s.attempt == 0:
		s.phase = waiting
	case s.phase == held || s.phase == resting:
		s.phase = unknown
	case s.phase == idle && s.Child != nil: // it is told to turn back at once
		s.phase, s.attempt = undoHeld, 0
		s.epoch++
	case s.phase == idle:
		s.phase = waiting
	}
}

// backward: the step is on its way back, with all of the saga or by a reset.
func (t *tale) backward(s *stage) bool { return t.turned || s.back }

// reverse finds what may be undone now: nothing on its way back is being done, and
// nothing that came later is left. What a reset has undone may begin anew.
func (t *tale) reverse() {
	returns := slices.DeleteFunc(slices.Clone(t.stages), func(s *stage) bool { return !t.backward(s) })
	if len(returns) == 0 || slices.ContainsFunc(returns, func(s *stage) bool { return s.phase == doing }) {
		return
	}
	if !t.turned && !slices.ContainsFunc(returns, (*stage).open) {
		t.rewind(returns)
		return
	}
	var ready []*stage
	for _, s := range returns {
		laterOpen := slices.ContainsFunc(s.later, func(j int) bool { return t.stages[j].open() })
		if s.Each == 0 && s.open() && !s.phase.undo() && !laterOpen {
			ready = append(ready, s)
		}
	}
	for _, s := range ready {
		s.phase, s.attempt, s.from = undoHeld, 0, 0
		s.epoch++
	}
}
