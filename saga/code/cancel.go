package code

// maxLate is how often a function may ask and wait once its saga turns back: one that
// goes round without a look at its errors ends, too.
const maxLate = 1000

// Err returns nil, and ErrCanceled once the saga turns back. What was waited for has
// ended with it then, nothing more is sent, and what the function returns is not looked
// at: it is to end, and may put in order what it has, with deferred functions as with
// plain ones. SideEffect, Version and SetAttribute still work.
func (c *Context) Err() error {
	if c.r.back {
		return ErrCanceled
	}
	return nil
}

// turnBack ends everything that a branch waits for, but for other branches.
func (r *routine) turnBack() {
	r.back = true
	for _, c := range r.open {
		c.cut = true
		r.resolve(c)
	}
	r.open = nil
}

// tooLate ends a function that does not come to an end.
func (r *routine) tooLate() {
	if r.late++; r.late > maxLate {
		panic(errStopped)
	}
}

// endIf ends a branch whose wait has no way to say that the saga turns back.
func (c *Context) endIf(_ struct{}, err error) {
	if err != nil {
		panic(errStopped)
	}
}
