package code

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// maxQueries is how many queries a function may offer.
const maxQueries = 100

// errQueryAsks ends a query that does more than look.
var errQueryAsks = errors.New("it asks the saga's Context for something: a query may only look at what the function has already")

// Query lets others look into the function from now on: whoever asks for name gets
// what fn returns then, as JSON of at most saga.MaxPayload bytes. fn looks at the
// function's variables; it must be quick, and must not use c to ask for anything.
// It is run in a copy of the saga, of which nothing is kept: what it writes is gone.
// Offer queries at the beginning, so that they are there from the start; one that is
// offered again, as in a loop, replaces the one before. name is like a step's.
//
// It is no event, and a query may be added, changed and taken away while sagas run.
func Query[T any](c *Context, name string, fn func() T) {
	r := c.r
	c.mayAsk()
	if !saga.IsName(name) {
		r.raise(fmt.Errorf("query %.80q: it is not a name; write one like progress: [a-z][A-Za-z0-9]*", name))
	}
	if r.queries == nil {
		r.queries = map[string]func() any{}
	}
	r.queries[name] = func() any { return fn() }
	if len(r.queries) > maxQueries {
		r.raise(fmt.Errorf("query %s: the code offers more than %d; let one answer with several things", name, maxQueries))
	}
}

// Queries implements saga.Querier.
func (r *routine) Queries() []string { return slices.Sorted(maps.Keys(r.queries)) }

// Query implements saga.Querier.
func (r *routine) Query(name string) (answer json.RawMessage, err error) {
	fault := r.look(errQueryAsks, func() {
		if answer, err = json.Marshal(r.queries[name]()); err != nil {
			err = fmt.Errorf("write its answer: %w", err)
		}
	})
	if fault != nil {
		return nil, fault
	}
	return answer, err
}

// look runs fn, which may not ask for anything, and returns the error that has ended
// it: asks if it has asked all the same, or its panic.
func (r *routine) look(asks error, fn func()) (err error) {
	before := r.barred
	r.barred = asks
	defer func() {
		r.barred = before
		switch p := recover(); p {
		case nil:
		case asks:
			err = asks
		default:
			err = &PanicError{Value: p, Stack: stack()}
		}
	}()
	fn()
	return nil
}

// mayAsk ends whoever asks for something when nothing can be asked for: a function
// that was stopped, and what may only look.
func (r *routine) mayAsk() {
	if r.barred != nil {
		panic(r.barred)
	}
	if r.stopped {
		panic(errStopped)
	}
}
