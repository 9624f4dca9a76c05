package code

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// routine is a function at work: its branches take turns in the order in which
// what they wait for has come. It implements saga.Coroutine.
type routine struct {
	id     saga.ID
	root   *cell // ends with the function
	live   []*branch
	spare  []*strand
	ready  []*branch // those that can go on, in turn
	at     *branch   // whose turn it is
	asks   []saga.Ask
	asked  int64          // steps asked for so far
	open   []*cell        // those that are not over, in the order of their numbers
	visits map[string]int // how often each step's name was asked for

	now      time.Time
	seq      int64 // of the event that it was told of last
	replay   bool
	recorded []saga.Asked // values to come, in a replay
	versions map[string]int
	draws    uint64
	json     []byte // found to be JSON last; it is never changed
	fault    error
	stopped  bool
	back     bool // the saga turns back
	life     life // what other packages see
	late     int  // how much was asked for and waited for since

	queries map[string]func() any // what others may look at; nil: nothing
	updates map[string]*update    // what others may change; nil: nothing
	barred  error                 // why nothing can be asked for now; nil: it can
}

// branch is one line of the function: the function itself, or what Go began.
type branch struct {
	strand *strand
	c      Context
	end    cell
	over   bool    // it has come to its end
	done   []int64 // the steps that were over last, as far as they leave something to undo
	until  []*cell // the conditions that it waits for
	apart  *group  // of steps that are undone together; nil: they are not
}

// cell is what a branch may wait for.
type cell struct {
	over    bool
	cut     bool // it is over because the saga turns back
	waiters []*branch
	holds   func() bool // of a condition: whether it is over

	ask    int64 // a step's number; 0 of a branch
	undone bool  // it has a compensation
	after  []int64
	answer saga.Answer

	value any // a branch's
	err   error
	done  []int64
}

// newRoutine makes a routine of fn, out of what the one before has left, if there is one.
func newRoutine(id saga.ID, before saga.Coroutine, fn func(c *Context) (any, error)) *routine {
	r := &routine{id: id, visits: map[string]int{}}
	if old, is := before.(*routine); is {
		old.halt()
		r.spare, old.spare = old.spare, nil
	} else if before != nil {
		before.Stop()
	}
	r.root = r.branch(nil, fn)
	return r
}

// branch makes a branch that begins when its turn comes.
func (r *routine) branch(done []int64, fn func(c *Context) (any, error)) *cell {
	b := &branch{strand: r.strand(), done: done}
	b.c = Context{r: r, b: b}
	b.strand.run = func() {
		defer r.ended(b)
		b.end.value, b.end.err = fn(&b.c)
	}
	r.live, r.ready = append(r.live, b), append(r.ready, b)
	return &b.end
}

// ended is deferred by a branch. A panic ends there; that of a fault or of Stop is
// ours.
func (r *routine) ended(b *branch) {
	b.over = true
	switch p := recover(); p {
	case nil:
	case errStopped:
		if !r.back || r.stopped || r.fault != nil {
			return
		}
		b.end.err = ErrCanceled // a wait that could not say so
	default:
		if r.fault == nil {
			r.fault = &PanicError{Value: p, Stack: stack()}
		}
		return
	}
	b.end.done = b.done
	r.resolve(&b.end)
}

// errStopped unwinds the branches of a routine that is stopped.
var errStopped = &ended{"the saga's function has ended or was stopped: its Context must not be used any more"}

// raise ends the turn with a fault: the saga cannot go on with this code.
func (r *routine) raise(err error) {
	r.fault = err
	panic(errStopped)
}

// resolve marks a cell as over and lets go on who waits for it.
func (r *routine) resolve(c *cell) {
	c.over = true
	for _, b := range c.waiters {
		if !slices.Contains(r.ready, b) {
			r.ready = append(r.ready, b)
		}
	}
	c.waiters = nil
}

// close returns what is asked for under that number, and ends its being open; nil if it
// is not.
func (r *routine) close(ask int64) *cell {
	at, found := slices.BinarySearchFunc(r.open, ask, func(c *cell, ask int64) int { return cmp.Compare(c.ask, ask) })
	if !found {
		return nil
	}
	c := r.open[at]
	r.open = slices.Delete(r.open, at, at+1)
	return c
}

