package stage

import (
	"time"

	"github.com/unwindhq/unwind/saga"
)

// A saga about which something could not be decided takes no messages until somebody has
// looked at it, and no wake but that of its deadline: they are kept, as a coordinator keeps
// them, and told when a verb has freed it.

// keep keeps an event that the saga does not take now, and reports whether it did.
func (s *Stage) keep(e *saga.Event) bool {
	if !s.state.Blocked() || e.Actor.Kind == saga.Operator || e.Kind == saga.Woke || e.Kind == saga.Poisoned {
		return false
	}
	s.kept = append(s.kept, *e)
	return true
}

// free tells what was kept, if the saga takes it now.
func (s *Stage) free() {
	if s.state.Blocked() {
		return
	}
	for _, e := range s.kept {
		s.push(s.now, func() error { return s.Submit(e) })
	}
	s.kept = nil
}

// wakeAt is when the saga wakes by itself; zero: it does not.
func (s *Stage) wakeAt() time.Time {
	if s.state.Blocked() {
		return s.state.Deadline
	}
	return s.state.WakeAt()
}

// poisoned treats what cannot be decided as a coordinator does: a verb and a start are
// refused; anything else puts attention on the saga, which is told of it again.
func (s *Stage) poisoned(e saga.Event, cause error) error {
	if e.Actor.Kind == saga.Operator || e.Kind == saga.Started || e.Kind == saga.Poisoned {
		return cause
	}
	if e.Kind != saga.Woke {
		s.kept = append(s.kept, e)
	}
	return s.Submit(saga.Event{Kind: saga.Poisoned, Actor: saga.Actor{Kind: saga.Engine}, Step: e.Step, Reason: saga.Clip(cause.Error())})
}
