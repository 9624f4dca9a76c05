package retention_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/retention"
	"github.com/unwindhq/unwind/saga"
)

const day = 24 * time.Hour

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy retention.Policy
		want   string // empty: valid
	}{
		{"nothing", retention.Policy{}, ""},
		{"all", retention.Policy{Short: day, Standard: 30 * day, Long: 300 * day, Rate: 10}, ""},
		{"short alone", retention.Policy{Short: day}, ""},
		{"too short", retention.Policy{Short: time.Minute}, "Short is 1m0s, must be at least 1h0m0s, or 0 for ever"},
		{"negative", retention.Policy{Long: -day}, "Long is -24h0m0s, must be at least 1h0m0s, or 0 for ever"},
		{"the wrong way round", retention.Policy{Short: 2 * day, Standard: day}, "Standard is 24h0m0s, must not be shorter than Short (48h0m0s; 0 is for ever)"},
		{"standard before short", retention.Policy{Standard: day}, "Standard is 24h0m0s, must not be shorter than Short (0s; 0 is for ever)"},
		{"rate", retention.Policy{Rate: -1}, "Rate is -1, must be positive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.policy.Validate()
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

// TestDue: a family goes as a whole, and only if each of it may.
func TestDue(t *testing.T) {
	t.Parallel()
	policy := retention.Policy{Short: day, Standard: 30 * day}
	now := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	ended := func(class saga.Retention, ago time.Duration) retention.Saga {
		return retention.Saga{Class: class, Ended: true, Changed: now.Add(-ago)}
	}
	open, attention, wanted := ended(saga.Short, 9*day), ended(saga.Short, 9*day), ended(saga.Short, 9*day)
	open.Ended, attention.Attention, wanted.Wanted = false, true, true
	for _, c := range []struct {
		name   string
		family []retention.Saga
		want   bool
	}{
		{"nobody", nil, false},
		{"old enough", []retention.Saga{ended(saga.Short, day)}, true},
		{"not yet", []retention.Saga{ended(saga.Short, day-time.Second)}, false},
		{"its class is kept longer", []retention.Saga{ended(saga.Standard, 9*day)}, false},
		{"its class is kept for ever", []retention.Saga{ended(saga.Long, 900*day)}, false},
		{"a class of a later version", []retention.Saga{ended(saga.Retention(9), 900*day)}, false},
		{"open", []retention.Saga{open}, false},
		{"with attention", []retention.Saga{attention}, false},
		{"wanted", []retention.Saga{wanted}, false},
		{"all of a family", []retention.Saga{ended(saga.Standard, 30*day), ended(saga.Short, day)}, true},
		{"a child is open", []retention.Saga{ended(saga.Short, 9*day), open}, false},
		{"a child is kept longer", []retention.Saga{ended(saga.Short, 9*day), ended(saga.Standard, 9*day)}, false},
	} {
		require.Equal(t, c.want, policy.Due(c.family, now), c.name)
	}
	require.False(t, retention.Policy{}.Due([]retention.Saga{ended(saga.Short, 900*day)}, now), "nothing is deleted unless it is asked for")
}

// TestWalk: a day's looks cover every start once for each class, an hour after it could
// first be due, and everything once a day.
func TestWalk(t *testing.T) {
	t.Parallel()
	policy := retention.Policy{Short: day, Standard: 30 * day}
	began := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	var w retention.Walk
	require.Empty(t, w.Next(retention.Policy{}, began))
	require.Equal(t, []retention.Range{{Before: retention.FirstID(began.Add(-day)), Whole: true}}, w.Next(policy, began))

	short, standard := retention.FirstID(began.Add(-day-time.Hour)), retention.FirstID(began.Add(-30*day-time.Hour))
	for now := began.Add(time.Minute); now.Before(began.Add(day)); now = now.Add(time.Minute) {
		next := w.Next(policy, now)
		require.Len(t, next, 2)
		require.Equal(t, short, next[0].After, "it goes on where it was")
		require.Equal(t, standard, next[1].After)
		require.Equal(t, retention.FirstID(now.Add(-day-time.Hour)), next[0].Before)
		require.Equal(t, retention.FirstID(now.Add(-30*day-time.Hour)), next[1].Before)
		short, standard = next[0].Before, next[1].Before
	}
	require.Empty(t, w.Next(policy, began.Add(time.Hour)), "the clock was set back")
	require.True(t, w.Next(policy, began.Add(day))[0].Whole)
}
