package coordinator

import (
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// known keeps the states that a writer has committed and will need again soon:
// those of sagas with a command out. Nobody else writes to them, save a verb of
// another node; so a batch of such sagas is decided without asking Postgres, and
// its commit compares what it was decided from with what is stored. It belongs to
// the writer's goroutine.
//
// A state is put in only after its commit. Whatever else happens to a batch
// forgets its sagas.
type known map[saga.ID]Row

// knownMax bounds what one writer keeps. A state is a kilobyte or so: it has no
// document above saga.InlineMax.
const knownMax = 4096

// knownSteps bounds the plan of a saga that is code: from here on it grows.
const knownSteps = 32

// recall says what the batch's sagas are, if all of them are known.
func (k known) recall(ids []saga.ID) (rows map[saga.ID]Row, list []Known, ok bool) {
	rows, list = make(map[saga.ID]Row, len(ids)), make([]Known, 0, len(ids))
	for _, id := range ids {
		row, is := k[id]
		if !is {
			return nil, nil, false
		}
		rows[id] = row
		list = append(list, Known{Saga: id, Seq: row.State.Seq})
	}
	return rows, list, true
}

// forget drops the batch's sagas.
func (k known) forget(f *fold) {
	for _, id := range f.ids {
		delete(k, id)
	}
}

// keep takes the states of a batch that was committed. Of those that are too many
// any are dropped: they are loaded when they are needed.
func (k known) keep(f *fold) {
	for _, s := range f.sagas {
		before := k[s.id]
		switch {
		case len(s.events) == 0 && f.known != nil: // it was compared
		case len(s.events) == 0 || s.lacking || !awaits(&s.row.State) || !small(&s.row.State):
			delete(k, s.id)
		default:
			k[s.id] = Row{Namespace: s.row.Namespace, State: owned(&before.State, s.row.State)}
		}
	}
	for id := range k {
		if len(k) <= knownMax {
			return
		}
		delete(k, id)
	}
}

// awaits reports whether a saga has a command out.
func awaits(s *saga.State) bool {
	return !s.Status.Ended() && slices.ContainsFunc(s.Steps, func(st saga.StepState) bool {
		return st.Phase == saga.Doing || st.Phase == saga.Undoing
	})
}

// small reports whether a state has nothing that may grow, nor what it may share
// with a message beside the steps' outputs.
func small(s *saga.State) bool {
	x := s.Extras()
	return len(x.Spreads)+len(x.Signals) == 0 && (x.Plan == nil || len(x.Plan.Steps) <= knownSteps) &&
		!slices.ContainsFunc(s.Steps, func(st saga.StepState) bool { return st.Extra != nil })
}

// owned returns a state that holds no document of the message it came with, which
// may be a small part of a large buffer. What was the state's before is its own.
func owned(before *saga.State, s saga.State) saga.State {
	if !same(before.Input.Data, s.Input.Data) {
		s.Input.Data = slices.Clone(s.Input.Data)
	}
	shared := true // somebody may be reading the steps by now
	for i := range s.Steps {
		out := s.Steps[i].Output
		if i < len(before.Steps) && same(before.Steps[i].Output, out) || len(out) == 0 {
			continue
		}
		if shared {
			s.Steps, shared = slices.Clone(s.Steps), false
		}
		s.Steps[i].Output = slices.Clone(out)
	}
	return s
}

// same tells whether two documents are the same bytes in memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// guessFor is how old the database's clock may be for an estimate of it to be
// made, and guessSlack what the clock's answers may differ from each other.
const (
	guessFor   = 10 * time.Second
	guessSlack = 100 * time.Millisecond
)

// guess estimates the database's clock for a batch that does not ask for it; zero
// when it was not seen for a while.
func (c *Coordinator) guess() time.Time {
	if time.Since(time.Unix(0, c.ticked.Load())) > guessFor {
		return time.Time{}
	}
	return c.now().UTC().Truncate(time.Microsecond)
}

// tick notes the database's clock. An answer has taken a moment to arrive, so
// that what it says is late: the largest difference of late is nearest to the
// truth.
func (c *Coordinator) tick(database time.Time) {
	fresh, old := int64(time.Until(database)), c.clock.Load()
	if gap := old - fresh; c.ticked.Swap(time.Now().UnixNano()) != 0 && gap > 0 && gap < int64(guessSlack) {
		fresh = old - gap/64
	}
	c.clock.Store(fresh)
}
