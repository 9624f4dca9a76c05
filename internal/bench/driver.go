package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// drainTime is how long the first saga and the last ones may take to end.
	drainTime = 30 * time.Second
	// maxErrors is how many sagas may fail before the run is given up.
	maxErrors = 10
)

// plan is what a driver is to do.
type plan struct {
	InFlight   int
	Warmup     time.Duration
	Duration   time.Duration
	Definition string
	Version    string
}

// measured is what a driver saw.
type measured struct {
	Seconds     float64
	Sagas       int
	Compensated int
	P50, P99    float64 // milliseconds
}

// sagaFunc runs one saga from start to end.
type sagaFunc func(ctx context.Context) (compensated bool, err error)

// driver is a closed loop: each of its lanes starts a saga when its last one has
// ended.
type driver struct {
	plan plan
	one  sagaFunc
	note func(event string) // told when measuring begins and ends

	window atomic.Int32  // 0 before, 1 while and 2 after it is measured
	first  chan struct{} // closed when the first saga has ended
	fail   context.CancelCauseFunc

	mu          sync.Mutex
	warm        bool // first is closed
	took        []time.Duration
	compensated int
	errors      []error
}

// run runs the load to its end.
func (d *driver) run(ctx context.Context) (measured, error) {
	ctx, d.fail = context.WithCancelCause(ctx)
	d.first = make(chan struct{})
	defer d.fail(nil)
	var lanes sync.WaitGroup
	for range d.plan.InFlight {
		lanes.Go(func() { d.lane(ctx) })
	}
	seconds := d.measure(ctx)
	stop := time.AfterFunc(drainTime, func() { d.fail(fmt.Errorf("sagas did not end within %s", drainTime)) })
	defer stop.Stop()
	lanes.Wait()
	if err := context.Cause(ctx); err != nil {
		return measured{}, fmt.Errorf("drive sagas: %w", errors.Join(append(d.errors, err)...))
	}
	return d.result(seconds)
}

// measure opens and closes the window. The warm-up lasts until the path has
// carried one saga to its end, however slow the machine is.
func (d *driver) measure(ctx context.Context) (seconds float64) {
	defer d.window.Store(2)
	if !sleep(ctx, d.plan.Warmup) {
		return 0
	}
	if d.plan.InFlight > 0 && !d.carried(ctx) { // without sagas of its own, it only keeps the time
		return 0
	}
	d.note(noteBegin)
	d.window.Store(1)
	began := time.Now()
	sleep(ctx, d.plan.Duration)
	seconds = time.Since(began).Seconds()
	d.window.Store(2)
	d.note(noteEnd)
	return seconds
}

// carried waits until one saga has ended; false means that ctx has.
func (d *driver) carried(ctx context.Context) bool {
	limit := time.AfterFunc(drainTime, func() { d.fail(fmt.Errorf("no saga ended within %s", drainTime)) })
	defer limit.Stop()
	select {
	case <-d.first:
		return true
	case <-ctx.Done():
		return false
	}
}

func (d *driver) lane(ctx context.Context) {
	for d.window.Load() < 2 && ctx.Err() == nil {
		began := time.Now()
		compensated, err := d.one(ctx)
		d.count(time.Since(began), compensated, err)
	}
}

func (d *driver) count(took time.Duration, compensated bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if d.errors = append(d.errors, err); len(d.errors) >= maxErrors {
			d.fail(errors.New("too many sagas failed"))
		}
		return
	}
	if !d.warm {
		d.warm = true
		close(d.first)
	}
	if d.window.Load() != 1 {
		return
	}
	d.took = append(d.took, took)
	if compensated {
		d.compensated++
	}
}

func (d *driver) result(seconds float64) (measured, error) {
	if len(d.took) == 0 {
		return measured{}, errors.Join(append(d.errors, errors.New("not one saga ended in the measured time"))...)
	}
	slices.Sort(d.took)
	ms := func(percent int) float64 {
		return d.took[(len(d.took)-1)*percent/100].Seconds() * 1000
	}
	return measured{
		Seconds: seconds, Sagas: len(d.took), Compensated: d.compensated, P50: ms(50), P99: ms(99),
	}, nil
}

// sleep waits and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
