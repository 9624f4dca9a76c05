package code

import (
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// Refused says that a participant has rejected a step, or a person an approval: a
// business no, and nothing was done.
type Refused struct {
	Step   string // Step is the step's name.
	Reason string // Reason is a sentence that says which step was refused, and why.
}

// Error returns the reason.
func (r *Refused) Error() string { return r.Reason }

// Failed says that a step has not succeeded after all its attempts. It may have
// been done all the same; what it may have done is being undone.
type Failed struct {
	Step   string // Step is the step's name.
	Reason string // Reason is a sentence that says what happened last.
}

// Error returns the reason.
func (f *Failed) Error() string { return f.Reason }

// ErrTimeout says that what was awaited did not come in time.
var ErrTimeout = errors.New("it did not come in time")

// ErrCanceled says that the saga turns back: it was cancelled, its deadline has passed,
// or its parent turns back. Whatever the function waits for ends with it. It is a
// context.Canceled, too.
var ErrCanceled error = turnsBack

var turnsBack = &ended{"the saga turns back"}

// PanicError is a panic of the function. It puts attention on the saga, which
// stays where it is until a corrected function is there.
type PanicError struct {
	Value any    // Value is what it has panicked with.
	Stack []byte // Stack is where: a line for each function and one for its place.
}

// Error returns the value and the stack.
func (p *PanicError) Error() string {
	return fmt.Sprintf("panic in the code: %v\n%s", p.Value, p.Stack)
}

// failure is the error of a step's answer.
func failure(step string, a *saga.Answer) error {
	switch a.Phase {
	case saga.Refused:
		return &Refused{Step: step, Reason: a.Reason}
	case saga.Unknown:
		return &Failed{Step: step, Reason: a.Reason}
	case saga.Expired, saga.Skipped:
		return fmt.Errorf("%s: %w", step, ErrTimeout)
	}
	return nil
}

// VersionError says that a saga needs a version of a change that the function does
// not have, or has no more.
type VersionError struct {
	Change      string // Change is the change's name.
	Version     int    // Version is what the saga was run with.
	Least, Most int    // Least and Most are what the function has.
}

// Error says which version is missing.
func (v *VersionError) Error() string {
	return fmt.Sprintf("the saga was run with version %d of change %s, the code has %d to %d", v.Version, v.Change, v.Least, v.Most)
}
