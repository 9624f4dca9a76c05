package definition

import (
	"errors"
	"strings"
)

// ErrInvalidInput is what errors.Is finds in an InputError.
var ErrInvalidInput = errors.New("invalid input")

// InputError lists what is wrong with a saga's input.
type InputError struct {
	Problems []Problem // Problems are in the order of their paths.
}

// Problem is one thing that is wrong with an input.
type Problem struct {
	Path string // Path says where, such as input.lines[2].sku.
	What string // What says what is wrong.
}

// Error returns one line for each problem.
func (e *InputError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Path + ": " + p.What
	}
	return strings.Join(lines, "\n")
}

// Is makes errors.Is(err, ErrInvalidInput) true.
func (e *InputError) Is(target error) bool { return target == ErrInvalidInput }
