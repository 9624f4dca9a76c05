package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Definition says what a saga does. It is data: package definition reads it
// from YAML or JSON, checks it and binds its expressions; it can be written as
// a Go value just as well. A definition is immutable once Compile was called.
type Definition struct {
	Name    string // Name is the saga's name, [a-z][A-Za-z0-9]*.
	Version string // Version is how people name this version, such as r12. Set at apply.
	Title   string // Title is shown to people.
	Heading Expr   // Heading, if set, yields the title of each saga: a text. It reads the input alone.
	// Subject, if set, yields whose data a saga holds: the handle for erasing it.
	// It reads the input alone and yields a text, a number, or null for nobody.
	Subject   Expr
	Retention Retention // Retention says for how long its sagas are kept.
	// Priority, if set, yields one of the words of Priorities, or null for the
	// default. It reads the input alone.
	Priority Expr
	Owner    string          // Owner is who is shown, and alerted, when a saga needs attention.
	Schema   json.RawMessage // Schema is the JSON Schema of the input; empty accepts any JSON.
	// Deadline is how long after its start the saga may be turned back because it
	// is late: until its pivot is sent, and never while it compensates. Zero: none.
	Deadline time.Duration
	// Key, if set, yields the business key: a text that at most one saga of this
	// definition has at a time. It reads the input alone.
	Key Expr
	// Locks, if set, yield the keys of which only one saga of the namespace has each at
	// a time: at most MaxLocks texts or numbers. They read the input alone.
	Locks       []Expr
	LockTimeout time.Duration // LockTimeout is how long a saga waits for its locks; then it turns back. Zero: for ever.
	Attributes  []Attribute   // Attributes are what the sagas can be found by; at most MaxAttributes.
	Output      Expr          // Output, if set, yields the saga's output when it completes.
	OnEnd       *OnEnd        // OnEnd, if set, lets an event go out when a saga ends.
	Steps       []Step        // Steps are 1 to MaxSteps, in the order they are written.
}

// MaxSteps is the largest number of steps of a definition.
const MaxSteps = 100

// Kind says what a step's failure means.
type Kind uint8

// The kinds of steps, the textbook's three.
const (
	Compensable Kind = 0 // Compensable steps are undone when a later one fails. The default.
	Pivot       Kind = 1 // Pivot is the point of no return: the last step that may be refused.
	Retriable   Kind = 2 // Retriable steps come after the pivot and are retried until they succeed.
)

