package metrics

import (
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/unwindhq/unwind/saga/coordinator"
)

// Metrics are the metrics of one process. It implements coordinator.Meter. Its
// methods may be called from any goroutine.
type Metrics struct {
	cfg      Config
	registry *prometheus.Registry
	overflow *prometheus.CounterVec

	vecs
	plain

	mu      sync.RWMutex
	known   map[version]*definition
	kinds   map[string]prometheus.Counter // by event kind
	classes map[call]prometheus.Counter   // of requests
	times   map[string]prometheus.Observer

	oldest oldestKept
}

// vecs are the families with labels.
type vecs struct {
	started, ended, turned, steps, raised, events *vec[prometheus.Counter]
	sent, retried, outcomes, dead, requests       *vec[prometheus.Counter]
	eventsRead, fires, overQuota, deleted         *vec[prometheus.Counter]
	sagaSeconds, commandSeconds, requestSeconds   *vec[prometheus.Observer]
}

// plain are the series that are there from the beginning.
type plain struct {
	applied, repeated, forgotten, written, idle, retries, scrapes prometheus.Counter
	items, batchSeconds, lateness, fireLateness                   prometheus.Observer
}

var _ coordinator.Meter = (*Metrics)(nil)

// New returns Metrics that show what they are told. Add what else there is to show
// with Watch, once it exists.
func New(cfg Config) (*Metrics, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Metrics{
		cfg: cfg.withDefaults(), registry: prometheus.NewRegistry(), known: map[version]*definition{},
		kinds: map[string]prometheus.Counter{}, classes: map[call]prometheus.Counter{}, times: map[string]prometheus.Observer{},
	}
	f := &families[seriesOther]
	m.overflow = prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.labels)
	m.registry.MustRegister(m.overflow, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.openVecs()
	m.openPlain()
	m.registry.MustRegister(&m.oldest)
	m.registry.MustRegister(constant{families[buildInfo].value(1, m.cfg.Version, runtime.Version())})
	if m.cfg.Pool != nil {
		m.registry.MustRegister(newLook(m))
	}
	return m, nil
}

func (m *Metrics) openVecs() {
	m.vecs = vecs{
		started: m.counters(sagasStarted), ended: m.counters(sagasEnded), turned: m.counters(sagasTurned),
		steps: m.counters(stepsEnded), raised: m.counters(attentionsRaised), events: m.counters(events),
		sent: m.counters(commandsSent), retried: m.counters(commandsRetried), outcomes: m.counters(commandOutcomes),
		dead: m.counters(repliesDead), requests: m.counters(requests), eventsRead: m.counters(eventsRead), fires: m.counters(scheduleFires), overQuota: m.counters(quotaStarts),
		deleted:     m.counters(retentionDeleted),
		sagaSeconds: m.histograms(sagaDuration), commandSeconds: m.histograms(commandDuration), requestSeconds: m.histograms(requestDuration),
	}
}

func (m *Metrics) openPlain() {
	effects, written := m.counters(replies), m.counters(batches)
	m.plain = plain{
		applied: effects.with("applied"), repeated: effects.with("repeated"), forgotten: effects.with("forgotten"),
		written: written.with("yes"), idle: written.with("no"),
		retries: m.counters(batchRetries).with(), scrapes: m.counters(scrapeErrors).with(),
		items: m.histograms(batchItems).with(), batchSeconds: m.histograms(batchDuration).with(), lateness: m.histograms(wakeLateness).with(),
		fireLateness: m.histograms(scheduleLateness).with(),
	}
	for _, class := range coordinator.DeadLetterClasses() {
		m.dead.with(class)
	}
}

// constant shows what never changes.
type constant struct{ prometheus.Metric }

func (c constant) Describe(ch chan<- *prometheus.Desc) { ch <- c.Desc() }
func (c constant) Collect(ch chan<- prometheus.Metric) { ch <- c.Metric }

// desc describes the family to the library.
func (f *family) desc() *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, f.labels, nil) }

// value returns one value of a gauge or counter.
func (f *family) value(v float64, labels ...string) prometheus.Metric {
	kind := prometheus.GaugeValue
	if f.kind == counter {
		kind = prometheus.CounterValue
	}
	return prometheus.MustNewConstMetric(f.desc(), kind, v, labels...)
}

// seconds is how the library wants a duration.
func seconds(d time.Duration) float64 { return d.Seconds() }
