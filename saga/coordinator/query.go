package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// maxAsked is how many functions may be asked at once: each is run from its start,
// with its whole history in memory. One that does not come to an end keeps its place.
const maxAsked = 8

// Query asks the function of a saga for something by its name; see saga.Code.Query.
// history reads what has led to the saga's state. Whoever owns the saga's bucket, it
// is asked of this process, which must have the function; else the error is
// ErrVersion. It takes no longer than CodeTimeout.
func (c *Coordinator) Query(ctx context.Context, row Row, name string, history func(context.Context) (saga.History, error)) (json.RawMessage, error) {
	code, err := c.function(ctx, &row, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*c.cfg.CodeTimeout) // the database may be slow as well
	defer cancel()
	select {
	case c.asked <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%d functions are being asked: %w", maxAsked, ErrNotReady)
	}
	h, err := history(ctx)
	if err != nil {
		<-c.asked
		return nil, err
	}
	data, err := c.ask(ctx, func() (json.RawMessage, error) { return code.Query(row.State.ID, h, name) })
	if errors.Is(err, errAskedTooLong) {
		err = &saga.QueryError{Query: name, Err: fmt.Errorf("the function and its query have run for %s: both must be quick", c.cfg.CodeTimeout)}
	}
	if _, fault := errors.AsType[*saga.QueryError](err); fault {
		c.cfg.Log.Warn("a saga's function does not answer a query", "saga", row.State.ID, "definition", row.State.Definition, "error", err)
	}
	return data, err
}

// function is a saga's, if it has one that this process has.
func (c *Coordinator) function(ctx context.Context, row *Row, name string) (*saga.Code, error) {
	s := &row.State
	decider, ok := c.cfg.Definitions.Decider(row.Namespace, s.Definition, s.Version)
	if !ok {
		switch err := c.cfg.Definitions.Load(ctx, row.Namespace, s.Definition, s.Version); {
		case errors.Is(err, ErrNoDefinition):
			return nil, fmt.Errorf("%w: %w", ErrVersion, err)
		case err != nil:
			return nil, err
		}
		decider, _ = c.cfg.Definitions.Decider(row.Namespace, s.Definition, s.Version)
	}
	code, is := decider.(*saga.Code)
	if !is {
		return nil, fmt.Errorf("%w as %.80q: %s %s is declared, and has no function that could be asked; show the saga instead", saga.ErrNoQuery, name, s.Definition, s.Version)
	}
	return code, nil
}

var errAskedTooLong = errors.New("a function was asked for too long")

// ask runs what has a place in c.asked, and gives the place back when it ends, however
// late.
func (c *Coordinator) ask(ctx context.Context, query func() (json.RawMessage, error)) (json.RawMessage, error) {
	type answer struct {
		data json.RawMessage
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("panic: %v", p)
			}
			<-c.asked
			answers <- a
		}()
		a.data, a.err = query()
	}()
	timer := time.NewTimer(c.cfg.CodeTimeout)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.data, a.err
	case <-timer.C:
		return nil, errAskedTooLong
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the function: %w", ctx.Err())
	}
}