// Resume implements saga.Coroutine.
func (r *routine) Resume(news saga.News) saga.Turn {
	if r.seq == 0 {
		r.life.deadline = news.Deadline
	}
	r.now, r.seq, r.replay = news.At, news.Seq, news.Replay
	if r.asks = r.asks[:0]; !news.Forget {
		r.asks = nil
	}
	r.recorded = append(r.recorded, values(news.Recorded)...)
	for i := range news.Answers {
		a := &news.Answers[i]
		if c := r.close(a.Ask); c != nil {
			c.answer = *a
			r.resolve(c)
		}
	}
	turn := saga.Turn{}
	if news.Update != nil {
		if turn.Update, turn.Declined = r.take(news.Update); turn.Declined != nil {
			return turn
		}
	}
	if news.Back {
		r.turnBack()
	}
	for r.fault == nil && !r.root.over && (len(r.ready) > 0 || r.conditions()) {
		b := r.ready[0]
		r.ready = slices.Delete(r.ready, 0, 1)
		if b.over {
			continue // something else that it has waited for has come
		}
		r.at = b
		if b.strand.next(); b.over {
			r.leave(b)
		}
	}
	r.at = nil
	return r.turn(turn)
}

// turn completes what the function has done with what it has asked for.
func (r *routine) turn(turn saga.Turn) saga.Turn {
	turn.Asks, turn.Fault, turn.Ended, turn.Err = r.asks, r.fault, r.root.over, r.root.err
	turn.Output, _ = r.root.value.(json.RawMessage) // nil until it has ended
	if anew, is := errors.AsType[*continued](turn.Err); is {
		turn.Anew, turn.Err = anew.input, nil
	}
	if turn.Ended || turn.Fault != nil || r.back {
		r.halt()
	}
	return turn
}

// values are the records that side effects and versions have left.
func values(recorded []saga.Asked) []saga.Asked {
	var list []saga.Asked
	for _, a := range recorded {
		if strings.HasPrefix(a.What, "side:") || strings.HasPrefix(a.What, "version:") {
			list = append(list, a)
		}
	}
	return list
}

// wait lets other branches run until one of the cells is over.
func (c *Context) wait(cells ...*cell) {
	for len(cells) > 0 && !slices.ContainsFunc(cells, (*cell).isOver) {
		c.mayAsk()
		for _, one := range cells {
			if !slices.Contains(one.waiters, c.b) {
				one.waiters = append(one.waiters, c.b)
			}
			if one.holds != nil {
				c.b.until = append(c.b.until, one)
			}
		}
		if !c.b.strand.yield(struct{}{}) {
			panic(errStopped)
		}
		c.b.until = nil
	}
}

// asked notes a request and returns its future.
func asked[T any](c *Context, ask *saga.Ask, decode func(*saga.Answer) (T, error)) Future[T] {
	r := c.r
	c.mayAsk()
	if r.back {
		r.tooLate()
		return Future[T]{cell: &cell{over: true, cut: true}}
	}
	r.asked++
	ask.Visit = r.visits[ask.Step.Name]
	r.visits[ask.Step.Name]++
	r.asks = append(r.asks, *ask)
	cell := &cell{ask: r.asked, undone: ask.Step.Compensation != "" || ask.Step.UndoesChild(), after: ask.After}
	r.open = append(r.open, cell)
	return Future[T]{cell: cell, decode: decode}
}

// after notes that a step was over before whatever the branch does next.
func (b *branch) after(c *cell) {
	if !c.undone || c.answer.Phase != saga.Done || slices.Contains(b.done, c.ask) {
		return
	}
	left := []int64{c.ask}
	for _, ask := range b.done {
		if !slices.Contains(c.after, ask) {
			left = append(left, ask)
		}
	}
	slices.Sort(left)
	b.done = left
}

// join notes that a branch was over before whatever this one does next.
func (b *branch) join(done []int64) {
	all := slices.Concat(b.done, done)
	slices.Sort(all)
	b.done = slices.Compact(all)
}

// record records a value, or takes the recorded one in a replay.
func (c *Context) record(what string, value func() json.RawMessage) json.RawMessage {
	r := c.r
	c.mayAsk()
	ask := saga.Ask{Record: what}
	switch {
	case !r.replay:
		ask.Value = value()
	case len(r.recorded) == 0:
		r.raise(fmt.Errorf("%w: it did not ask for %s then", saga.ErrCodeChanged, what))
	default:
		ask.Value, r.recorded = r.recorded[0].Data, r.recorded[1:]
	}
	r.asks = append(r.asks, ask)
	return ask.Value
}
