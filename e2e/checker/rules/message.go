package rules

import "slices"

// messages: I4, what lies in the topics is what events have sent; I5, in their order.
func (c *checker) messages(t *tale) {
	if !c.run.Topics {
		return
	}
	seen := map[attempt]bool{}
	lanes := map[string]*lane{}
	for i := range t.commands {
		m := &t.commands[i]
		a := attempt{m.Step, m.Direction, m.Attempt}
		sent, ok := t.sent[a]
		switch {
		case !ok && t.moving():
			continue // sent since the history was read
		case !ok:
			c.findf("I4", t.id, "%s is %s, which no event has sent", m.Place, a)
			continue
		}
		c.same(t, m, sent)
		if !seen[a] && !m.Redriven {
			c.ordered(t, lanes, m, sent.place)
		}
		seen[a] = true
	}
	for a, sent := range t.sent {
		if !seen[a] && sent.Participant != Local && !t.gaveUp(a) {
			c.findf("I4", t.id, "%s was sent by an event and is in no topic", a)
		}
	}
}

// gaveUp: the command was one that can never be written.
func (t *tale) gaveUp(a attempt) bool {
	return t.unsendable[t.id+"/"+a.step+"/"+a.direction] || slices.ContainsFunc(t.events, func(e Event) bool {
		return e.Kind == Undeliverable && e.Step == a.step && e.Direction == a.direction
	})
}

// same: what was published is what was committed.
func (c *checker) same(t *tale, m *Command, sent sending) {
	a := sent.attempt()
	switch {
	case m.Participant != sent.Participant || m.Name != sent.Name:
		c.findf("I4", t.id, "%s was sent as %s/%s and published as %s/%s", a, sent.Participant, sent.Name, m.Participant, m.Name)
	case m.Hash != 0 && m.Hash != sent.Hash:
		c.findf("I4", t.id, "%s was published with another payload than it was sent with", a)
	case m.Epoch != sent.epoch:
		c.findf("I12", t.id, "%s was published with epoch %d, and its epoch is %d", a, m.Epoch, sent.epoch)
	}
}

// lane is how far a saga's commands have been read in one topic.
type lane struct {
	partition int32
	place     int
}

// ordered: I5, what is seen for the first time was sent after all that was seen
// before it, and lies in the same partition.
func (c *checker) ordered(t *tale, lanes map[string]*lane, m *Command, place int) {
	l := lanes[m.Place.Topic]
	if l == nil {
		l = &lane{m.Place.Partition, -1}
		lanes[m.Place.Topic] = l
	}
	switch {
	case l.partition != m.Place.Partition:
		c.findf("I5", t.id, "its commands lie in partitions %d and %d of %s", l.partition, m.Place.Partition, m.Place.Topic)
	case place < l.place:
		c.findf("I5", t.id, "%s/%s, attempt %d, at offset %d of %s/%d lies behind a command that was sent after it",
			m.Step, m.Direction, m.Attempt, m.Place.Offset, m.Place.Topic, m.Place.Partition)
	}
	l.place = max(l.place, place)
}
