package rules

import (
	"slices"
	"time"
)

// OnEnd is the event that goes out when a saga ends.
type OnEnd struct {
	Topic  string // Topic is where it goes.
	Type   string // Type is its type; empty: io.unwindhq.saga. and the status.
	When   []int  // When are the statuses at which it goes out; empty: all ends.
	Mapped bool   // Mapped: what its value is only the engine knows; else it is a Summary.
}

// Told is a record that tells that a saga has ended.
type Told struct {
	Place                       Place
	Key, ID, Type, Source       string // Key is the record's, the others are the event's.
	Subject                     string
	At                          time.Time // At is the event's time.
	Saga, Namespace, Definition string
	Version, Status             string
	Record                      Digest   // Record is that of all of it.
	Summary                     *Summary // Summary is what the value says, if it is an object.
	Fault                       string   // Fault says why the value could not be made.
}

// Summary is the value of the event of an end, unless its definition says another.
type Summary struct {
	Saga       string `json:"saga"`       // Saga is its id.
	Definition string `json:"definition"` // Definition is the name of its definition.
	Key        string `json:"key"`        // Key is its business key; empty without one.
	Status     string `json:"status"`     // Status is what it has come to.
}

// goesOut: the event tells of this end.
func (o *OnEnd) goesOut(status int) bool {
	return len(o.When) == 0 || slices.Contains(o.When, status)
}

// ends: I4, each end is told that its definition lets be told, and nothing else is.
func (c *checker) ends(stories map[string]*story) {
	if !c.run.Topics {
		return
	}
	all := map[string][]*Told{}
	for i := range c.run.Told {
		all[c.run.Told[i].Saga] = append(all[c.run.Told[i].Saga], &c.run.Told[i])
	}
	for id, list := range all {
		if s := stories[id]; s == nil || s.saga == nil {
			c.findf("I4", id, "%s tells that it is %s, and there is no such saga", list[0].Place, list[0].Status)
		}
	}
	for id, s := range stories {
		if s.saga == nil {
			continue
		}
		if def, ok := c.run.Definitions[s.saga.Pin]; ok {
			c.toldOf(s, &def, all[id])
		}
	}
}

// toldOf holds what was told of a saga against what it has come to. That a chain of code
// goes on, and has not ended with one of its sagas, only the engine knows.
func (c *checker) toldOf(s *story, def *Definition, list []*Told) {
	first := map[string]*Told{}
	for _, x := range list {
		switch same := first[x.ID]; {
		case def.OnEnd == nil:
			c.findf("I4", s.id, "%s tells of its end, which its definition does not ask for", x.Place)
			continue
		case same == nil:
			first[x.ID] = x
			c.toldWell(s, def.OnEnd, x)
		case same.Record != x.Record:
			c.findf("I4", s.id, "%s repeats %s and differs from %s", x.Place, x.ID, same.Place)
		}
	}
	status := statusName(s.saga.Status)
	if s.saga.Status >= Completed && def.OnEnd != nil && !def.Code && def.OnEnd.goesOut(s.saga.Status) && first[s.id+"/"+status] == nil {
		c.findf("I4", s.id, "it is %s, and no record of %s says so", status, def.OnEnd.Topic)
	}
}

// toldWell: the record says of an end what is so.
func (c *checker) toldWell(s *story, on *OnEnd, x *Told) {
	status := slices.IndexFunc([]int{Completed, Compensated, Abandoned}, func(n int) bool { return statusName(n) == x.Status }) + Completed
	kind := on.Type
	if kind == "" {
		kind = "io.unwindhq.saga." + x.Status
	}
	if !c.hasBeen(s, x) {
		c.findf("I4", s.id, "%s tells that it is %s, and it is %s", x.Place, x.Status, statusName(s.saga.Status))
	}
	for _, part := range []struct {
		what, is string
		good     bool
	}{
		{"topic", x.Place.Topic, x.Place.Topic == on.Topic},
		{"key", x.Key, x.Key == s.id},
		{"id", x.ID, x.ID == s.id+"/"+x.Status},
		{"status", x.Status, status >= Completed && on.goesOut(status)},
		{"type", x.Type, x.Type == kind},
		{"source", x.Source, x.Source == "/unwind/"+s.saga.Pin.Namespace},
		{"subject", x.Subject, x.Subject != ""},
		{"definition", x.Definition + " " + x.Version + " of " + x.Namespace, Pin{x.Namespace, x.Definition, x.Version} == s.saga.Pin},
		{"value", "another", on.Mapped || x.sums(s)},
		{"fault", x.Fault, x.Fault == ""},
	} {
		if !part.good {
			c.findf("I4", s.id, "%s tells of its end with a wrong %s: %q", x.Place, part.what, part.is)
		}
	}
}

// sums: the value is the summary of the saga.
func (x *Told) sums(s *story) bool {
	key := x.Subject
	if key == s.id {
		key = ""
	}
	return x.Summary != nil && *x.Summary == Summary{s.id, s.saga.Pin.Name, key, x.Status}
}

// hasBeen: the saga has come to what is told, or had, before its parent turned it back,
// or has come to it since its history was read.
func (c *checker) hasBeen(s *story, x *Told) bool {
	switch {
	case x.Status == statusName(s.saga.Status):
		return true
	case s.saga.Status < Completed && len(s.events) > 0 && x.At.After(s.events[len(s.events)-1].At) && x.At.After(c.newest()):
		return true
	}
	return x.Status == statusName(Completed) && slices.ContainsFunc(s.events, func(e Event) bool { return e.Kind == Reversed })
}

// newest is the time of the last event of the run.
func (c *checker) newest() (at time.Time) {
	for i := range c.run.Events {
		at = later(at, c.run.Events[i].At)
	}
	return at
}
