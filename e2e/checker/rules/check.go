package rules

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is an invariant that does not hold.
type Finding struct {
	Invariant string `json:"invariant"` // Invariant is its name, such as I4.
	Saga      string `json:"saga"`      // Saga is the saga concerned; empty if it is none.
	Message   string `json:"message"`   // Message says what is wrong.
}

// String returns everything on one line.
func (f Finding) String() string {
	if f.Saga == "" {
		return f.Invariant + ": " + f.Message
	}
	return f.Invariant + ": saga " + f.Saga + ": " + f.Message
}

// Check returns everything that is wrong with a run: by invariant, then by saga; nil
// when all holds. It takes time and memory in proportion to the run.
func Check(r Run) []Finding {
	c := checker{run: &r}
	stories := c.gather()
	c.starts(stories)
	c.letters()
	c.leftovers()
	tales := make(map[string]*tale, len(stories))
	for id, s := range stories {
		tales[id] = c.story(s)
	}
	c.families(stories, tales)
	c.locks(stories, tales)
	c.ends(stories)
	c.happened(stories)
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(len(a.Invariant), len(b.Invariant)), cmp.Compare(a.Invariant, b.Invariant), cmp.Compare(a.Saga, b.Saga), cmp.Compare(a.Message, b.Message))
	})
	return c.found
}

// checker gathers findings.
type checker struct {
	run   *Run
	found []Finding
}

func (c *checker) findf(invariant, saga, format string, args ...any) {
	c.found = append(c.found, Finding{invariant, saga, fmt.Sprintf(format, args...)})
}

// story is everything that tells of one saga.
type story struct {
	id         string
	saga       *Saga // nil: there is no such saga
	mail       bool
	events     []Event
	commands   []Command
	effects    []Effect
	children   []string        // the steps that have begun one, with their visits
	unsendable map[string]bool // commands, as saga/step/direction, that were given up before they were written
}

// gather sorts everything by saga.
func (c *checker) gather() map[string]*story {
	stories := make(map[string]*story, len(c.run.Sagas))
	of := func(id string) *story {
		if stories[id] == nil {
			stories[id] = &story{id: id, unsendable: map[string]bool{}}
		}
		return stories[id]
	}
	for i := range c.run.Sagas {
		of(c.run.Sagas[i].ID).saga = &c.run.Sagas[i]
	}
	for _, e := range c.run.Events {
		of(e.Saga).events = append(of(e.Saga).events, e)
	}
	for _, s := range stories {
		if f := s.family(); f != nil && stories[f.Parent] != nil {
			stories[f.Parent].children = append(stories[f.Parent].children, f.Step)
		}
	}
	for _, m := range c.run.Commands {
		of(m.Saga).commands = append(of(m.Saga).commands, m)
	}
	for _, e := range c.run.Effects {
		of(e.Saga).effects = append(of(e.Saga).effects, e)
	}
	for _, id := range c.run.Mail {
		of(id).mail = true
	}
	for _, l := range c.run.Letters {
		if l.Source.Partition < 0 && len(l.Command) > len(stranger) {
			of(l.Command[:len(stranger)]).unsendable[l.Command] = true
		}
	}
	return stories
}

// stranger has the length of a saga's id.
const stranger = "00000000-0000-0000-0000-000000000000"

// story checks one saga and returns its tale; nil without one.
func (c *checker) story(s *story) *tale {
	if s.saga == nil {
		c.nobody(s)
		return nil
	}
	c.ending(s)
	c.history(s)
	t := c.tell(s)
	if t == nil {
		return nil
	}
	c.status(t)
	c.messages(t)
	c.effects(t)
	return t
}

// nobody: a saga that was never committed leaves nothing behind.
func (c *checker) nobody(s *story) {
	if len(s.events) > 0 {
		c.findf("I7", s.id, "%d events, and no saga", len(s.events))
	}
	if len(s.commands) > 0 {
		c.findf("I4", s.id, "%d commands were published for it, and there is no such saga", len(s.commands))
	}
	for _, e := range s.effects {
		c.findf("I4", s.id, "%s/%s was done by %s, and there is no such saga", e.Step, e.Direction, e.Participant)
	}
}
