package sagatest

import (
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// store is the simulated database: what is in it is committed.
type store struct {
	rows     map[saga.ID]*row
	order    []saga.ID
	deciders map[saga.ID]Saga
	offset   int // the replies read so far, as it was last written
	nextRow  int
	open     int // the sagas that have not ended
	mail     []letter
	locks    []lockRow
}

// row is one saga with its history and its unsent commands.
type row struct {
	state   []byte
	ended   bool
	history saga.History
	outbox  []outgoing
	ends    []saga.Announce // what was committed to be told of its end
	watched []string        // the steps that an event is for
}

// outgoing is a row of the outbox.
type outgoing struct {
	n       int
	command saga.Command
}

func newStore() *store {
	return &store{rows: map[saga.ID]*row{}, deciders: map[saga.ID]Saga{}}
}

// change is what a transaction does to one saga.
type change struct {
	id      saga.ID
	decider Saga
	before  saga.State
	state   saga.State
	stored  saga.History // the saga's whole history as the transaction sees it
	events  int          // how many of stored are new
	sends   []saga.Command
	heard   map[effectKey]time.Time // heartbeats, of any of its steps
	ends    []saga.Announce
	tells   []saga.Tell
	folded  []int // the messages that it has taken
	acquire []string
	release []string
	granted []saga.ID // who got a lock by it
	watched []string
	run     *saga.Run // its function, if it is code
	next    []*change // the next run of its chain
	foreign bool      // whoever decides does not own the saga
}

// load begins a change of a saga.
func (s *store) load(id saga.ID) *change {
	c := &change{id: id, decider: s.deciders[id], before: saga.State{ID: id}, heard: map[effectKey]time.Time{}}
	if r := s.rows[id]; r != nil {
		state, err := saga.DecodeState(id, r.state)
		if err != nil {
			panic(fmt.Sprintf("the store cannot read its own state: %s", err))
		}
		c.before, c.stored, c.watched = state, r.history, r.watched
	}
	c.state = c.before
	return c
}

// commit applies a change. The history is copied by append only where it grows.
func (s *store) commit(c *change) []outgoing {
	s.post(c)
	if c.events == 0 {
		return nil
	}
	r := s.rows[c.id]
	if r == nil {
		r = &row{}
		s.rows[c.id] = r
		s.order = append(s.order, c.id)
		s.open++
	}
	if ended := c.state.Status.Ended(); ended != r.ended {
		if s.open++; ended {
			s.open -= 2
		}
	}
	r.state, r.ended = saga.AppendState(nil, &c.state), c.state.Status.Ended()
	r.history, r.watched = c.stored, c.watched
	r.ends = append(r.ends, c.ends...)
	fresh := make([]outgoing, 0, len(c.sends))
	for _, command := range c.sends {
		s.nextRow++
		fresh = append(fresh, outgoing{n: s.nextRow, command: command})
	}
	r.outbox = append(r.outbox, fresh...)
	return fresh
}

// unsent reports whether a command of the saga has not left yet.
func (s *store) unsent(id saga.ID) bool {
	r := s.rows[id]
	return r != nil && len(r.outbox) > 0
}

// state reads a saga.
func (s *store) state(id saga.ID) saga.State { return s.load(id).state }
