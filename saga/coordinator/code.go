package coordinator

import (
	"container/list"
	"errors"
	"fmt"
	"sync"

	"github.com/unwindhq/unwind/saga"
)

// coroutines keeps the functions of a writer's sagas between their batches, those
// used last. One is taken out for a batch and comes back only after its commit.
type coroutines struct {
	mu   sync.Mutex
	max  int
	used *list.List // of *resting, the last used first
	at   map[saga.ID]*list.Element

	spare []*saga.Run // of sagas that have completed
}

// maxSpare bounds what is kept for sagas to come: as many may begin in a batch as end.
const maxSpare = 256

// resting is a function that waits for its saga's next event.
type resting struct {
	id     saga.ID
	bucket int
	run    *saga.Run
}

func newCoroutines(limit int) *coroutines {
	return &coroutines{max: limit, used: list.New(), at: map[saga.ID]*list.Element{}}
}

// take returns a saga's function, or an empty run.
func (c *coroutines) take(id saga.ID) *saga.Run {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[id]; e != nil {
		return c.remove(e).run
	}
	last := len(c.spare) - 1
	if last < 0 {
		return &saga.Run{}
	}
	run := c.spare[last]
	c.spare = c.spare[:last]
	return run
}

// leave keeps the run of a saga that has completed for another one.
func (c *coroutines) leave(run *saga.Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spare) >= min(c.max, maxSpare) {
		run.Stop()
		return
	}
	run.Reuse()
	c.spare = append(c.spare, run)
}

// have reports whether each of the sagas that is code has its function here. One that
// has not needs its history, for which a batch that is decided from memory begins
// anew, with the side effects of those before it.
func (c *coroutines) have(rows map[saga.ID]Row) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, row := range rows {
		if row.State.Extras().Plan != nil && c.at[id] == nil {
			return false
		}
	}
	return true
}

func (c *coroutines) remove(e *list.Element) *resting {
	r, _ := c.used.Remove(e).(*resting)
	delete(c.at, r.id)
	return r
}

// put keeps a function, and stops the one that was not used for longest if there
// is no room.
func (c *coroutines) put(r *resting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[r.id]; e != nil {
		c.remove(e).run.Stop()
	}
	c.at[r.id] = c.used.PushFront(r)
	for c.used.Len() > c.max {
		c.remove(c.used.Back()).run.Stop()
	}
}

// forget stops the functions of a bucket, or all with -1.
func (c *coroutines) forget(bucket int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bucket < 0 {
		for _, run := range c.spare {
			run.Stop()
		}
		c.spare = nil
	}
	var next *list.Element
	for e := c.used.Front(); e != nil; e = next {
		next = e.Next()
		if r, _ := e.Value.(*resting); bucket < 0 || r.bucket == bucket {
			c.remove(e).run.Stop()
		}
	}
}

// hasCode reports whether the batch may let users' functions run.
func (f *fold) hasCode() bool {
	for _, id := range f.ids {
		row, _ := f.stored(id)
		for _, it := range f.sagas[id].items {
			if d, _ := f.loaded(versionOf(&row, it)); isCode(d) {
				return true
			}
		}
	}
	return false
}

func isCode(d saga.Decider) bool {
	_, is := d.(*saga.Code)
	return is
}

// decideOn runs Decide. A saga that is code gets its function, which is watched.
func (f *fold) decideOn(s *folding, history saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	code, ok := s.decider.(*saga.Code)
	switch {
	case !ok:
		return s.decider.Decide(s.row.State, history, e)
	case f.r.overdue[s.turn]:
		return f.decideWithout(s, code, history, e)
	case s.run == nil && f.r.foreign:
		s.run = &saga.Run{}
	case s.run == nil:
		s.run = f.r.w.coroutines.take(s.id)
	}
	run := s.run // once nobody waits any more, s is not ours
	f.watchdog.begin(s)
	state, effects, err := decideIn(code, run, s.row.State, history, e)
	f.watchdog.end(run)
	if err != nil && !errors.Is(err, saga.ErrNeedHistory) && !saga.IsRefusal(err) {
		s.run.Stop()
	}
	return state, effects, err
}

// decideWithout decides about a saga whose function has run for too long: it turns back
// without it, too.
func (f *fold) decideWithout(s *folding, code *saga.Code, history saga.History, e saga.Event) (saga.State, []saga.Effect, error) {
	if s.run != nil {
		s.run.Stop()
	}
	s.run = saga.Deaf()
	state, effects, err := decideIn(code, s.run, s.row.State, history, e)
	if err == nil || errors.Is(err, saga.ErrNeedHistory) {
		return state, effects, err
	}
	s.run = &saga.Run{}
	return s.row.State, nil, fmt.Errorf("the code has run for %s without waiting for anything: it must be quick; do long work in a step", f.r.c.cfg.CodeTimeout)
}

// decideIn is DecideIn, of which a panic is an error.
func decideIn(code *saga.Code, run *saga.Run, s saga.State, history saga.History, e saga.Event) (state saga.State, effects []saga.Effect, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return code.DecideIn(run, s, history, e)
}

// rest keeps the functions of a committed batch that wait for their next events.
func (r *run) rest(s *folding) {
	state := &s.row.State
	if s.run == nil {
		return
	}
	switch {
	case r.foreign || r.c.bucket(s.bucket) == nil:
		s.run.Stop()
	case state.Status == saga.Running && s.run.Ready(state):
		s.run.Committed()
		r.w.coroutines.put(&resting{id: s.id, bucket: s.bucket, run: s.run})
	case state.Status == saga.Completed:
		r.w.coroutines.leave(s.run)
	default:
		s.run.Stop()
	}
	s.run = nil
	r.warn(s)
}

// warn says once that a saga's history has become long.
func (r *run) warn(s *folding) {
	state := &s.row.State
	if before := state.Seq - int64(len(s.events)); before < longHistory && state.Seq >= longHistory {
		r.c.cfg.Log.Warn("the saga's history is long; let its code end, or continue as new",
			"saga", s.id, "definition", state.Definition, "events", state.Seq, "most", saga.MaxCodeEvents)
	}
}

// longHistory is how many events a saga that is code has when the log says so.
const longHistory = 10_000

// drop stops the functions of a batch that was not committed.
func (f *fold) drop() {
	for _, s := range f.sagas {
		if s.run != nil {
			s.run.Stop()
			s.run = nil
		}
	}
}
