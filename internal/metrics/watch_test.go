package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
)

func TestBreakersAreShown(t *testing.T) {
	t.Parallel()
	m, err := New(Config{})
	require.NoError(t, err)
	m.Watch(Sources{Breakers: func() []breaker.Status {
		return []breaker.Status{
			{Participant: "flights", Direction: "do", State: breaker.Open, Held: 7, OldestHeld: time.Now().Add(-time.Hour), InFlight: 2},
			{Participant: "flights", Direction: "undo", State: breaker.HalfOpen},
		}
	}})
	page := show(t, m, "")
	require.Contains(t, page, `unwind_breaker_state{direction="do",participant="flights"} 2`)
	require.Contains(t, page, `unwind_breaker_state{direction="undo",participant="flights"} 1`)
	require.Contains(t, page, `unwind_breaker_held_commands{direction="do",participant="flights"} 7`)
	require.Contains(t, page, `unwind_commands_in_flight{direction="do",participant="flights"} 2`)
	require.Contains(t, page, `unwind_breaker_oldest_held_seconds{direction="do",participant="flights"} 3600`)
	require.Contains(t, page, `unwind_breaker_oldest_held_seconds{direction="undo",participant="flights"} 0`)
}
