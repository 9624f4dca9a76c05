package metrics

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// other is the label of what is above a family's limit.
const other = "other"

// vec hands out the series of one family, at most max of them; what comes later
// shares one series. It is asked once for each set of labels: whoever counts often
// keeps the answer.
type vec[T any] struct {
	make  func(labels ...string) T
	width int
	max   int
	full  prometheus.Counter // counts what did not get a series of its own

	mu     sync.Mutex
	series map[string]T
}

// with returns the series of a set of labels.
func (v *vec[T]) with(labels ...string) T {
	key := strings.Join(labels, "\x00")
	v.mu.Lock()
	defer v.mu.Unlock()
	if one, ok := v.series[key]; ok {
		return one
	}
	if len(v.series) >= v.max {
		v.full.Inc()
		labels = make([]string, v.width)
		for i := range labels {
			labels[i] = other
		}
		return v.make(labels...)
	}
	one := v.make(labels...)
	v.series[key] = one
	return one
}

// lazy is a series that is made when it is first needed, so that what never
// happens is not shown.
type lazy[T any] struct {
	once sync.Once
	make func() T
	one  T
}

func (l *lazy[T]) get() T {
	l.once.Do(func() { l.one = l.make() })
	return l.one
}

// counters returns the counters of a family, registered.
func (m *Metrics) counters(i id) *vec[prometheus.Counter] {
	f := &families[i]
	all := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.name, Help: f.help}, f.labels)
	m.registry.MustRegister(all)
	return newVec(m, i, func(labels ...string) prometheus.Counter { return all.WithLabelValues(labels...) })
}

// histograms returns the histograms of a family, registered.
func (m *Metrics) histograms(i id) *vec[prometheus.Observer] {
	f := &families[i]
	all := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.name, Help: f.help, Buckets: f.buckets}, f.labels)
	m.registry.MustRegister(all)
	return newVec(m, i, func(labels ...string) prometheus.Observer { return all.WithLabelValues(labels...) })
}

func newVec[T any](m *Metrics, i id, fresh func(labels ...string) T) *vec[T] {
	return &vec[T]{
		make: fresh, width: len(families[i].labels), max: m.cfg.MaxSeries,
		full: m.overflow.WithLabelValues(families[i].name), series: map[string]T{},
	}
}