// String returns the word used in definitions.
func (k Kind) String() string {
	names := [...]string{"compensable", "pivot", "retriable"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Step is one step of a definition.
type Step struct {
	Name         string   // Name is the step's name, [a-z][A-Za-z0-9]*, unique.
	After        []string // After names the steps that must be over first. nil: the step written above. Empty: none.
	When         Expr     // When, if set, must yield true, else the step is skipped.
	Kind         Kind     // Kind is compensable, pivot or retriable.
	Participant  string   // Participant runs the step. Local for a local step.
	Command      string   // Command is the participant's command, or the local function's name.
	Compensation string   // Compensation is the participant's command that undoes it.
	Reason       string   // Reason says why a compensable step has no compensation ("noCompensation").
	Input        Expr     // Input makes the command's payload. nil passes the saga's input, or the item of a ForEach.
	Do           Policy   // Do is the policy of the command.
	Undo         Policy   // Undo is the policy of the compensation.

	// A step that waits has one of these instead of a participant and a command.
	Sleep    *Sleep    // Sleep lets time pass.
	Await    *Await    // Await waits for a signal.
	Approval *Approval // Approval waits for somebody's decision.

	ForEach *ForEach // ForEach, if set, lets the step run once for each item of a list.

	// A step that another saga carries out has this instead.
	Child *Child // Child says which.
}

// Local is the participant of steps that run inside the coordinator's process.
const Local = "local"

// Policy says how long to wait for an answer and how to try again. The zero
// value means the defaults, field by field.
type Policy struct {
	Timeout   time.Duration // Timeout is how long one attempt may take. Default 30 s; none beside a Heartbeat.
	Heartbeat time.Duration // Heartbeat is how often the participant has to say that it is at work, or the command is sent again. Zero: it need not.
	Attempts  int           // Attempts is how many there are. Default 5; an undo's last one raises attention (default 10) and it goes on, like a retriable step's fifth.
	Backoff   time.Duration // Backoff is the wait after the first failed attempt; it doubles. Default 1 s.
	Cap       time.Duration // Cap is the longest wait. Default 60 s.
}

// The defaults of Policy.
const (
	DefaultTimeout      = 30 * time.Second // DefaultTimeout is Policy.Timeout's.
	DefaultAttempts     = 5                // DefaultAttempts is Policy.Attempts' of a do.
	DefaultUndoAttempts = 10               // DefaultUndoAttempts is Policy.Attempts' of an undo.
	DefaultBackoff      = time.Second      // DefaultBackoff is Policy.Backoff's.
	DefaultCap          = time.Minute      // DefaultCap is Policy.Cap's.
)

// withDefaults fills in the policies that the step uses.
func (s *Step) withDefaults() Step {
	d := *s
	if d.ForEach != nil {
		d.ForEach = d.ForEach.withDefaults()
	}
	switch {
	case d.Waits():
		return d
	case d.Child != nil:
		return d.childDefaults()
	}
	d.Do = d.Do.withDefaults(DefaultAttempts)
	if d.Kind == Retriable {
		d.Do.Attempts = 0 // it never gives up
	}
	if d.Compensation != "" {
		d.Undo = d.Undo.withDefaults(DefaultUndoAttempts)
	}
	return d
}

// withDefaults fills in what is zero.
func (p Policy) withDefaults(attempts int) Policy {
	if p.Timeout == 0 && p.Heartbeat == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Attempts == 0 {
		p.Attempts = attempts
	}
	if p.Backoff == 0 {
		p.Backoff = DefaultBackoff
	}
	if p.Cap == 0 {
		p.Cap = max(DefaultCap, p.Backoff)
	}
	return p
}

// Expr is a bound expression. Package definition makes them from CEL. Eval must
// be deterministic and must not keep the scope.
type Expr interface {
	// Eval computes the expression. An error puts attention on the saga; an
	// error that wraps ErrNeedHistory makes the caller load the history and
	// evaluate again.
	Eval(scope Scope) (json.RawMessage, error)
	// Reads says what Eval may ask the scope for.
	Reads() Reads
	// String returns the expression as it was written.
	String() string
}

// Reads lists what an expression refers to: only that is kept in the state.
type Reads struct {
	Input bool     // Input: the saga's input.
	Steps []string // Steps: the outputs of these steps.
}

// Scope is what an expression can see.
type Scope interface {
	// Input returns the saga's input.
	Input() (json.RawMessage, error)
	// Output returns a step's output; ok is false when the step was skipped or
	// is not over. That of a step with ForEach is the list of its items' outputs.
	Output(step string) (output json.RawMessage, ok bool, err error)
	// Waited returns what is known of a step that waits, beside its output.
	Waited(step string) Waited
	// Item returns the item that an input is made for, and its place in the list,
	// from 0. An error says that there is none.
	Item() (item json.RawMessage, index int, err error)
}

// Fault is one thing that is wrong with a definition.
type Fault struct {
	File    string // File is the file's name, if it came from one.
	Line    int    // Line counts from 1; 0 when unknown.
	Path    string // Path says where, such as steps[2].after.
	Problem string // Problem says what is wrong.
	Cure    string // Cure says what to do.
}

// Error returns file:line: path: problem; cure.
func (f Fault) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File + ":")
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:", f.Line)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Problem)
	if f.Cure != "" {
		b.WriteString("; " + f.Cure)
	}
	return b.String()
}

// Faults are all that is wrong with a definition, in the order of the file.
type Faults []Fault

// ErrInvalidDefinition is what errors.Is finds in Faults.
var ErrInvalidDefinition = errors.New("invalid definition")

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Is makes errors.Is(err, ErrInvalidDefinition) true.
func (f Faults) Is(target error) bool { return target == ErrInvalidDefinition }
