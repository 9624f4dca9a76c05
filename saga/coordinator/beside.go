package coordinator

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// beside is a goroutine that runs what may take too long, one call at a time. It
// is kept from call to call, because a new one has to grow its stack each time. It
// ends when calls is closed.
type beside struct {
	calls chan func()
	ended chan struct{}
	timer *time.Timer
}

func newBeside() *beside {
	b := &beside{calls: make(chan func()), ended: make(chan struct{}), timer: time.NewTimer(time.Hour)}
	go func() {
		for call := range b.calls {
			call()
			b.ended <- struct{}{}
		}
	}()
	return b
}

// call runs fn and reports whether it has ended in time. If not, fn goes on, and b
// can be given nothing more but to leave.
func (b *beside) call(limit time.Duration, fn func()) bool {
	b.timer.Reset(limit)
	b.calls <- fn
	select {
	case <-b.ended:
		return true
	case <-b.timer.C:
		return false
	}
}

// beside returns where a decision about code is run: the writer's own goroutine for
// them, or one for this decision alone.
func (r *run) beside() *beside {
	if r.w == nil {
		return newBeside()
	}
	if r.w.beside == nil {
		r.w.beside = newBeside()
	}
	return r.w.beside
}

// besideOver ends what beside has made for one decision.
func (r *run) besideOver(b *beside) {
	if r.w == nil {
		close(b.calls)
	}
}

// leave goes on without a call that takes too long: whoever has written an endless
// loop loses one saga and a processor, not the writer.
func (r *run) leave(b *beside, left *saga.Run) {
	if r.w != nil {
		r.w.beside = nil
		close(b.calls)
	}
	go func() {
		<-b.ended
		left.Stop()
	}()
}
