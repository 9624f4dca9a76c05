package coordinator

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// writer runs the batches of its buckets, one after the other.
type writer struct {
	c          *Coordinator
	queue      chan *item // what concerns sagas that have begun
	mail       chan *item // messages from sagas and kept ones: apart, so that those of a saga stay in order
	starts     *starts
	turn       int // counts what was taken; the run goroutine's
	kick       chan struct{}
	wakes      *wakes
	gate       *gateBook
	coroutines *coroutines
	busy       sync.Mutex   // held while a batch is under way
	asked      []*wakeEntry // due, waiting for the way to be checked; the run goroutine's
	tempo      tempo        // the run goroutine's
	known      known        // the run goroutine's
	beside     *beside      // the run goroutine's; nil until it is needed
}

func newWriter(c *Coordinator) *writer {
	return &writer{c: c, queue: make(chan *item, c.cfg.QueueMax), mail: make(chan *item, c.cfg.QueueMax), starts: newStarts(c.cfg.QueueMax), kick: make(chan struct{}, 1), wakes: newWakes(), gate: newGateBook(c.cfg.Gate), known: known{}, coroutines: newCoroutines(max(c.cfg.Coroutines/c.cfg.Writers, 1))}
}

// run works until ctx ends. What is still queued then is refused.
func (w *writer) run(ctx context.Context) {
	for ctx.Err() == nil {
		items := w.gather(ctx)
		if len(items) == 0 {
			continue
		}
		w.busy.Lock()
		r := run{c: w.c, w: w}
		r.process(ctx, items)
		r.advance(items)
		w.busy.Unlock()
	}
	w.coroutines.forget(-1)
	if w.beside != nil {
		close(w.beside.calls)
	}
	for it := w.next(); it != nil; it = w.next() {
		it.reply(answer{err: ErrNotReady})
	}
}

// take puts an item where it waits for its turn, as soon as there is room.
func (w *writer) take(ctx context.Context, it *item) error {
	if it.start != nil {
		return w.starts.push(ctx, it)
	}
	select {
	case w.queue <- it:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startShare is which part of the turns starts have while others wait too: what
// has begun is to end before more begins.
const startShare = 4

// next takes what waits; nil without anything.
func (w *writer) next() *item {
	if w.turn++; w.turn%startShare == 0 {
		if it := w.starts.take(); it != nil {
			return it
		}
	}
	select {
	case it := <-w.queue:
		return it
	case it := <-w.mail:
		return it
	default:
		return w.starts.take()
	}
}

// gather waits for something to do and takes whatever else has gathered, at most
// BatchMax items.
func (w *writer) gather(ctx context.Context) []*item {
	var items []*item
	timer := time.NewTimer(w.pause())
	defer timer.Stop()
	w.starts.nudge() // the last batch may have left some
	select {
	case <-ctx.Done():
		return nil
	case it := <-w.queue:
		items = append(items, it)
	case <-w.starts.arrived:
	case it := <-w.mail:
		items = append(items, it)
	case <-w.kick:
	case <-timer.C:
	}
	room := w.c.cfg.BatchMax
	if w.pause() <= time.Millisecond || len(w.asked) > 0 {
		room -= (room + 3) / 4 // what is due does not wait for ever behind what arrives
	}
	items = w.fill(ctx, items, room)
	w.tempo.batch(len(items), time.Now())
	return w.due(items)
}

// fill takes what has gathered, and waits a moment for more when more is coming.
func (w *writer) fill(ctx context.Context, items []*item, room int) []*item {
	var linger <-chan time.Time // nil: not waiting yet
	for size := 0; len(items) < room && size < batchBytes; {
		if it := w.next(); it != nil {
			items, size = append(items, it), size+it.size()
			continue
		}
		if len(items) == 0 || len(items) >= w.tempo.target() {
			break
		}
		if linger == nil {
			linger = time.After(lingerMax)
		}
		select {
		case it := <-w.queue:
			items, size = append(items, it), size+it.size()
		case <-w.starts.arrived:
		case it := <-w.mail:
			items, size = append(items, it), size+it.size()
		case <-linger:
			return items
		case <-ctx.Done():
			return items
		}
	}
	return items
}

// batchBytes ends the gathering of a batch, so that large messages cannot make a
// transaction that takes longer than its time.
const batchBytes = 16 << 20

// idle is how long a writer sleeps when nothing is due.
const idle = time.Second

// pause returns how long it is until the next wake.
func (w *writer) pause() time.Duration {
	next := w.wakes.next()
	if next.IsZero() {
		return idle
	}
	return min(max(next.Sub(w.c.now()), time.Millisecond), idle)
}

// due appends the wakes whose time has come, as far as the batch has room and
// the way to the brokers is known to be whole.
func (w *writer) due(items []*item) []*item {
	room := w.c.cfg.BatchMax - len(items)
	fresh := w.wakes.due(w.c.now(), room)
	began := time.Now()
	for _, e := range fresh {
		e.asked = began
	}
	waiting := slices.Concat(w.asked, fresh)
	w.asked = nil
	for _, e := range waiting {
		at, still := w.wakes.waits(e)
		if !still { // its saga has another time by now, or is gone
			continue
		}
		healthy, ok := w.may(e)
		if room == 0 || !ok {
			w.asked = append(w.asked, e)
			continue
		}
		room--
		items = append(items, &item{bucket: e.bucket, saga: e.saga, due: at, event: saga.Event{
			Kind: saga.Woke, Actor: saga.Actor{Kind: saga.Engine}, Extra: &saga.EventExtra{Healthy: healthy},
		}})
	}
	if len(fresh) > 0 && len(w.asked) > 0 {
		w.c.path.ask()
	}
	return items
}

// may reports whether a due saga may be woken now, and since when its way has
// been whole. A command that the broker has not acknowledged was not sent: its
// time has not begun.
func (w *writer) may(e *wakeEntry) (healthy time.Time, ok bool) {
	b := w.c.bucket(e.bucket)
	if b == nil {
		return time.Time{}, false
	}
	if w.c.cfg.Replies == nil {
		return time.Time{}, true
	}
	if w.c.cfg.Relay.Unsent(e.saga.String()) {
		e.unsent = w.c.now()
		return time.Time{}, false
	}
	since, ok := w.c.path.ready(b, e.asked)
	if e.unsent.After(since) {
		since = e.unsent
	}
	return since, ok
}

// nudge makes the writer look at its wakes.
func (w *writer) nudge() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// settle returns once no batch that began before it is under way.
func (w *writer) settle() {
	w.busy.Lock()
	defer w.busy.Unlock()
}
