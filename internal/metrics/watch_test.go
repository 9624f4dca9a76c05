package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/internal/quota"
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

func TestQuotasAreShown(t *testing.T) {
	t.Parallel()
	m, err := New(Config{})
	require.NoError(t, err)
	m.Watch(Sources{Quotas: func() []quota.Level {
		return []quota.Level{{Namespace: "shop", Quota: quota.Starts, Limit: 50, Used: -1}, {Namespace: "shop", Quota: quota.Open, Limit: 7, Used: 3}}
	}})
	m.OverQuota("shop", quota.Starts, false)
	m.OverQuota("shop", quota.Open, true)
	page := show(t, m, "")
	for _, line := range []string{
		`unwind_quota_limit{namespace="shop",quota="starts"} 50`, `unwind_quota_limit{namespace="shop",quota="open"} 7`,
		`unwind_quota_used{namespace="shop",quota="open"} 3`,
		`unwind_quota_starts_total{how="refused",namespace="shop",quota="starts"} 1`, `unwind_quota_starts_total{how="waits",namespace="shop",quota="open"} 1`,
	} {
		require.Contains(t, page, line)
	}
	require.NotContains(t, page, `unwind_quota_used{namespace="shop",quota="starts"}`)
}

func TestHoldsAreShown(t *testing.T) {
	t.Parallel()
	m, err := New(Config{})
	require.NoError(t, err)
	order := breaker.Group{Kind: "definition", Within: "shop", Name: "order"}
	elsewhere := breaker.Group{Kind: "definition", Within: "other", Name: "order"}
	m.Watch(Sources{Holds: func() []breaker.HoldStatus {
		return []breaker.HoldStatus{
			{Hold: breaker.Hold{Group: order}, Held: 7, Since: time.Now().Add(-time.Hour)},
			{Hold: breaker.Hold{Group: elsewhere}, Held: 2},
			{Hold: breaker.Hold{Group: breaker.Group{Kind: "participant", Name: "mail"}, Rate: 20}},
		}
	}})
	page := show(t, m, "")
	for _, line := range []string{
		`unwind_hold_commands{kind="definition",name="order",state="held"} 9`, `unwind_hold_oldest_seconds{kind="definition",name="order",state="held"} 3600`,
		`unwind_hold_commands{kind="participant",name="mail",state="released"} 0`, `unwind_hold_oldest_seconds{kind="participant",name="mail",state="released"} 0`,
	} {
		require.Contains(t, page, line)
	}
}
