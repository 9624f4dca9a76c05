package sagatest

import (
	"github.com/unwindhq/unwind/saga"
)

// Pair names a phase of a step and an event that finds it there, or a status of a
// saga and an event about all of it: what a run must have decided at least once.
func Pair(where, event string) string { return "pair " + where + " × " + event }

// cover counts the pairs that an event meets.
func (w *world) cover(s saga.State, def saga.Definition, e saga.Event) {
	if s.Status == 0 {
		return
	}
	about := false
	for i := range s.Steps {
		st := &s.Steps[i]
		number, item := s.Place(i)
		named := e.Step.Item == item
		if plan := s.Extras().Plan; plan != nil {
			named = e.Step == plan.Steps[i].Ref()
		} else {
			named = named && e.Step.Name == def.Steps[number].Name
		}
		switch {
		case e.Kind == saga.Woke && !st.Due.IsZero() && !st.Due.After(e.At):
			w.hit(Pair(st.Phase.String(), "woke"))
			about = true
		case named:
			w.hit(Pair(st.Phase.String(), eventWord(e)))
			about = true
		}
	}
	if !about {
		w.hit(Pair(s.Status.String(), eventWord(e)))
	}
}

func eventWord(e saga.Event) string {
	if e.Kind == saga.Replied {
		return e.Direction.String() + " " + e.Outcome.String()
	}
	return string(e.Kind)
}
