package stage

import "github.com/unwindhq/unwind/saga"

// child is another saga that carries out a step. The cast plays it as it plays a
// participant: it is asked with a command that has no participant, and the child's
// definition as its name.
type child struct {
	step saga.StepRef
	back bool // it was told to turn back
}

// child plays what the saga tells its child: to begin, or to turn back.
func (s *Stage) child(tell saga.Tell) {
	of := s.childs[tell.To]
	switch family := tell.Event.Extras().Family; {
	case tell.Event.Kind == saga.Started && family != nil:
		of = &child{step: family.Step}
		s.childs[tell.To] = of
	case tell.Event.Kind == saga.Reversed && of != nil:
		of.back = true
	default:
		return // to a parent that is not on this stage
	}
	c := saga.Command{
		ID: saga.CommandID{Saga: s.state.ID, Step: of.step, Direction: saga.Do}, Name: tell.Event.Extras().Definition, Attempt: of.step.Visit + 1,
		Payload: tell.Event.Payload,
	}
	if of.back {
		c.ID.Direction = saga.Undo
	}
	s.sent = append(s.sent, Sent{Command: c, At: s.Elapsed(), Seq: s.state.Seq})
	for _, a := range s.cfg.Cast.Answer(c) {
		s.push(s.now.Add(a.After), func() error { return s.childEnds(tell.To, c.ID.Direction, a) })
	}
}

// childEnds tells the saga how its child has ended. One that was told to turn back
// ends by that alone: compensated, or, where the cast fails, terminated.
func (s *Stage) childEnds(id saga.ID, direction saga.Direction, a Answer) error {
	of := s.childs[id]
	if a.Outcome == saga.Ongoing || of.back != (direction == saga.Undo) {
		return nil
	}
	e := saga.Event{
		Kind: saga.ChildEnded, Actor: saga.Actor{Kind: saga.ByChild, Name: id.String()}, Step: of.step, Outcome: a.Outcome, Reason: a.Reason,
		Payload: saga.JSON(a.Output),
	}
	if of.back && a.Outcome == saga.Succeeded {
		e.Outcome, e.Payload = saga.Rejected, saga.Payload{}
	}
	if e.Outcome == saga.Succeeded && e.Payload.Data == nil {
		e.Payload = saga.JSON([]byte("null"))
	}
	return s.Submit(e)
}
