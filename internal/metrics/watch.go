package metrics

import (
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Sources are the parts of a process whose gauges are read from memory at each
// scrape. One that is nil is not shown.
type Sources struct {
	Engine *coordinator.Coordinator // Engine runs the sagas.
	Kafka  bool                     // Kafka: Engine reads replies.
	Relay  *outbox.Relay            // Relay publishes the outbox.
	Lease  *lease.Lease             // Lease holds the buckets.
	Quotas func() []quota.Level     // Quotas lists what namespaces may start and keep.
	// MissingTopics lists the topics that definitions wait for and that do not exist.
	MissingTopics func() []string
	// Breakers lists the breakers of this process.
	Breakers func() []breaker.Status
	// Holds lists what this process holds for operators.
	Holds func() []breaker.HoldStatus
	Pools map[string]*pgxpool.Pool // Pools are the connections to Postgres, by name.
}

// Watch shows the sources from now on. Call it once.
func (m *Metrics) Watch(s Sources) { m.registry.MustRegister(watched{s}) }

// watched collects the gauges of memory.
type watched struct{ Sources }

// Describe sends nothing: an unchecked collector, whose series come and go.
func (w watched) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (w watched) Collect(ch chan<- prometheus.Metric) {
	show := func(i id, v float64, labels ...string) { ch <- families[i].value(v, labels...) }
	if w.Engine != nil {
		w.engine(show)
	}
	if w.Relay != nil {
		w.relay(show)
	}
	if w.Lease != nil {
		w.lease(show)
	}
	if w.Breakers != nil {
		showBreakers(show, w.Breakers())
	}
	if w.Holds != nil {
		showHolds(show, w.Holds())
	}
	if w.MissingTopics != nil {
		for _, topic := range w.MissingTopics() {
			show(eventTopicsMissing, 1, topic)
		}
	}
	if w.Quotas != nil {
		showQuotas(show, w.Quotas())
	}
	for name, pool := range w.Pools {
		showPool(show, name, pool)
	}
}

// shower shows one value of a family.
type shower func(i id, v float64, labels ...string)

func (w watched) engine(show shower) {
	s := w.Engine.Stats()
	show(bucketsOwned, float64(s.Buckets))
	show(wakesPending, float64(s.Wakes))
	show(queueCapacity, float64(s.QueueMax))
	for i, n := range s.Queued {
		show(queueItems, float64(n), strconv.Itoa(i))
	}
	if !w.Kafka {
		return
	}
	show(brokersReached, float64(bit(s.Reached)))
	for bucket, n := range s.Lag {
		show(replyLag, float64(n), strconv.Itoa(bucket))
	}
}

func (w watched) relay(show shower) {
	s := w.Relay.Stats()
	show(relayRows, float64(s.Unsent), "unsent")
	show(relayRows, float64(s.InFlight), "in_flight")
	show(relayRows, float64(s.Sent), "sent")
	show(relayPublished, float64(s.Published))
	show(relayFailed, float64(s.Failed))
	show(relaySwept, float64(s.Swept))
}

func (w watched) lease(show shower) {
	s := w.Lease.Stats()
	show(leaseRemaining, seconds(s.Remaining))
	show(leaseRenewals, float64(s.Renewals))
	show(leaseFailures, float64(s.Failures))
	show(nodesAlive, float64(s.Nodes))
}

func showBreakers(show shower, list []breaker.Status) {
	for i := range list {
		b := &list[i]
		show(breakerState, float64(b.State), b.Participant, b.Direction)
		show(breakerHeld, float64(b.Held), b.Participant, b.Direction)
		show(commandsInFlight, float64(b.InFlight), b.Participant, b.Direction)
		age := 0.0
		if !b.OldestHeld.IsZero() {
			age = max(0, seconds(time.Since(b.OldestHeld)))
		}
		show(breakerHeldAge, age, b.Participant, b.Direction)
	}
}

// showHolds shows holds together that only their namespaces tell apart.
func showHolds(show shower, list []breaker.HoldStatus) {
	type labels struct{ kind, name, state string }
	counts, ages := map[labels]int{}, map[labels]float64{}
	for _, h := range list {
		l := labels{h.Hold.Group.Kind, h.Hold.Group.Name, "held"}
		if h.Hold.Rate > 0 {
			l.state = "released"
		}
		counts[l] += h.Held
		if !h.Since.IsZero() {
			ages[l] = max(ages[l], seconds(time.Since(h.Since)))
		}
	}
	for l, n := range counts {
		show(holdCommands, float64(n), l.kind, l.name, l.state)
		show(holdAge, ages[l], l.kind, l.name, l.state)
	}
}

func showPool(show shower, name string, pool *pgxpool.Pool) {
	s := pool.Stat()
	show(poolConnections, float64(s.AcquiredConns()), name, "acquired")
	show(poolConnections, float64(s.IdleConns()), name, "idle")
	show(poolConnections, float64(s.ConstructingConns()), name, "constructing")
	show(poolMax, float64(s.MaxConns()), name)
	show(poolAcquires, float64(s.AcquireCount()), name)
	show(poolEmptyAcquires, float64(s.EmptyAcquireCount()), name)
	show(poolAcquireDuration, seconds(s.AcquireDuration()), name)
}

// bit is 1 for true.
func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}
