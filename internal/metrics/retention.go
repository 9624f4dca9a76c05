package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
)

var _ retention.Meter = (*Metrics)(nil)

// Deleted implements retention.Meter.
func (m *Metrics) Deleted(class saga.Retention, n int) {
	m.deleted.with(class.String()).Add(float64(n))
}

// Oldest implements retention.Meter.
func (m *Metrics) Oldest(class saga.Retention, ended time.Time) { m.oldest.set(class, ended) }

// oldestKept shows how long ago the oldest kept saga of each class ended.
type oldestKept struct {
	mu    sync.Mutex
	ended map[saga.Retention]time.Time
}

func (o *oldestKept) set(class saga.Retention, ended time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended == nil {
		o.ended = map[saga.Retention]time.Time{}
	}
	if o.ended[class] = ended; ended.IsZero() {
		delete(o.ended, class)
	}
}

// Describe sends nothing: an unchecked collector, whose series come and go.
func (o *oldestKept) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (o *oldestKept) Collect(ch chan<- prometheus.Metric) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for class, ended := range o.ended {
		ch <- families[retentionOldest].value(seconds(time.Since(ended)), class.String())
	}
}
