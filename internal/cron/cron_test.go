package cron_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/adhocore/gronx"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/cron"
)

func parse(t *testing.T, expression, zone string) cron.Cron {
	t.Helper()
	z, err := cron.Zone(zone)
	require.NoError(t, err)
	c, err := cron.Parse(expression, z)
	require.NoError(t, err)
	return c
}

// TestAMovedClock has both moves of a year in Berlin: at 01:00 UTC on 29 March 02:00
// becomes 03:00, at 01:00 UTC on 25 October 03:00 becomes 02:00.
func TestAMovedClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, cron, zone, from, want string }{
		{"a time that does not exist is due at the move", "30 2 * * *", "Europe/Berlin", "2026-03-28T00:00Z", "2026-03-28T01:30Z 2026-03-29T01:00Z 2026-03-30T00:30Z"},
		{"several that do not exist are due once", "*/20 2 * * *", "Europe/Berlin", "2026-03-28T02:00Z", "2026-03-29T01:00Z 2026-03-30T00:00Z"},
		{"each hour stays each hour", "0 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", "2026-03-29T01:00Z 2026-03-29T02:00Z"},
		{"a time that exists twice is due the first time", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T00:30Z 2026-10-26T01:30Z"},
		{"also asked between the two", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:45Z", "2026-10-26T01:30Z"},
		{"also asked in the second hour", "45 2 * * *", "Europe/Berlin", "2026-10-25T01:15Z", "2026-10-26T01:45Z"},
		{"after the second hour it goes on", "0 3 * * *", "Europe/Berlin", "2026-10-25T00:30Z", "2026-10-25T02:00Z 2026-10-26T02:00Z"},
		{"each hour happens twice", "30 * * * *", "Europe/Berlin", "2026-10-25T00:00Z", "2026-10-25T00:30Z 2026-10-25T01:30Z 2026-10-25T02:30Z"},
		{"half an hour", "15 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00Z", "2026-10-02T15:45Z 2026-10-03T15:30Z 2026-10-04T15:15Z"},
		{"midnight itself is left out", "0 0 * * *", "America/Santiago", "2026-09-05T12:00Z", "2026-09-06T04:00Z 2026-09-07T03:00Z"},
		{"no zone is UTC", "0 12 * * MON", "", "2026-10-25T00:00Z", "2026-10-26T12:00Z 2026-11-02T12:00Z"},
		{"a leap day is waited for", "0 0 29 2 *", "", "2096-03-01T00:00Z", "2104-02-29T00:00Z"},
		{"the last day of a month", "0 0 L * *", "", "2026-02-01T00:00Z", "2026-02-28T00:00Z 2026-03-31T00:00Z"},
		{"a name", "@monthly", "", "2026-02-01T00:00Z", "2026-03-01T00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const minutes = "2006-01-02T15:04Z07:00"
			at, err := time.Parse(minutes, c.from)
			require.NoError(t, err)
			for want := range strings.FieldsSeq(c.want) {
				next, ok := parse(t, c.cron, c.zone).Next(at)
				require.True(t, ok)
				require.Equal(t, want, next.UTC().Format(minutes))
				at = next
			}
		})
	}
}

func TestNotACron(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "* * * *", "* * * * * *", "61 * * * *", "0-5-7 * * * *", "5-2 * * * *", "*/0 * * * *", "0 24 * * *", "1,,2 * * * *",
		"@reboot", "a b c d e", "* * * * MONDAY", strings.Repeat("1,", 200) + "1 * * * *", "0 0 0 * *",
	} {
		_, err := cron.Parse(text, time.UTC)
		require.ErrorIs(t, err, cron.ErrExpression, text)
	}
	for _, text := range []string{"0 0 30 2 *", "0 0 31 4 *"} {
		_, err := cron.Parse(text, time.UTC)
		require.ErrorIs(t, err, cron.ErrNever, text)
	}
	for _, zone := range []string{"Local", "Europe/Bielefeld", "../etc/passwd"} {
		_, err := cron.Zone(zone)
		require.ErrorIs(t, err, cron.ErrZone, zone)
	}
}

// random returns a field that is * with that probability.
func random(r *rand.Rand, low, high int, star float64) string {
	first := low + r.IntN(high-low)
	switch {
	case r.Float64() < star:
		return "*"
	case r.IntN(3) == 0:
		return "*/" + strconv.Itoa(2+r.IntN(9))
	case r.IntN(2) == 0:
		return strconv.Itoa(first) + "-" + strconv.Itoa(first+1+r.IntN(high-first))
	}
	return strconv.Itoa(first)
}

// TestNextAgreesWithEveryMinute holds Next to a walk over the minutes, each asked by
// itself, where no clock is moved.
func TestNextAgreesWithEveryMinute(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		text := strings.Join([]string{random(r, 0, 59, .3), random(r, 0, 23, .4), random(r, 1, 28, .7), random(r, 1, 12, .9), random(r, 0, 6, .7)}, " ")
		c := parse(t, text, "")
		at := time.Date(2026, 1, 1, 0, r.IntN(500_000), 0, 0, time.UTC)
		next, ok := c.Next(at)
		require.True(t, ok, text)
		for walk := at.Add(time.Minute); walk.Before(at.AddDate(0, 0, 3)) && !walk.After(next); walk = walk.Add(time.Minute) {
			due, err := gronx.New().IsDue(text, walk)
			require.NoError(t, err)
			require.Equal(t, due, walk.Equal(next), "%s after %v: %v", text, at, walk)
		}
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	c := parse(t, "0 * * * *", "")
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	times, older := c.Newest(from, from.Add(90*time.Minute), 5)
	require.Equal(t, []time.Time{from, from.Add(time.Hour)}, times)
	require.False(t, older)
	to := from.AddDate(10, 0, 0)
	times, older = c.Newest(from, to, 100)
	require.True(t, older)
	require.Len(t, times, 100)
	require.Equal(t, to, times[99])
	require.Equal(t, to.Add(-99*time.Hour), times[0])
	times, older = c.Newest(from.Add(time.Minute), from.Add(2*time.Minute), 5)
	require.Empty(t, times)
	require.False(t, older)
}
