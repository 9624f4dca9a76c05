package saga

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// AwaitEvent lets an event of any topic end a step, if it has the step's key. The
// saga is told of it as of a signal, by whoever reads the topic.
type AwaitEvent struct {
	Topic string // Topic is the topic's name.
	// Key yields what such an event must have, a text of at most MaxKey bytes. If it
	// reads the input alone, events count from the saga's start, else from the step's.
	Key Expr
}

// eventMark begins the names of the signals that events are. No user can give a
// signal such a name, so nobody can pass off a signal as an event.
const eventMark = "@"

// EventSignal is the name of the signal that an event is for the step that awaits it.
func EventSignal(step string) string { return eventMark + step }

// Watch says that from now on, or from now on no more, an event with this key is for
// a step of the saga.
type Watch struct {
	Step  string // Step is the step's name.
	Topic string // Topic is the topic's name.
	Key   string // Key is what the event has.
	Over  bool   // Over: no more.
}

func (Watch) effect() {}

// early reports whether events count that come before the step.
func (a *AwaitEvent) early() bool { return len(a.Key.Reads().Steps) == 0 }

// all lists the names of the signals that end step, an event's among them.
func (a *Await) all(step string) []string {
	if a.Event == nil {
		return a.Signals
	}
	return append(slices.Clone(a.Signals), EventSignal(step))
}

// Watches reports whether an event is for step i of s, which awaits one.
func (m *Machine) Watches(s *State, i int) bool {
	if s.Status != Running || i >= len(s.Steps) {
		return false
	}
	step := &m.def.Steps[i]
	switch s.Steps[i].Phase {
	case Awaiting:
		return true
	case Waiting:
		kept := func(k KeptSignal) bool { return k.Name == EventSignal(step.Name) }
		return step.Await.Event.early() && !slices.ContainsFunc(s.Extras().Signals, kept)
	}
	return false
}

// watch notes which events the saga waits for now that it did not before, and which
// it does not any more.
func (d *decision) watch(before *State) error {
	for _, i := range d.m.watches {
		was, is := d.m.Watches(before, i), d.m.Watches(&d.s, i)
		if was == is {
			continue
		}
		step := &d.m.def.Steps[i]
		w := Watch{Step: step.Name, Topic: step.Await.Event.Topic, Over: was}
		if is {
			value, err := step.Await.Event.Key.Eval(d)
			if err == nil {
				err = json.Unmarshal(value, &w.Key)
			}
			if err != nil {
				return fmt.Errorf("step %s: await.match: %w", step.Name, err)
			}
		}
		d.effects = append(d.effects, w)
	}
	return nil
}

// shownSignal is what expressions see of the signal that has ended a step: its name,
// or the topic of the event.
func (d *decision) shownSignal(i int) string {
	name := d.s.Steps[i].Extras().Signal
	if strings.HasPrefix(name, eventMark) {
		return d.step(i).Await.Event.Topic
	}
	return name
}

// awaitEvent checks what is awaited on a topic.
func (c *checker) awaitEvent(a *Await, at string) {
	switch {
	case a.Event == nil:
	case !IsTopic(a.Event.Topic):
		c.fault(at+"await.topic", fmt.Sprintf("%.80q is not the name of a topic", a.Event.Topic), "write one of at most 249 letters, digits, dots, dashes and underscores")
	case a.Event.Key == nil:
		c.fault(at+"await.match", "it does not say which events", "write ${event.value.… == input.…}")
	}
}
