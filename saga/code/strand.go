package code

import (
	"iter"
	"slices"
)

// strand is a coroutine that runs branches, one after the other, of whichever routine has
// it: a new one would have to grow its stack again. Nothing of a branch is left in it.
type strand struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	run   func() // the branch; it must not panic
}

// maxSpare is how many strands a routine keeps that run nothing.
const maxSpare = 8

func newStrand() *strand {
	s := &strand{}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		s.yield = yield
		for more := true; more; more = yield(struct{}{}) {
			s.run()
			s.run = nil
		}
	})
	return s
}

// strand returns one that runs nothing.
func (r *routine) strand() *strand {
	last := len(r.spare) - 1
	if last < 0 {
		return newStrand()
	}
	s := r.spare[last]
	r.spare = r.spare[:last]
	return s
}

// leave takes a branch out that is over. Its strand may run another one.
func (r *routine) leave(b *branch) {
	r.live = slices.DeleteFunc(r.live, func(other *branch) bool { return other == b })
	if len(r.spare) < maxSpare {
		r.spare = append(r.spare, b.strand)
	} else {
		b.strand.stop()
	}
}

// halt ends the branches where they stand. The function's contexts end after its deferred
// functions: those are to see what it saw.
func (r *routine) halt() {
	r.stopped = true
	for _, b := range r.live {
		b.strand.stop()
	}
	r.live, r.ready = nil, nil
	r.life.finish(errStopped)
}

// Stop implements saga.Coroutine.
func (r *routine) Stop() {
	r.halt()
	for _, s := range r.spare {
		s.stop()
	}
	r.spare = nil
}
