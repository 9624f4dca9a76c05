package coordinator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// A batch that may let users' functions run is decided beside its writer: a function may
// loop for ever, and must cost its saga, not the writer. The writer waits, and looks when
// one has run for too long: then it takes the batch back, and tries it again without that
// function.

// beside is a goroutine that decides such batches, one at a time. It is kept from batch to
// batch, because a new one has to grow its stack each time. It ends when calls is closed.
type beside struct {
	calls chan func()
	ended chan struct{}
}

func newBeside() *beside {
	b := &beside{calls: make(chan func()), ended: make(chan struct{})}
	go func() {
		for call := range b.calls {
			call()
			b.ended <- struct{}{}
		}
	}()
	return b
}

// turn is one decision of a batch, the same whenever the batch is tried again.
type turn struct {
	saga saga.ID
	item int // its number among the saga's items, or nextRun
}

// nextRun is the turn of a saga's next run, whose id is another one in each try.
const nextRun = -1

// watchdog tells a writer which decision about code is under way, and whoever decides
// whether the writer still waits for it.
type watchdog struct {
	mu    sync.Mutex
	at    *folding // nil: none
	since time.Time
	left  bool
}

// begin notes that a saga's function may run from now on.
func (w *watchdog) begin(s *folding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.since = s, time.Now()
}

// end notes that it does not any more. If the writer has left, the goroutine ends here,
// with what is its own: the saga's function. All else is the writer's again.
func (w *watchdog) end(run *saga.Run) {
	w.mu.Lock()
	left := w.left
	w.at = nil
	w.mu.Unlock()
	if left {
		run.Stop()
		runtime.Goexit()
	}
}

// leave returns the saga whose function has run for limit, and does not wait for it any
// longer; or nil, and how long that may still take.
func (w *watchdog) leave(limit time.Duration) (overdue *folding, rest time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		return nil, limit
	}
	if rest = limit - time.Since(w.since); rest > 0 {
		return nil, rest
	}
	w.left = true
	return w.at, 0
}

// keepAwake has the batch ask something, which is nothing, while a function runs: Postgres
// ends a transaction that is idle, and many functions that are run again, or one that takes
// long, would come to a commit that fails, again and again.
func (f *fold) keepAwake(ctx context.Context) {
	if f.known != nil {
		return // nothing is open
	}
	w := &f.watchdog
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at != nil { // else whoever decides may be asking; until this is answered, it does not
		_, _ = f.b.Histories(ctx, nil) // the commit says what is wrong
	}
}

// awake is how long a transaction may be idle.
const awake = 250 * time.Millisecond

// errSlow says that a batch's functions have taken all of its time together.
var errSlow = errors.New("the batch's functions have taken too long together")

// errOverdue says that a function has run for too long, and the batch may be tried again
// at once, without it.
var errOverdue = errors.New("a saga's code has run for too long")

// decide decides a batch, beside the writer if it may let users' functions run.
func (r *run) decide(ctx context.Context, f *fold, b Batch) error {
	f.b = b
	if !f.hasCode() {
		return f.decide(ctx)
	}
	in := r.beside()
	defer r.besideOver(in)
	var err error
	in.calls <- func() { err = f.decide(ctx) }
	limit := r.c.cfg.CodeTimeout
	timer := time.NewTimer(min(limit, awake))
	defer timer.Stop()
	for {
		select {
		case <-in.ended:
			return f.inTime(ctx, err)
		case <-timer.C:
		}
		overdue, rest := f.watchdog.leave(limit)
		if overdue != nil {
			return r.leave(overdue)
		}
		f.keepAwake(ctx)
		timer.Reset(min(rest, awake))
	}
}

// inTime says that a batch of several sagas has used up its time.
func (f *fold) inTime(ctx context.Context, err error) error {
	if ctx.Err() != nil && len(f.ids) > 1 {
		return fmt.Errorf("%d sagas: %w", len(f.ids), errSlow)
	}
	return err
}

// leave goes on without a function that runs for too long, which keeps its goroutine until
// it ends: whoever has written an endless loop loses one saga and a processor.
func (r *run) leave(overdue *folding) error {
	if r.w != nil {
		r.w.beside = nil
	}
	overdue.run = nil // it is in use
	if r.overdue == nil {
		r.overdue = map[turn]bool{}
	}
	r.overdue[overdue.turn] = true
	return fmt.Errorf("saga %s: %w", overdue.id, errOverdue)
}

// beside returns where a batch with code is decided: the writer's own goroutine for them,
// or one for this batch alone.
func (r *run) beside() *beside {
	if r.w == nil {
		return newBeside()
	}
	if r.w.beside == nil {
		r.w.beside = newBeside()
	}
	return r.w.beside
}

// besideOver ends what beside has made for one batch.
func (r *run) besideOver(b *beside) {
	if r.w == nil {
		close(b.calls)
	}
}
