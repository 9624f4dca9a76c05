package saga

import (
	"fmt"
	"slices"
	"strings"
)

// Way is one direction of one participant: what a breaker opens and closes.
// Doing and undoing fail for different reasons, so each is a way of its own.
type Way struct {
	Participant string    // Participant is who is asked.
	Direction   Direction // Direction is do or undo.
}

// String returns participant/direction, such as payments/do.
func (w Way) String() string { return w.Participant + "/" + w.Direction.String() }

// ParseWay is the inverse of Way.String.
func ParseWay(text string) (Way, error) {
	participant, direction, ok := strings.Cut(text, "/")
	d, err := ParseDirection(direction)
	if !ok || participant == "" || err != nil {
		return Way{}, fmt.Errorf("way %.120q: write it like payments/do", text)
	}
	return Way{participant, d}, nil
}

// Pending is a command that a saga waits for: it is out, or it is held.
type Pending struct {
	Step    StepRef // Step is the step.
	Way     Way     // Way is whom the command goes to.
	Attempt int     // Attempt is that of the last command sent in this direction; 0 before the first.
	Held    bool    // Held: the next attempt may not be sent yet. Else the last one is out.
}

// Pending implements Decider. What a paused saga holds back is not listed: no
// gate can let it go.
func (m *Machine) Pending(s *State) []Pending {
	return pending(s, func(i int) (*Step, StepRef) {
		step, _ := s.Place(i)
		return &m.def.Steps[step], s.ref(i, &m.def.Steps[step])
	})
}

// pending lists what Pending does, with the way to a step and its name.
func pending(s *State, stepOf func(i int) (*Step, StepRef)) []Pending {
	var list []Pending
	for i := range s.Steps {
		st := &s.Steps[i]
		switch st.Phase {
		case Doing, Undoing, Held, UndoHeld:
			held := st.Phase == Held || st.Phase == UndoHeld
			if s.Status.Ended() || held && !s.Paused.IsZero() {
				continue
			}
			step, ref := stepOf(i)
			direction := Do
			if st.Phase.Back() {
				direction = Undo
			}
			list = append(list, Pending{
				Step: ref, Way: Way{step.Participant, direction},
				Attempt: st.Attempt, Held: held,
			})
		}
	}
	return list
}

// holds reports whether a step's command on this way may not be sent now: because
// whoever decides does not own the saga, or because its gate said no.
func (d *decision) holds(step StepRef, w Way) bool {
	x := d.e.Extra
	return d.e.Hold || x != nil && slices.Contains(x.Held, w) && !slices.Contains(x.Passed, step)
}
