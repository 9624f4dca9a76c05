package saga

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A saga that is code is a saga whose plan grows. Its function runs as a
// coroutine (a Program makes it; package code has the one for users). Whenever
// something that it waits for is over, Decide lets it run until it waits again
// and appends what it has asked for to the state's Plan, as steps. All that
// happens to a step then, attempts, timeouts, holding, verbs, undoing, is the
// same code as for declared sagas: only advance differs.
//
// The history tells what the function has asked for, event by event
// (EventExtra.Asked), with the inputs of its commands and the values of its side
// effects. So a coroutine can be had again at any time by running the function
// from its start with the recorded answers; and one that asks for something else
// than it did is found out, with the difference, before it can do harm. The plan
// and the inputs make everything but going forward possible without the
// function: a retry, a timeout, and undoing, whatever has become of the code.
//
// A coroutine is kept between two events in a Run, which is a cache and no more:
// Decide with one, without one, and with one that lags behind give the same.

// Program begins the function of one saga with its input. It runs nothing yet. before, if
// there is one, is a coroutine that nobody needs any more, perhaps another saga's and
// another program's: the program stops it, or takes over what can be used again of it.
type Program func(id ID, input json.RawMessage, before Coroutine) Coroutine

// Coroutine is a function at work. It is used by one caller at a time.
type Coroutine interface {
	// Resume tells the function what has happened and runs it until it waits for
	// something that has not.
	Resume(news News) Turn
	// Stop ends the function where it stands. It may be called twice.
	Stop()
}

// News is what the function is told.
type News struct {
	At       time.Time // At is the event's time: all that the function knows of clocks.
	Deadline time.Time // Deadline is when the saga turns back because it is late; zero: never, or no more.
	Answers  []Answer  // Answers end what the function has asked for, in the order in which they came. They are lent.
	Update   *Update   // Update is what it is asked to take, before it goes on; nil: nothing.
	Forget   bool      // Forget: nobody looks at the turns before any more, so that their Asks may be overwritten.
	Back     bool      // Back: the saga turns back, so everything that the function waits for ends, and it is to end. It may record values, and gets no step.
	Replay   bool      // Replay: this has happened before. Side effects have the values that Recorded has for them.
	Seq      int64     // Seq is the event's place in the history.
	Recorded []Asked   // Recorded is, in a replay, all that the function asked for with this event.
}

// Answer ends one thing that the function has asked for.
type Answer struct {
	Ask     int64   // Ask is the number of the request, from 1.
	Phase   Phase   // Phase is Done, Refused, Unknown, Expired or Skipped.
	Payload Payload // Payload is the output, the signal's payload, or the Decision.
	Signal  string  // Signal is the name of the signal that came.
	Reason  string  // Reason is a sentence for people: why it was refused, or did not succeed.
}

// Turn is what the function has done until it waited again, or ended.
type Turn struct {
	Asks   []Ask           // Asks are what it has asked for, in order.
	Ended  bool            // Ended: it has returned.
	Output json.RawMessage // Output is what it has returned.
	Err    error           // Err is the error that it has returned.
	Anew   json.RawMessage // Anew, if set, is the input with which the saga is to begin anew: it has ended with that wish.
	Fault  error           // Fault says that it cannot go on, such as a panic. The event changes nothing then.

	Update   *UpdateAnswer // Update is its answer to News.Update; nil without one.
	Declined error         // Declined says why it has not taken News.Update, an ErrNoUpdate or an *UpdateRefused: nothing has happened.
}

// Ask is one thing that the function asks for: a step, or a value to be recorded.
type Ask struct {
	Step  Step    // Step is a command, a sleep, an await or an approval, without After, When and Input.
	Visit int     // Visit counts the steps of that name before it.
	Input Payload // Input is the command's. In a replay the recorded one counts.
	After []int64 // After are the numbers of the steps that were over before; it is undone before them.

	Record string          // Record, if set, names a value instead of a step, such as side:orderNo.
	Value  json.RawMessage // Value is that value.
}

// AskedAttribute begins the Record of an Ask that sets an attribute; its name follows.
const AskedAttribute = "attribute:"

// AskedTogether is the Record of an Ask that says that the steps which come now are undone
// side by side.
const AskedTogether = "together"

// Asked is the record of an Ask in the event that led to it.
type Asked struct {
	What string          // What says what it was, such as do:pay payments/charge, sleep:pause, await:paid or side:orderNo.
	Data json.RawMessage // Data is a command's input, or a side effect's value.
}

