package code

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Sleep lets time pass: 1 ms to 365 days, through every restart. When the saga turns
// back, the function ends there.
func (c *Context) Sleep(d time.Duration) {
	c.endIf(c.Timer(d).Get(c))
}

// Timer is Sleep without the wait.
func (c *Context) Timer(d time.Duration) Future[struct{}] {
	ask := saga.Ask{Step: saga.Step{Name: "sleep", Sleep: &saga.Sleep{For: max(d, time.Millisecond)}}}
	return asked(c, &ask, func(*saga.Answer) (struct{}, error) { return struct{}{}, nil })
}

// Await waits for a signal and returns its payload. After the timeout, zero for
// none, it returns ErrTimeout. A signal that came before is taken at once.
func Await[T any](c *Context, signal string, timeout time.Duration) (T, error) {
	return Signal[T](c, signal, timeout).Get(c)
}

// Signal is Await without the wait.
func Signal[T any](c *Context, signal string, timeout time.Duration) Future[T] {
	ask := saga.Ask{Step: saga.Step{Name: signal, Await: &saga.Await{Signals: []string{signal}, Timeout: timeout}}}
	return asked(c, &ask, func(a *saga.Answer) (T, error) { return decode[T](c.r, signal, a) })
}

// Approve waits for somebody's decision on the named step. A refusal is a
// *Refused; if the time is over and approval.ApproveWhenLate is set, it returns
// ErrTimeout.
func Approve(c *Context, name string, approval saga.Approval) (saga.Decision, error) {
	ask := saga.Ask{Step: saga.Step{Name: name, Approval: &approval}}
	return asked(c, &ask, func(a *saga.Answer) (saga.Decision, error) { return decode[saga.Decision](c.r, name, a) }).Get(c)
}

// Future is something that will be there: the answer of a step, a signal, the end
// of a timer or of a branch.
type Future[T any] struct {
	cell   *cell
	decode func(*saga.Answer) (T, error)
}

// Get waits until it is there. It may be called again. When the saga turns back it
// returns ErrCanceled, save for a branch, which is waited for: what that waits for has
// ended, too.
func (f Future[T]) Get(c *Context) (T, error) {
	c.wait(f.cell)
	if f.cell.cut {
		var none T
		return none, ErrCanceled
	}
	if f.cell.ask != 0 {
		c.b.after(f.cell)
		return f.decode(&f.cell.answer)
	}
	c.b.join(f.cell.done)
	value, _ := f.cell.value.(T) // nil is the zero value
	return value, f.cell.err
}

// Ready reports whether Get would return at once.
func (f Future[T]) Ready() bool { return f.cell.isOver() }

func (f Future[T]) awaited() *cell { return f.cell }

// Awaited is a Future of any type.
type Awaited interface {
	// Ready reports whether it is there.
	Ready() bool
	awaited() *cell
}

// First waits until one of some futures is there and returns its index; of several
// that are there, the first of the list; of none, -1. The others are not cancelled. When the saga
// turns back it is one whose Get says so.
func First(c *Context, of ...Awaited) int {
	cells := make([]*cell, len(of))
	for i, f := range of {
		cells[i] = f.awaited()
	}
	c.wait(cells...)
	for i, one := range cells {
		if one.over {
			return i
		}
	}
	return -1 // of nothing
}

// Go runs fn as a branch of the saga, beside what follows. Branches take turns:
// one runs until it waits, so they need no locks. fn must use its own Context. A
// branch that waits when the function returns ends there, and its error with it: call
// Get. The steps that it has started are waited for.
func Go[T any](c *Context, fn func(c *Context) (T, error)) Future[T] {
	c.mayAsk()
	return Future[T]{cell: c.r.branch(c.b.before(), func(c *Context) (any, error) { return fn(c) })}
}
