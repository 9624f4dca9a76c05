package coordinator

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTempo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		items int
		every time.Duration
		want  func(target int) bool
	}{
		"a lone saga waits for nobody":    {1, 1200 * time.Microsecond, func(n int) bool { return n == 0 }},
		"a trickle waits for nobody":      {1, time.Second, func(n int) bool { return n == 0 }},
		"many small batches wait":         {4, time.Millisecond, func(n int) bool { return n >= 7 && n <= 8 }},
		"a large batch is company enough": {400, 40 * time.Millisecond, func(n int) bool { return n >= 19 && n <= 20 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tempo tempo
			require.Zero(t, tempo.target())
			at := time.Unix(0, 0)
			for range 10 * tempoMemory {
				tempo.batch(c.items, at)
				at = at.Add(c.every)
			}
			require.True(t, c.want(tempo.target()), "target %d at %.0f items/s", tempo.target(), tempo.rate)
		})
	}
}

// After a burst the first batch that comes late is small, and waits no longer.
func TestTempoForgets(t *testing.T) {
	t.Parallel()
	var tempo tempo
	at := time.Unix(0, 0)
	for range 100 {
		tempo.batch(50, at)
		at = at.Add(time.Millisecond)
	}
	require.GreaterOrEqual(t, tempo.target(), company)
	for range 10 * tempoMemory {
		tempo.batch(1, at)
		at = at.Add(time.Second)
	}
	require.Zero(t, tempo.target())
}