// What says in one line what is asked for. It is compared in a replay.
func (a *Ask) What() string {
	ref := StepRef{Name: a.Step.Name, Visit: a.Visit}.String()
	switch step := &a.Step; {
	case a.Record != "":
		return a.Record
	case step.Sleep != nil:
		return "sleep:" + ref
	case step.Await != nil:
		return "await:" + ref
	case step.Approval != nil:
		return "approval:" + ref
	case step.Child != nil:
		return "child:" + ref + " " + step.carrier()
	case step.Kind == Pivot:
		return "pivot:" + ref + " " + step.Participant + "/" + step.Command
	case step.Compensation != "":
		return "do:" + ref + " " + step.Participant + "/" + step.Command + " undo " + step.Compensation
	default:
		return "do:" + ref + " " + step.Participant + "/" + step.Command
	}
}

const (
	askedReturn = "return" // the function has returned
	askedFail   = "fail"   // it has returned an error
)

// Noted is the effect of a function's turns: it goes into the event's record.
type Noted struct {
	Asked []Asked // Asked is what the function has asked for, in order.
}

func (Noted) effect() {}

// ErrCodeChanged says that a saga's function does not ask for what it asked for
// when the history was written: its code has changed, or is not deterministic.
var ErrCodeChanged = errors.New("the code does not do what it did")

// Code is the Decider of sagas that are written as code. It is immutable and safe
// for concurrent use; a Run is not.
type Code struct {
	m       *Machine
	program Program
	uses    []Step
	again   func(run *Run, id ID, h History) (State, error) // fold, which a decision cannot name
}

var _ Decider = (*Code)(nil)

