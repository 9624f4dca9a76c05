package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Querier is a Coroutine whose function lets others look into it. It is asked
// between two turns.
type Querier interface {
	// Queries names what may be asked for where the function stands, sorted.
	Queries() []string
	// Query asks for one of them, which must be among Queries. The answer is JSON.
	Query(name string) (json.RawMessage, error)
}

// ErrNoQuery says that a saga's function does not have what was asked for, where it
// stands.
var ErrNoQuery = errors.New("no such query")

// QueryError says that a query has no answer through the fault of the saga's
// function.
type QueryError struct {
	Query string // Query is the query's name.
	Err   error  // Err is what is wrong, such as a panic with its stack.
}

// Error returns the query and what is wrong.
func (q *QueryError) Error() string { return "query " + q.Query + ": " + q.Err.Error() }

// Unwrap returns what is wrong.
func (q *QueryError) Unwrap() error { return q.Err }

// Query asks the function of a saga for something by its name, as it stands after
// the history h. It is run from its start for that alone and thrown away: whatever it
// does, the saga is none the wiser. The answer is JSON of at most MaxPayload bytes.
// The error wraps ErrNoQuery, or ErrNotNow before the function has begun, or is a
// *QueryError.
func (c *Code) Query(id ID, h History, name string) (json.RawMessage, error) {
	var run Run
	defer run.Stop()
	s, err := c.fold(&run, id, h)
	if err != nil {
		return nil, &QueryError{Query: name, Err: fmt.Errorf("the function does not get to where the saga stands: %w", err)}
	}
	if run.co == nil {
		return nil, fmt.Errorf("its function has not begun, so there is nothing to ask it: %w", ErrNotNow)
	}
	q, is := run.co.(Querier)
	if !is || !slices.Contains(q.Queries(), name) {
		return nil, c.noQuery(&s, q, name)
	}
	data, err := q.Query(name)
	if err == nil && len(data) > MaxPayload {
		err = fmt.Errorf("its answer has %d bytes, above the limit of %d: answer with less", len(data), MaxPayload)
	}
	if err != nil {
		return nil, &QueryError{Query: name, Err: err}
	}
	return data, nil
}

// noQuery says what could have been asked for instead.
func (c *Code) noQuery(s *State, q Querier, name string) error {
	var have []string
	if q != nil {
		have = q.Queries()
	}
	text := "it has none"
	if len(have) > 0 {
		text = "it has " + strings.Join(have, ", ")
	}
	if s.Status == Running {
		text += ", where it stands now: the function may offer more as it goes on"
	}
	return fmt.Errorf("%w as %.80q of %s %s; %s", ErrNoQuery, name, c.m.def.Name, c.m.def.Version, text)
}
