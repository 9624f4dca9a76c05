package code

import "github.com/unwindhq/unwind/saga"

// Child begins another saga, declared or code, as a step of this one, and waits
// for its output. in is its input. A child that turns back, whatever the reason,
// or that cannot be started, is a *Refused. When this saga turns back, a child
// that runs is cancelled and one that has completed goes in reverse; so it must
// have no pivot and no step that cannot be undone. To begin one that has, hand
// Do a saga.Step with a Child and with the Reason why its effect may stay, or with
// Kind saga.Pivot. Behind the pivot a child that turned back is begun again.
func Child[Out any](c *Context, name string, child saga.Child, in any) (Out, error) {
	return StartChild[Out](c, name, child, in).Get(c)
}

// StartChild is Child without the wait.
func StartChild[Out any](c *Context, name string, child saga.Child, in any) Future[Out] {
	return Start[Out](c, saga.Step{Name: name, Child: &child}, in)
}
