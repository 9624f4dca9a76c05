package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// call is an operation and the class of its answer.
type call struct{ operation, class string }

// Request counts one REST request. operation is its name in the OpenAPI document.
func (m *Metrics) Request(operation string, status int, took time.Duration) {
	key := call{operation, strconv.Itoa(status/100) + "xx"}
	m.mu.RLock()
	count, long := m.classes[key], m.times[operation]
	m.mu.RUnlock()
	if count == nil || long == nil {
		count, long = m.openRequest(key)
	}
	count.Inc()
	long.Observe(seconds(took))
}

func (m *Metrics) openRequest(key call) (prometheus.Counter, prometheus.Observer) {
	count, long := m.requests.with(key.operation, key.class), m.requestSeconds.with(key.operation)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes[key], m.times[key.operation] = count, long
	return count, long
}
