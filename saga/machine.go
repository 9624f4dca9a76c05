package saga

import (
	"github.com/unwindhq/unwind/compensation"
)

// Level is the engine level of this build: the highest that a saga may be
// started with. Decide branches on a saga's own level wherever its behaviour
// had to change, so that running sagas keep their course.
const Level = 1

// Decider decides the transitions of the sagas of one definition and version.
// Machine is the one for declared definitions.
type Decider interface {
	// Decide returns the state after an event and what has to be done. It is
	// deterministic and does not change its arguments. A stale or duplicate
	// event returns the state as it was: its Seq tells.
	Decide(s State, h History, e Event) (State, []Effect, error)
	// Replay returns the state after a whole history, effects dropped.
	Replay(id ID, h History) (State, error)
	// Pending lists the commands of s that are out or held, in the order of the
	// steps. It reads s only.
	Pending(s *State) []Pending
}

// History is the stored events of one saga in order; nil when not loaded.
type History []Event

// Effect is something to do once the transition is committed. Sealed: Send, Noted,
// Announce, Tell, Watch, Acquire, Release.
type Effect interface{ effect() }

// Send sends a command to its participant.
type Send struct {
	Command Command // Command is complete but for its Route.
}

func (Send) effect() {}

// Tell is a message for another saga: an event to be decided by it, kept with the
// transition and handed over after the commit. It may come more than once.
type Tell struct {
	To    ID    // To is the saga; a Started begins it.
	Event Event // Event is without its time.
}

func (Tell) effect() {}

// Machine is a compiled definition: the Decider of declared sagas. It is
// immutable and safe for concurrent use.
type Machine struct {
	def     Definition
	index   map[string]int
	after   [][]int
	signals map[string][]int // the steps that await each signal
	watches []int            // the steps that await events
	order   compensation.Order
	pivot   int // -1 without one

	keepInput  bool
	keepOutput []bool
}

var _ Decider = (*Machine)(nil)

// Compile checks a definition and prepares it. The error is Faults, with all
// that is wrong at once.
func Compile(def Definition) (*Machine, error) {
	m := &Machine{def: def, index: make(map[string]int, len(def.Steps)), pivot: -1}
	c := checker{m: m}
	c.check()
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	for i := range m.def.Steps {
		step := &m.def.Steps[i]
		*step = step.withDefaults()
	}
	m.order = compensation.NewOrder(m.after)
	m.findReads()
	m.findSignals()
	return m, nil
}

// Definition returns the definition with every default filled in. It compiles
// to the same machine again.
func (m *Machine) Definition() Definition { return m.def }

// findReads finds out which documents the state has to keep.
func (m *Machine) findReads() {
	m.keepOutput = make([]bool, len(m.def.Steps))
	if m.def.Output != nil {
		m.keep(m.def.Output.Reads())
	}
	for _, expr := range m.def.Locks {
		m.keep(expr.Reads()) // they are evaluated when the first steps begin, which may be later
	}
	if on := m.def.OnEnd; on != nil && on.Payload != nil {
		m.keep(on.Payload.Reads())
	}
	for _, a := range m.def.Attributes {
		if reads := a.Value.Reads(); len(reads.Steps) > 0 { // the others are evaluated while the input is at hand
			m.keep(reads)
		}
	}
	for i := range m.def.Steps {
		step := &m.def.Steps[i]
		if step.Input == nil && !step.Waits() && step.ForEach == nil {
			m.keepInput = true
		}
		for _, expr := range step.exprs() {
			if expr != nil {
				m.keep(expr.Reads())
			}
		}
	}
}

// exprs lists the step's expressions, those of when, input, sleep.until, forEach and
// await.match, unless that is evaluated at the start, while the input is at hand;
// some may be nil.
func (s *Step) exprs() []Expr {
	exprs := [...]Expr{s.When, s.Input, nil, nil, nil}
	if s.Sleep != nil {
		exprs[2] = s.Sleep.Until
	}
	if s.ForEach != nil {
		exprs[3] = s.ForEach.List
	}
	if s.Await != nil && s.Await.Event != nil && s.Await.Event.Key != nil && !s.Await.Event.early() {
		exprs[4] = s.Await.Event.Key
	}
	return exprs[:]
}

// findSignals finds out who awaits what.
func (m *Machine) findSignals() {
	m.signals = map[string][]int{}
	for i := range m.def.Steps {
		if a := m.def.Steps[i].Await; a != nil {
			if a.Event != nil {
				m.watches = append(m.watches, i)
			}
			for _, name := range a.all(m.def.Steps[i].Name) {
				m.signals[name] = append(m.signals[name], i)
			}
		}
	}
}

// readsSignal reports whether an expression reads a signal's payload.
func (m *Machine) readsSignal(name string) bool {
	for _, i := range m.signals[name] {
		if m.keepOutput[i] {
			return true
		}
	}
	return false
}

func (m *Machine) keep(reads Reads) {
	m.keepInput = m.keepInput || reads.Input
	for _, name := range reads.Steps {
		if i, ok := m.index[name]; ok {
			m.keepOutput[i] = true
		}
	}
}
