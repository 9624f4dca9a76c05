package rules

// starts: I1, every acknowledged start has its saga; I11, a key is that of one saga.
func (c *checker) starts(stories map[string]*story) {
	begun := map[string]string{} // key to saga
	for _, start := range c.run.Starts {
		if s := stories[start.ID]; s == nil || s.saga == nil {
			c.findf("I1", start.ID, "its start was acknowledged (key %q), and there is no such saga", start.Key)
		}
		if other, twice := begun[start.Key]; twice && other != start.ID && start.Key != "" {
			c.findf("I11", start.ID, "key %q was acknowledged with saga %s as well", start.Key, other)
		}
		begun[start.Key] = start.ID
	}
	c.keys(stories, begun)
}

func (c *checker) keys(stories map[string]*story, begun map[string]string) {
	type name struct{ namespace, key string }
	sagaOf, keyOf, kept := map[name]string{}, map[string]string{}, map[string]bool{}
	for _, k := range c.run.Keys {
		kept[k.Key] = true
		if s := stories[k.Saga]; s == nil || s.saga == nil {
			c.findf("I11", k.Saga, "key %q points to it, and there is no such saga", k.Key)
		}
		if other, twice := sagaOf[name{k.Namespace, k.Key}]; twice {
			c.findf("I11", k.Saga, "key %q has started saga %s as well", k.Key, other)
		}
		if other, twice := keyOf[k.Saga]; twice {
			c.findf("I11", k.Saga, "keys %q and %q have started it", other, k.Key)
		}
		if id, ok := begun[k.Key]; ok && id != k.Saga && k.Key != "" {
			c.findf("I11", k.Saga, "key %q was acknowledged with saga %s", k.Key, id)
		}
		sagaOf[name{k.Namespace, k.Key}], keyOf[k.Saga] = k.Saga, k.Key
	}
	c.taken(stories)
	for key, id := range begun {
		if c.run.Keys != nil && key != "" && !kept[key] {
			c.findf("I11", id, "its key %q is not kept: a repeat would start another saga", key)
		}
	}
}

// taken: I11, a business key is that of a saga that runs, and a saga has one at most.
func (c *checker) taken(stories map[string]*story) {
	seen := map[string]bool{}
	for _, id := range c.run.Taken {
		switch s := stories[id]; {
		case s == nil || s.saga == nil:
			c.findf("I11", id, "it has a business key, and there is no such saga")
		case s.saga.Status >= Completed:
			c.findf("I11", id, "it has ended, and its business key is still taken")
		case seen[id]:
			c.findf("I11", id, "it has two business keys")
		}
		seen[id] = true
	}
}

// ending: I1, a saga has ended, or somebody was told that it needs help.
func (c *checker) ending(s *story) {
	calm := len(s.saga.Attention) == 0
	if s.saga.Status < Completed && calm {
		c.findf("I1", s.id, "it is still %s and needs no attention", statusName(s.saga.Status))
	}
	if s.mail && calm {
		c.findf("I1", s.id, "messages wait beside it, and it needs no attention")
	}
}

// history: I7, events are numbered from 1 without a gap, time does not go back, and
// the row is that of the last one.
func (c *checker) history(s *story) {
	for i, e := range s.events {
		want := int64(i + 1)
		switch {
		case e.Seq != want:
			c.findf("I7", s.id, "event %d stands where event %d belongs", e.Seq, want)
			return
		case (e.Kind == Started) != (want == 1):
			c.findf("I7", s.id, "event %d is %q: a saga is started once, by its first event", e.Seq, e.Kind)
		case i > 0 && e.At.Before(s.events[i-1].At):
			c.findf("I13", s.id, "time goes back from event %d to event %d", i, want)
		}
	}
	if last := int64(len(s.events)); last != s.saga.Seq {
		c.findf("I7", s.id, "its row is that of event %d, its history has %d", s.saga.Seq, last)
	}
}

// leftovers: I4, nothing is left to send.
func (c *checker) leftovers() {
	for _, row := range c.run.Unsent {
		c.findf("I4", "", "left in an outbox: %s", row)
	}
}

// statusName returns the word for a status.
func statusName(status int) string {
	names := []string{"", "running", "compensating", "completed", "compensated", "abandoned"}
	if status <= 0 || status >= len(names) {
		return "of an unknown status"
	}
	return names[status]
}
