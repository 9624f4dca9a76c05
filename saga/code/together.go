package code

import "github.com/unwindhq/unwind/saga"

// UndoTogether runs fn, whose steps are then undone side by side, although they ran one
// after the other: none of them needs that another is still there. All of them are
// undone after what comes later and before what came earlier. It returns what fn
// returns. Without it what ran one after the other is undone one after the other, the
// last first.
func (c *Context) UndoTogether(fn func() error) error {
	c.mayAsk()
	c.r.asks = append(c.r.asks, saga.Ask{Record: saga.AskedTogether})
	before := c.b.apart
	c.b.apart = &group{before: c.b.before()}
	defer func() { c.b.apart = before }()
	return fn()
}

// group are steps of a branch that do not come after each other.
type group struct{ before []int64 } // what all of them come after

// before are the steps after which the branch's next one comes.
func (b *branch) before() []int64 {
	if b.apart != nil {
		return b.apart.before
	}
	return b.done
}
