// Package code stands in for the real one: its names, without what they do.
package code

import "time"

type Context struct{}

func (c *Context) ID() string                                  { return "" }
func (c *Context) Now() time.Time                              { return time.Time{} }
func (c *Context) HistoryLength() int64                        { return 0 }
func (c *Context) Replaying() bool                             { return false }
func (c *Context) Err() error                                  { return nil }
func (c *Context) Done() <-chan struct{}                       { return nil }
func (c *Context) Deadline() (at time.Time, ok bool)           { return at, false }
func (c *Context) Value(key any) any                           { return nil }
func (c *Context) Sleep(d time.Duration)                       {}
func (c *Context) Timer(d time.Duration) (f Future[struct{}])  { return f }
func (c *Context) Uint64() uint64                              { return 0 }
func (c *Context) Float64() float64                            { return 0 }
func (c *Context) NewID() string                               { return "" }
func (c *Context) Until(holds func() bool)                     {}
func (c *Context) When(holds func() bool) (f Future[struct{}]) { return f }

type Future[T any] struct{}

func (Future[T]) Get(c *Context) (v T, err error) { return v, nil }

type Awaited interface{}

func Do[Res any](c *Context, step string, in any) (v Res, err error)     { return v, nil }
func Start[Res any](c *Context, step string, in any) (f Future[Res])     { return f }
func Go[T any](c *Context, fn func(c *Context) (T, error)) (f Future[T]) { return f }
func First(c *Context, of ...Awaited) int                                { return 0 }
func SideEffect[T any](c *Context, name string, fn func() T) T           { return fn() }
func Query[T any](c *Context, name string, fn func() T)                  {}

func Update[In, Out any](c *Context, name string, validate func(in In) error, handle func(in In) (Out, error)) {
}
