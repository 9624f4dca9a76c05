package code

import (
	"context"
	"sync/atomic"
	"time"
)

var _ context.Context = (*Context)(nil)

// life is what other packages see of a function's Contexts: a context.Context that ends
// with the function's way forward. It may be used by any goroutine, as contexts may.
type life struct {
	deadline time.Time // set before the function begins
	over     atomic.Pointer[ended]
	asked    atomic.Pointer[derived] // nil until somebody asks for Done
}

// derived is a context of the library, with the function that ends it. Those that are
// made of a Context hang on it: they end with it, in the same call and without a
// goroutine, so that a function that asks one of them gets the same answer again.
type derived struct {
	context.Context
	end context.CancelCauseFunc
}

// ended is why a Context is over.
type ended struct{ why string }

// Error returns why.
func (e *ended) Error() string { return e.why }

// Is makes it a context.Canceled, for packages that take a context.
func (e *ended) Is(target error) bool { return target == context.Canceled }

// finish ends it. The first reason counts.
func (l *life) finish(why *ended) {
	l.over.CompareAndSwap(nil, why)
	if d := l.asked.Load(); d != nil {
		d.end(l.over.Load())
	}
}

// Err returns nil, and ErrCanceled once the saga turns back. What was waited for has
// ended with it then, nothing more is sent, and what the function returns is not looked
// at: it is to end, and may put in order what it has, with deferred functions as with
// plain ones. SideEffect, Version and SetAttribute still work.
//
// The error is a context.Canceled, too. Who still has the Context when the function has
// ended, or this process keeps it in memory no longer, gets another one that is.
func (c *Context) Err() error {
	if over := c.r.life.over.Load(); over != nil {
		return over
	}
	return nil
}

// Done returns a channel that is closed once Err returns an error. It is closed where the
// function waits, never while it runs: so a select with a default gets the same answer
// whenever the function is run again. To receive from it blocks the function; wait with
// Await, Sleep or Until instead, which end when the saga turns back.
func (c *Context) Done() <-chan struct{} {
	l := &c.r.life
	d := l.asked.Load()
	if d == nil {
		ctx, end := context.WithCancelCause(context.Background())
		l.asked.CompareAndSwap(nil, &derived{Context: ctx, end: end})
		d = l.asked.Load()
	}
	if over := l.over.Load(); over != nil {
		d.end(over)
	}
	return d.Done()
}

// Deadline returns when the saga turns back because it is late, which it does until its
// pivot is sent; ok is false if the definition has no deadline.
func (c *Context) Deadline() (deadline time.Time, ok bool) {
	deadline = c.r.life.deadline
	return deadline, !deadline.IsZero()
}

// Value returns nil for every key of yours: a saga's values are its function's variables.
func (c *Context) Value(key any) any {
	if d := c.r.life.asked.Load(); d != nil {
		return d.Value(key) // contexts that are made of this one ask for what they hang on
	}
	return nil
}
