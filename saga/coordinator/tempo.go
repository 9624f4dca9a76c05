package coordinator

import "time"

const (
	// lingerMax is the longest that a batch waits for company.
	lingerMax = 2 * time.Millisecond
	// company is how many items must be expected in that time for it to wait.
	company = 4
	// tempoMemory is how many batches the rate remembers, about.
	tempoMemory = 8
)

// tempo knows how fast a writer's items have been coming lately. Each transaction
// has a fixed price, here, in Postgres and at the broker: under load a batch of
// three that waits two milliseconds for seven more makes all of them faster,
// while a lone saga must not wait for anybody.
type tempo struct {
	rate  float64 // items a second
	began time.Time
}

// batch notes that a batch of n items begins now.
func (t *tempo) batch(n int, now time.Time) {
	if since := now.Sub(t.began).Seconds(); !t.began.IsZero() && since > 0 {
		t.rate += (float64(n)/since - t.rate) / tempoMemory
	}
	t.began = now
}

// target is how many items a batch should have before it stops waiting; 0 is not
// to wait at all.
func (t *tempo) target() int {
	expected := int(t.rate * lingerMax.Seconds())
	if expected < company {
		return 0
	}
	return expected
}
