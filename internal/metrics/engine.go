package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Batch implements coordinator.Meter.
func (m *Metrics) Batch(b *coordinator.BatchReport) {
	if b.Committed {
		m.written.Inc()
		m.items.Observe(float64(b.Items))
		m.batchSeconds.Observe(seconds(b.Took))
	} else {
		m.idle.Inc()
	}
	if b.Forgotten > 0 {
		m.forgotten.Add(float64(b.Forgotten))
	}
	if b.Replies > 0 {
		m.applied.Add(float64(b.Replies - b.Repeated))
		m.repeated.Add(float64(b.Repeated))
	}
}

// Retry implements coordinator.Meter.
func (m *Metrics) Retry() { m.retries.Inc() }

// Woken implements coordinator.Meter.
func (m *Metrics) Woken(late time.Duration) { m.lateness.Observe(seconds(max(late, 0))) }

// DeadLetter implements coordinator.Meter. Dead letters are few.
func (m *Metrics) DeadLetter(class string) { m.dead.with(class).Inc() }

// Event counts what an event of a topic has done to a definition.
func (m *Metrics) Event(topic, definition, result string) {
	m.eventsRead.with(topic, definition, result).Inc()
}

// Change implements coordinator.Meter. It allocates nothing once a definition's
// series are there.
func (m *Metrics) Change(c *coordinator.Change) {
	d := m.definition(c.Namespace, &c.After)
	if c.Before.Status == 0 {
		d.started.Inc()
	}
	switch was, is := c.Before.Status, c.After.Status; {
	case is.Ended() && !was.Ended():
		d.ended[is].get().Inc()
		d.seconds[is].get().Observe(seconds(c.After.Last.Sub(c.After.Started)))
	case is == saga.Compensating && was != saga.Compensating:
		d.turned.Inc()
	}
	if is := c.After.Status; is == saga.Compensated && c.Before.Status == saga.Running {
		d.turned.Inc() // turned back and ended at once: nothing was to be undone
	}
	m.attentions(c)
	for i := range c.Events {
		m.kind(string(c.Events[i].Event.Kind)).Inc()
	}
	if c.After.Extras().Plan != nil {
		m.changeOfCode(d, c)
		return
	}
	for i := range c.Events {
		e := &c.Events[i].Event
		d.sent(e)
		d.replied(c, e)
		if e.Kind == saga.Woke {
			d.timedOut(c, e)
		}
	}
	for i := range min(len(d.steps), c.After.Plain()) {
		d.steps[i].moved(before(c, i), &c.After.Steps[i])
	}
}

// before returns a step's state before the change.
func before(c *coordinator.Change, i int) *saga.StepState {
	if i < len(c.Before.Steps) {
		return &c.Before.Steps[i]
	}
	return &saga.StepState{}
}

// attentions counts the reasons for attention that are new.
func (m *Metrics) attentions(c *coordinator.Change) {
	for _, is := range c.After.Attention {
		fresh := true
		for _, was := range c.Before.Attention {
			fresh = fresh && (was.Reason != is.Reason || was.Step != is.Step)
		}
		if fresh {
			m.raised.with(c.After.Definition, string(is.Reason)).Inc() // seldom
		}
	}
}

// kind returns the counter of a kind of events.
func (m *Metrics) kind(name string) prometheus.Counter {
	m.mu.RLock()
	c := m.kinds[name]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	c = m.events.with(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kinds[name] = c
	return c
}
