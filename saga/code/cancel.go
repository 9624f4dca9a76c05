package code

// maxLate is how often a function may ask and wait once its saga turns back: one that
// goes round without a look at its errors ends, too.
const maxLate = 1000

// turnBack ends everything that a branch waits for, but for other branches.
func (r *routine) turnBack() {
	r.back = true
	r.life.finish(turnsBack)
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
