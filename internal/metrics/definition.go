package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// version is one version of a definition. There are as many here as the process
// has in memory anyway.
type version struct{ namespace, name, version string }

// definition holds the series of one version, so that no label is looked up while
// sagas run.
type definition struct {
	started, turned prometheus.Counter
	ended           [saga.Abandoned + 1]lazy[prometheus.Counter]
	seconds         [saga.Abandoned + 1]lazy[prometheus.Observer]
	index           map[string]int
	steps           []step
	grown           grown // of sagas that are code
}

// step holds the series of one step.
type step struct {
	ways [3]way // by saga.Direction
	over map[saga.Phase]*lazy[prometheus.Counter]
}

// way is one direction of a step.
type way struct {
	timeout       time.Duration
	sent, retried lazy[prometheus.Counter]
	late          lazy[prometheus.Counter]
	outcomes      [saga.Ongoing + 1]lazy[prometheus.Counter]
	seconds       [saga.Ongoing + 1]lazy[prometheus.Observer]
}

// definition returns the series of a saga's version.
func (m *Metrics) definition(namespace string, s *saga.State) *definition {
	v := version{namespace, s.Definition, s.Version}
	m.mu.RLock()
	d := m.known[v]
	m.mu.RUnlock()
	if d != nil {
		return d
	}
	def, ok := m.cfg.Definition(namespace, s.Definition, s.Version)
	d = m.newDefinition(s.Definition, def)
	if !ok {
		return d // it may be known the next time
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[v] == nil {
		m.known[v] = d
	}
	return m.known[v]
}

func (m *Metrics) newDefinition(name string, def saga.Definition) *definition {
	d := &definition{started: m.started.with(name), turned: m.turned.with(name), index: map[string]int{}, steps: make([]step, len(def.Steps))}
	for status := saga.Completed; status <= saga.Abandoned; status++ {
		d.ended[status].make = func() prometheus.Counter { return m.ended.with(name, status.String()) }
		d.seconds[status].make = func() prometheus.Observer { return m.sagaSeconds.with(name, status.String()) }
	}
	d.ended[saga.Completed].get()
	d.ended[saga.Compensated].get()
	for i := range def.Steps {
		d.index[def.Steps[i].Name] = i
		m.openStep(&d.steps[i], name, &def.Steps[i])
	}
	return d
}

func (m *Metrics) openStep(s *step, name string, def *saga.Step) {
	s.over = map[saga.Phase]*lazy[prometheus.Counter]{}
	for _, phase := range []saga.Phase{saga.Done, saga.Skipped, saga.Refused, saga.Unknown, saga.Undone, saga.Kept, saga.Expired} {
		s.over[phase] = &lazy[prometheus.Counter]{make: func() prometheus.Counter { return m.steps.with(name, def.Name, phase.String()) }}
	}
	if def.Waits() {
		return
	}
	m.openWay(&s.ways[saga.Do], saga.Do, def.Participant, def.Command, def.Do.Timeout)
	m.openWay(&s.ways[saga.Undo], saga.Undo, def.Participant, def.Compensation, def.Undo.Timeout)
}

func (m *Metrics) openWay(w *way, direction saga.Direction, participant, command string, timeout time.Duration) {
	w.timeout = timeout
	towards := direction.String()
	w.sent.make = func() prometheus.Counter { return m.sent.with(participant, command, towards) }
	w.retried.make = func() prometheus.Counter { return m.retried.with(participant, command, towards) }
	w.late.make = func() prometheus.Counter { return m.outcomes.with(participant, command, towards, "timeout") }
	for outcome := saga.Succeeded; outcome <= saga.Ongoing; outcome++ {
		w.outcomes[outcome].make = func() prometheus.Counter { return m.outcomes.with(participant, command, towards, outcome.String()) }
		w.seconds[outcome].make = func() prometheus.Observer {
			return m.commandSeconds.with(participant, command, towards, outcome.String())
		}
	}
}

// way returns one direction of a step, or nil if it is not known.
func (d *definition) way(name string, direction saga.Direction) *way {
	i, ok := d.index[name]
	if !ok || direction != saga.Do && direction != saga.Undo {
		return nil
	}
	return &d.steps[i].ways[direction]
}

// sent counts the commands that an event has sent.
func (d *definition) sent(e *saga.Event) {
	for i := range e.Sent {
		w := d.way(e.Sent[i].Step.Name, e.Sent[i].Direction)
		if w == nil {
			continue
		}
		w.count(e.Sent[i].Attempt)
	}
}

// count counts a command that was sent.
func (w *way) count(attempt int) {
	w.sent.get().Inc()
	if attempt > 1 {
		w.retried.get().Inc()
	}
}

// replied counts a reply that was applied. A recorded one that changed nothing
// but the number of those is none; if a batch holds several replies of one step
// and not all of them were applied, the odd ones are counted as well.
func (d *definition) replied(c *coordinator.Change, e *saga.Event) {
	w := d.way(e.Step.Name, e.Direction)
	if e.Kind != saga.Replied || w == nil || e.Outcome < saga.Succeeded || e.Outcome > saga.Ongoing {
		return
	}
	i := d.index[e.Step.Name]
	was := before(c, i)
	if i < c.After.Plain() && c.After.Steps[i].Ignored > was.Ignored && len(c.Events) == 1 {
		return
	}
	if k, ok := c.Before.At(i, e.Step.Item); ok && e.Step.Item > 0 {
		was = before(c, k)
	}
	w.answered(e, was, w.timeout)
}

// answered counts a reply to a step that was in a state.
func (w *way) answered(e *saga.Event, was *saga.StepState, timeout time.Duration) {
	w.outcomes[e.Outcome].get().Inc()
	if sent := was.Phase == saga.Doing || was.Phase == saga.Undoing; sent && e.Outcome != saga.Ongoing && e.Attempt == was.Attempt {
		w.seconds[e.Outcome].get().Observe(seconds(max(0, e.At.Sub(was.Due.Add(-timeout)))))
	}
}

// moved counts a step that has come to an outcome.
func (s *step) moved(was, is *saga.StepState) {
	if is.Phase == was.Phase {
		return
	}
	if over := s.over[is.Phase]; over != nil {
		over.get().Inc()
	}
}

// timedOut counts the attempts whose time was up at a wake: they are over, and no
// reply of the same batch says so.
func (d *definition) timedOut(c *coordinator.Change, woke *saga.Event) {
	for k := range c.Before.Steps {
		i, item := c.Before.Place(k)
		at, ok := c.After.At(i, item)
		if !ok { // its step has begun anew
			continue
		}
		was, is := &c.Before.Steps[k], &c.After.Steps[at]
		over := was.Phase != is.Phase || was.Attempt != is.Attempt
		if !over || was.Due.After(woke.At) || i >= len(d.steps) || d.answered(c, i, item) {
			continue
		}
		switch was.Phase {
		case saga.Doing:
			d.steps[i].ways[saga.Do].late.get().Inc()
		case saga.Undoing:
			d.steps[i].ways[saga.Undo].late.get().Inc()
		}
	}
}

// answered reports whether a change holds a reply of a step or item.
func (d *definition) answered(c *coordinator.Change, i, item int) bool {
	for n := range c.Events {
		e := &c.Events[n].Event
		if at, ok := d.index[e.Step.Name]; ok && at == i && e.Step.Item == item && e.Kind == saga.Replied {
			return true
		}
	}
	return false
}
