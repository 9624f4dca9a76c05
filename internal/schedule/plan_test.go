package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga/definition"
)

// TestDecide holds what each policy makes of the times of an hour in which nobody was
// there, of one that is on time, and of a saga that is under way.
func TestDecide(t *testing.T) {
	t.Parallel()
	const late, onTime = "12:00:30", "12:00:10"
	for _, c := range []struct{ name, spec, next, now, queued, busy, want string }{
		{"on time", "", "12:00", onTime, "", "", "12:00 due"},
		{"not yet", "", "12:20", onTime, "", "", ""},
		{"last: of four that were missed", "", "11:00", "12:10:00", "", "", "11:00 missed, 11:40 missed, 12:00 due"},
		{"last: one is on time", "", "11:00", onTime, "", "", "11:00 missed, 11:40 missed, 12:00 due"},
		{"none", "catchUp: none", "11:40", "12:10:00", "", "", "11:40 missed, 12:00 missed"},
		{"none: one is on time", "catchUp: none", "11:40", late, "", "", "11:40 missed, 12:00 due"},
		{"all", "catchUp: all\noverlap: allow", "11:00", late, "", "", "11:00 due, 11:20 due, 11:40 due, 12:00 due"},
		{"all, within a bound", "catchUp: all\natMost: 2\noverlap: allow", "11:00", late, "", "", "11:00 missed, 11:40 due, 12:00 due"},
		{"all, one after the other", "catchUp: all\noverlap: skip", "11:20", late, "", "", "11:20 due, 11:40 skipped, 12:00 skipped"},
		{"skip", "", "12:00", onTime, "", "busy", "12:00 skipped"},
		{"allow", "overlap: allow", "12:00", onTime, "", "busy", "12:00 due"},
		{"queue", "overlap: queue", "12:00", onTime, "", "busy", "12:00 queued; waits 12:00"},
		{"queue: one waits", "overlap: queue", "12:00", onTime, "11:40", "busy", "12:00 skipped; waits 11:40"},
		{"queue: it waits though nothing runs any more", "overlap: queue", "12:00", onTime, "11:40", "", "12:00 skipped; waits 11:40"},
		{"queue: of many", "overlap: queue\ncatchUp: all", "11:20", late, "", "", "11:20 due, 11:40 queued, 12:00 skipped; waits 11:40"},
		{"replace", "overlap: replace", "12:00", onTime, "", "busy", "12:00 queued; waits 12:00"},
		{"replace: one waits", "overlap: replace", "12:00", onTime, "11:40", "busy", "12:00 queued; waits 12:00; drops 11:40"},
		{"replace: of many", "overlap: replace\ncatchUp: all", "11:20", late, "", "busy", "11:20 skipped, 11:40 skipped, 12:00 queued; waits 12:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec, err := definition.LoadSchedule("", []byte("unwind: v1\nschedule: a\nsaga: b\ncron: '*/20 * * * *'\n"+c.spec))
			require.NoError(t, err)
			times, err := spec.Times()
			require.NoError(t, err)
			p := decide(spec, times, moment{now: clockTime(t, c.now), next: clockTime(t, c.next), queued: clockTime(t, c.queued), busy: c.busy != ""})
			require.Equal(t, c.want, p.text())
			require.Equal(t, "12:20", p.next.Format("15:04"))
		})
	}
	spec, err := definition.LoadSchedule("", []byte("unwind: v1\nschedule: a\nsaga: b\ncron: '*/20 * * * *'\noverlap: allow"))
	require.NoError(t, err)
	times, err := spec.Times()
	require.NoError(t, err)
	p := decide(spec, times, moment{now: clockTime(t, "12:00"), next: clockTime(t, "12:00"), busy: true, open: maxOpen})
	require.Equal(t, Missed, p.fires[0].Outcome, "what waits to be started has a limit")
}

func clockTime(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.DateTime, "2026-01-01 "+(text + ":00")[:8])
	require.NoError(t, err)
	return at
}

func (p *plan) text() string {
	var parts []string
	for _, f := range p.fires {
		parts = append(parts, f.At.Format("15:04")+" "+string(f.Outcome))
	}
	text := strings.Join(parts, ", ")
	if !p.queued.IsZero() {
		text += "; waits " + p.queued.Format("15:04")
	}
	if !p.dropped.IsZero() {
		text += "; drops " + p.dropped.Format("15:04")
	}
	return text
}
