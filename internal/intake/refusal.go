package intake

import (
	"errors"
	"strings"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// ErrBadKey refuses an idempotency key that holds control characters or is not
// UTF-8.
var ErrBadKey = errors.New("the idempotency key must be plain text")

// errNotJSON refuses an input that no expression and no schema could read.
var errNotJSON = &definition.InputError{Problems: []definition.Problem{{
	Path: "input", What: "is not plain application/json: a saga's input has no other content type and no codec",
}}}

// TopicsError refuses a start whose commands would have nowhere to go.
type TopicsError struct {
	Missing []string // Missing are the names of the topics that do not exist.
}

// Error names the topics and what makes them.
func (e *TopicsError) Error() string {
	return "Kafka has no topic " + strings.Join(e.Missing, ", ") + "; run unwind topics apply"
}

// Refused reports whether err of Start is a refusal: the request is at fault, or
// what it asks for is not there, so that nothing was started and asking again
// changes nothing until somebody acts.
func Refused(err error) bool {
	var topics *TopicsError
	return errors.As(err, &topics) || errors.Is(err, ErrBadKey) || errors.Is(err, definition.ErrInvalidInput) ||
		errors.Is(err, coordinator.ErrNoDefinition) || errors.Is(err, coordinator.ErrKeyUsed) ||
		errors.Is(err, coordinator.ErrKeyTaken) || errors.Is(err, registry.ErrDisabled) || errors.Is(err, coordinator.ErrBadStart)
}