// NewCode returns the Decider of a function. Of def, Name and Version are
// required; Title, Owner, Schema, Deadline, Retention and what reads the input alone,
// Key, Heading, Subject, Priority and Attributes, are looked at. Steps, if there are
// any, are all the commands that the function asks for, in any order and as often
// as it likes; those of Local need not be among them. Their topics and contracts
// are looked at before a saga starts. The error is Faults.
func NewCode(def Definition, program Program) (*Code, error) {
	m := &Machine{def: def, pivot: -1, index: map[string]int{}}
	c := checker{m: m}
	if !IsName(def.Name) {
		c.fault("saga", fmt.Sprintf("%q is not a name", def.Name), "write a name like bookTrip: [a-z][A-Za-z0-9]*")
	}
	if def.Version == "" {
		c.fault("version", "the version is missing", "name it r1, and r2 once it asks for other things")
	}
	if def.Output != nil || len(def.Locks) > 0 {
		c.fault("output", "a saga that is code has no output or lock of its own", "let the function do it")
	}
	c.names()
	c.labels()
	c.readsInput()
	c.uses()
	if def.Deadline != 0 {
		c.span("deadline", def.Deadline)
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	m.def.Steps = nil // a state's steps are those of its plan
	code := &Code{m: m, program: program, uses: slices.Clone(def.Steps)}
	code.again = code.fold
	return code, nil
}

// readsInput refuses attributes that read the outputs of steps: code has none that
// are known beforehand.
func (c *checker) readsInput() {
	for _, a := range c.m.def.Attributes {
		if a.Value != nil && len(a.Value.Reads().Steps) > 0 {
			c.fault("attributes."+a.Name, "it reads the output of a step", "let the function set it")
		}
	}
}

// uses checks the commands that a function says it asks for.
func (c *checker) uses() {
	steps := c.m.def.Steps
	if len(steps) > MaxSteps {
		c.fault("steps", fmt.Sprintf("%d commands", len(steps)), fmt.Sprintf("at most %d: let child sagas do a part", MaxSteps))
		return
	}
	for i := range steps {
		step, at := &steps[i], fmt.Sprintf("steps[%d]", i)
		c.step(i)
		if step.Waits() || step.Child != nil || step.ForEach != nil || step.When != nil || step.Input != nil || step.After != nil {
			c.fault(at, "is not a command", "list the commands alone, without after, when, input and forEach: in which order they come is the function's")
		}
	}
}

// undeclared says why the function must not ask for a command, and what to do;
// empty if it may.
func (c *Code) undeclared(step *Step) (problem, cure string) {
	if len(c.uses) == 0 || step.Participant == Local || step.Child != nil {
		return "", ""
	}
	for i := range c.uses {
		use := &c.uses[i]
		if use.Participant == step.Participant && use.Command == step.Command && (step.Compensation == "" || use.Compensation == step.Compensation) {
			return "", ""
		}
	}
	asked := step.Participant + "/" + step.Command
	if step.Compensation != "" {
		asked += " with its compensation " + step.Compensation
	}
	return asked + " is not among the definition's Steps", "add it there, so that its topic is looked at before a saga starts"
}

// Definition returns what NewCode was given.
func (c *Code) Definition() Definition {
	def := c.m.def
	def.Steps = slices.Clone(c.uses)
	return def
}

// Decide implements Decider. Without a Run it needs the history whenever the
// function has to go on.
func (c *Code) Decide(s State, h History, e Event) (State, []Effect, error) {
	var run Run
	defer run.Stop()
	return c.DecideIn(&run, s, h, e)
}

// DecideIn is Decide with the saga's coroutine in run, where the caller keeps it
// from event to event. An empty run is filled, one of another moment or of
// another saga is thrown away. After an error, and when the outcome is not
// committed, run must not be used for another event.
func (c *Code) DecideIn(run *Run, s State, h History, e Event) (State, []Effect, error) {
	g := run.growth(c, &s)
	defer run.reuse(g)
	return decide(c.m, g, s, h, e)
}

// Replay implements Decider.
func (c *Code) Replay(id ID, h History) (State, error) {
	var run Run
	defer run.Stop()
	return c.fold(&run, id, h)
}

// fold is the state after a whole history, with the coroutine at its end.
func (c *Code) fold(run *Run, id ID, h History) (State, error) {
	return fold(id, h, func(s State, h History, e Event) (State, []Effect, error) { return c.DecideIn(run, s, h, e) })
}

// Pending implements Decider.
func (c *Code) Pending(s *State) []Pending {
	p := s.Extras().Plan
	return pending(s, func(i int) (*Step, StepRef) { return &p.Steps[i].Step, p.Steps[i].Ref() })
}

// growth is what a decision about a saga that is code has more than others.
type growth struct {
	code   *Code
	run    *Run
	before State // before the event

	decision decision

	owned   *Plan    // the plan that this decision has changed
	over    []ended  // what the function has not been told of yet
	answers []Answer // what it is told
	asked   []Asked  // what it has asked for with this event
	round   int      // how often it was resumed with this event
	back    bool     // it is told that the saga turns back
	failed  bool     // it has returned an error with this event
}

// ended is a step whose do is over.
type ended struct {
	i     int
	phase Phase
	why   string
}

// settled notes that step i's do is over. The end of an undo is no news for the
// function.
func (g *growth) settled(i int, phase Phase) {
	switch phase {
	case Done, Refused, Unknown, Expired, Skipped:
		g.over = append(g.over, ended{i: i, phase: phase})
	}
}

// rebuild gets the coroutine to where the saga stands, by running the function
// from its start.
func (d *decision) rebuild() error {
	g := d.g
	g.run.Reuse()
	before := &g.before
	switch {
	case before.Extras().Plan == nil: // it has not begun
		input, err := d.codeInput()
		if err == nil {
			g.run.co = g.code.program(d.s.ID, input, g.run.co)
		}
		return err
	case d.h == nil:
		return fmt.Errorf("the code of saga %s: %w", d.s.ID, ErrNeedHistory)
	case int64(len(d.h)) < before.Seq:
		return fmt.Errorf("the history of saga %s has %d events, its state %d: %w", d.s.ID, len(d.h), before.Seq, ErrState)
	}
	again, err := g.code.again(g.run, d.s.ID, d.h[:before.Seq])
	if err != nil {
		return err
	}
	if !bytes.Equal(AppendState(nil, &again), AppendState(nil, before)) {
		return fmt.Errorf("the history of saga %s does not lead to its state: %w", d.s.ID, ErrCodeChanged)
	}
	return nil
}

// codeInput is the saga's input.
func (d *decision) codeInput() (json.RawMessage, error) {
	input := d.e.Payload
	if d.e.Kind != Started {
		if len(d.h) == 0 {
			return nil, fmt.Errorf("the saga's input: %w", ErrNeedHistory)
		}
		input = d.h[0].Payload
	}
	if !input.IsJSON() {
		return nil, fmt.Errorf("the saga's input is %s and cannot be read by code", input.ContentType)
	}
	return input.Data, nil
}

// isStep reports whether it was a step.
func (a Asked) isStep() bool {
	for _, prefix := range []string{"do:", "pivot:", "sleep:", "await:", "approval:", "child:"} {
		if len(a.What) > len(prefix) && a.What[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}
