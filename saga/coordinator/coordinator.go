package coordinator

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/internal/pace"
	"github.com/unwindhq/unwind/saga"
)

// Coordinator runs the sagas of the buckets it is given by Gain. Its methods may
// be called from any goroutine.
type Coordinator struct {
	cfg     Config
	writers []*writer
	path    *path
	watch   watchers
	bag     mailbag
	clock   atomic.Int64 // database clock minus ours, in nanoseconds
	ticked  atomic.Int64 // when that was seen last, by our clock; 0: never
	up      atomic.Bool
	stopped chan struct{} // closed when Run has ended
	asked   chan struct{} // has one for each function that is being asked

	complaints pace.Pace // of replies that cannot be read

	mu      sync.RWMutex
	buckets map[int]*bucketState
}

// New returns a Coordinator that does nothing until Run.
func New(cfg Config) (*Coordinator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Coordinator{cfg: cfg.withDefaults(), buckets: map[int]*bucketState{}, stopped: make(chan struct{}), asked: make(chan struct{}, maxAsked)}
	c.path = newPath(c)
	if c.cfg.Locals != nil {
		c.cfg.Locals.c.Store(c)
	}
	for range c.cfg.Writers {
		c.writers = append(c.writers, newWriter(c))
	}
	return c, nil
}

// Run works until ctx ends, and returns once nothing is under way any more. Give
// the buckets back (Lose) before, so that they are handed over in order.
func (c *Coordinator) Run(ctx context.Context) error {
	var g errgroup.Group
	for _, w := range c.writers {
		g.Go(func() error { w.run(ctx); return nil })
	}
	g.Go(func() error { c.farWakes(ctx); return nil })
	if c.cfg.Gate != nil {
		g.Go(func() error { c.release(ctx); return nil })
	}
	if c.cfg.Replies != nil {
		g.Go(func() error { c.path.run(ctx); return nil })
		g.Go(func() error { c.saveOffsets(ctx); return nil })
		g.Go(func() error { return c.poll(ctx) })
	}
	c.up.Store(true)
	defer close(c.stopped)
	defer c.up.Store(false)
	return g.Wait()
}

// Ready returns nil when this process runs and owns a bucket.
func (c *Coordinator) Ready() error {
	if !c.up.Load() || len(c.heldBuckets()) == 0 {
		return fmt.Errorf("no bucket is held: %w", ErrNotReady)
	}
	return nil
}

// Start starts a saga. It returns after the commit; when ctx ends before, the
// saga may or may not have been started: ask again with the same Key.
func (c *Coordinator) Start(ctx context.Context, req StartRequest) (StartResult, error) {
	if len(req.Key) > MaxKey {
		return StartResult{}, fmt.Errorf("idempotency key of %d bytes, at most %d: %w", len(req.Key), MaxKey, ErrBadStart)
	}
	if len(req.BusinessKey) > saga.MaxKey {
		return StartResult{}, fmt.Errorf("business key of %d bytes, at most %d: %w", len(req.BusinessKey), saga.MaxKey, ErrBadStart)
	}
	id := req.Fixed
	if id.IsZero() {
		var err error
		if id, err = c.newID(); err != nil {
			return StartResult{}, err
		}
	}
	it := &item{
		bucket: bucket.Of(id.String(), bucket.Count), saga: id, start: &req, answer: make(chan answer, 1),
		event: saga.Event{
			Kind: saga.Started, Actor: req.Actor, Payload: req.Input,
			Extra: &saga.EventExtra{
				Definition: req.Definition, Version: req.Version, Level: saga.Level, Trace: traceOf(req), Key: req.BusinessKey, Begin: req.Begin,
			},
		},
	}
	a, err := c.submit(ctx, it)
	return StartResult{ID: a.id, New: a.fresh}, err
}

// Do carries out a verb. It returns after the commit. On a process that does not
// own the saga's bucket it takes effect as well; commands that it leads to are
// held until the owner sends them, within about FarEvery.
func (c *Coordinator) Do(ctx context.Context, v Verb) (VerbResult, error) {
	it := &item{
		bucket: bucket.Of(v.Saga.String(), bucket.Count), saga: v.Saga, answer: make(chan answer, 1),
		event: saga.Event{
			Kind: v.Kind, Actor: v.Actor, Reason: v.Reason, RequestID: v.RequestID, Step: stepRef(v.Step),
			Payload: v.Payload, Outcome: v.Outcome, Extra: &saga.EventExtra{Signal: v.Signal, Update: v.Update, Groups: v.Groups},
		},
	}
	if c.bucket(it.bucket) == nil {
		return c.foreign(ctx, it)
	}
	a, err := c.submit(ctx, it)
	return VerbResult{State: a.state, Changed: a.changed}, err
}

// submit queues an item and waits for its answer.
func (c *Coordinator) submit(ctx context.Context, it *item) (answer, error) {
	if err := c.writerOf(it.bucket).take(ctx, it); err != nil {
		return answer{}, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	select {
	case a := <-it.answer:
		return a, a.err
	case <-ctx.Done():
		it.gone.Store(true)
		return answer{}, fmt.Errorf("waiting for the commit: %w", ctx.Err())
	case <-c.stopped:
	}
	select {
	case a := <-it.answer:
		return a, a.err
	default: // queued after the writer's last look
		return answer{}, fmt.Errorf("the coordinator has stopped: %w", ErrNotReady)
	}
}

// foreign runs a verb on a saga of somebody else's bucket.
func (c *Coordinator) foreign(ctx context.Context, it *item) (VerbResult, error) {
	r := run{c: c, foreign: true}
	r.process(ctx, []*item{it})
	select {
	case a := <-it.answer:
		return VerbResult{State: a.state, Changed: a.changed}, a.err
	default:
		return VerbResult{}, ErrNotReady
	}
}

// Watch returns a channel that is signalled after each commit of the saga in
// this process, and a function that ends it.
func (c *Coordinator) Watch(id saga.ID) (changed <-chan struct{}, stop func()) {
	w, stop := c.watch.add(id)
	return w.changed, stop
}

// WatchEnd returns a channel that gets the saga's last status if it ends in this
// process from now on, and a function that ends the watch. Nothing has to be read
// from the store for it; look there once if the end may have come before.
func (c *Coordinator) WatchEnd(id saga.ID) (ended <-chan saga.Status, stop func()) {
	w, stop := c.watch.add(id)
	return w.ended, stop
}

// writerOf returns the one writer of a bucket.
func (c *Coordinator) writerOf(n int) *writer { return c.writers[n%len(c.writers)] }

// wakeWriters makes every writer look at its due wakes.
func (c *Coordinator) wakeWriters() {
	for _, w := range c.writers {
		w.nudge()
	}
}

// now estimates the database's clock. It only triggers questions; what counts is
// the clock of the batch that answers them.
func (c *Coordinator) now() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) }

// stepRef reads the step or item that a verb is about. What is neither names a step
// that no saga has.
func stepRef(text string) saga.StepRef {
	ref, err := saga.ParseStepRef(text)
	if err != nil {
		return saga.StepRef{Name: text}
	}
	return ref
}
