package code

import (
	"encoding/json"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// SetAttribute sets what the saga can be found by: a text of at most saga.MaxKey
// bytes, a number, true or false; nil takes it away. A saga has at most
// saga.MaxAttributes.
func (c *Context) SetAttribute(name string, value any) {
	c.mayAsk()
	data, err := json.Marshal(value)
	if err != nil {
		c.r.raise(fmt.Errorf("write attribute %s: %w", name, err))
	}
	c.r.asks = append(c.r.asks, saga.Ask{Record: saga.AskedAttribute + name, Value: data})
}

// From makes an expression of a function of the saga's input, for what a
// definition of code says of each saga: its Key, Heading, Subject, Priority and
// Attributes. Key, Heading and Subject are texts or numbers, Priority is one of
// saga.Priorities; where null is none, a nil pointer is. fn must depend on nothing
// but the input: it may be called at any time.
func From[In, T any](fn func(in In) T) saga.Expr { return from[In, T]{fn} }

type from[In, T any] struct{ fn func(in In) T }

// Eval implements saga.Expr.
func (f from[In, T]) Eval(scope saga.Scope) (json.RawMessage, error) {
	data, err := scope.Input()
	if err != nil {
		return nil, err
	}
	var in In
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, fmt.Errorf("read the saga's input: %w", err)
	}
	return json.Marshal(f.fn(in))
}

// Reads implements saga.Expr.
func (from[In, T]) Reads() saga.Reads { return saga.Reads{Input: true} }

// String implements saga.Expr.
func (from[In, T]) String() string { return "a function of the input" }
