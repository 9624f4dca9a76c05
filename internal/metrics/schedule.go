package metrics

import (
	"time"

	"github.com/unwindhq/unwind/internal/schedule"
)

// Fired counts what became of a time of a schedule; late is how long after it a saga
// was started.
func (m *Metrics) Fired(outcome schedule.Outcome, late time.Duration) {
	m.fires.with(string(outcome)).Inc()
	if outcome == schedule.Started {
		m.fireLateness.Observe(seconds(late))
	}
}
