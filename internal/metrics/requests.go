package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// call is an operation and the class of its answer.
type call struct{ operation, class string }

// Request counts one REST request. operation is its name in the OpenAPI document.
func (m *Metrics) Request(operation string, status int, took time.Duration) {
	key := call{operation, class(status)}
	m.mu.RLock()
	count, long := m.classes[key], m.times[operation]
	m.mu.RUnlock()
	if count == nil || long == nil {
		count, long = m.openRequest(key)
	}
	count.Inc()
	long.Observe(seconds(took))
}

// class is the hundred of a status.
func class(status int) string {
	names := [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}
	if at := status / 100; at > 0 && at < len(names) {
		return names[at]
	}
	return other
}

func (m *Metrics) openRequest(key call) (prometheus.Counter, prometheus.Observer) {
	count, long := m.requests.with(key.operation, key.class), m.requestSeconds.with(key.operation)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes[key], m.times[key.operation] = count, long
	return count, long
}
