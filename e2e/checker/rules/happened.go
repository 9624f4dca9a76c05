package rules

import (
	"fmt"
	"strings"
	"time"
)

// StartOn says that the records of a topic start sagas.
type StartOn struct {
	Topic string    // Topic is the one.
	Since time.Time // Since is when the definition was applied: what was written before starts none.
	Some  bool      // Some: which of them do, and with what key, only the engine knows.
}

// Happened is a record of a topic that definitions listen to.
type Happened struct {
	Place Place
	At    time.Time // At is the record's time.
	Value uint64    // Value is the 64-bit FNV-1a of its value.
}

// where names the record as what it has done does: its place and time.
func (h *Happened) where() string {
	return fmt.Sprintf("%s/%d/%d/%d", h.Place.Topic, h.Place.Partition, h.Place.Offset, h.At.UnixMilli())
}

// listener is a definition whose sagas are started by records, whatever its version.
type listener struct{ namespace, name string }

// happened: I11, each record starts one saga of each definition that listens to it;
// I12, what an event has started or told was written, and is told once.
func (c *checker) happened(stories map[string]*story) {
	if !c.run.Topics {
		return
	}
	seen, read := map[string]*Happened{}, map[string]bool{} // by where they are, and their topics
	for i := range c.run.Happened {
		h := &c.run.Happened[i]
		seen[h.where()], read[h.Place.Topic] = h, true
	}
	begun := map[listener]map[string]bool{}
	for _, k := range c.run.Keys {
		name, place, isEvent := cutEvent(k.Key, read)
		if !isEvent {
			continue
		}
		if seen[place] == nil {
			c.findf("I12", k.Saga, "it was started by the record %s, which is not there", place)
		}
		l := listener{k.Namespace, name}
		if begun[l] == nil {
			begun[l] = map[string]bool{}
		}
		begun[l][place] = true
		if s := stories[k.Saga]; s != nil && s.saga != nil && s.saga.Pin.Name != name {
			c.findf("I11", k.Saga, "it is a %s, and its key %q is that of a %s", s.saga.Pin.Name, k.Key, name)
		}
	}
	c.begunBy(begun)
	for _, s := range stories {
		c.toldBy(s, seen, read)
	}
}

// begunBy: no record has gone unheard.
func (c *checker) begunBy(begun map[listener]map[string]bool) {
	refused := map[Place]bool{}
	for _, l := range c.run.Letters {
		refused[l.Source] = true
	}
	for l, on := range c.listeners() {
		for i := range c.run.Happened {
			h := &c.run.Happened[i]
			if on.Some || len("event/"+l.name+"/"+h.where()) > maxKey || h.Place.Topic != on.Topic || h.At.Before(on.Since) || refused[h.Place] || begun[l][h.where()] {
				continue
			}
			c.findf("I11", "", "the record %s has started no %s", h.Place, l.name)
		}
	}
}

// listeners are the definitions that listen: since their first version, and if their
// versions differ only the engine knows to what.
func (c *checker) listeners() map[listener]StartOn {
	all := map[listener]StartOn{}
	for pin, def := range c.run.Definitions {
		l := listener{pin.Namespace, pin.Name}
		on := def.StartOn
		if on == nil {
			on = &StartOn{}
		}
		was, twice := all[l]
		if !twice {
			was = *on
		}
		if on.Since.Before(was.Since) {
			was.Since = on.Since
		}
		was.Some = was.Some || on.Some || on.Topic != was.Topic
		all[l] = was
	}
	for l, on := range all {
		if on.Topic == "" {
			delete(all, l)
		}
	}
	return all
}

// toldBy: a saga's step was told of an event once, by a record that is there and says
// what it was told.
func (c *checker) toldBy(s *story, seen map[string]*Happened, read map[string]bool) {
	told := map[string]bool{}
	for i := range s.events {
		e := &s.events[i]
		_, place, isEvent := cutEvent(e.RequestID, read)
		if e.Kind != Signalled || !strings.HasPrefix(e.Signal, "@") || !isEvent {
			continue
		}
		h := seen[place]
		switch {
		case h == nil:
			c.findf("I12", s.id, "event %d is told by the record %s, which is not there", e.Seq, place)
		case told[e.RequestID]:
			c.findf("I12", s.id, "event %d is told by the record %s a second time", e.Seq, place)
		case e.Value != 0 && e.Value != h.Value:
			c.findf("I12", s.id, "event %d differs from the record %s", e.Seq, place)
		}
		told[e.RequestID] = true
	}
}

// maxKey is the longest key of a start; a longer one is hashed.
const maxKey = 256

// cutEvent takes apart the key of a start, or the request of a signal, that a record of
// one of these topics has made: event/, the name of the definition or step, and where the
// record is. What is hashed says nothing.
func cutEvent(text string, topics map[string]bool) (name, where string, ok bool) {
	kind, rest, _ := strings.Cut(text, "/")
	name, where, _ = strings.Cut(rest, "/")
	topic, _, _ := strings.Cut(where, "/")
	return name, where, kind == "event" && topics[topic]
}
