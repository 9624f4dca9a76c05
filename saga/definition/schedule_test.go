package definition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const report = `unwind: v1
schedule: nightlyReport
saga: report
cron: "30 2 * * *"
zone: Europe/Berlin
overlap: queue
catchUp: all
atMost: 7
input: {day: "${fire.date}", at: ["${fire.at}", 1.50, "<$${x}>"]}
`

func TestSchedule(t *testing.T) {
	t.Parallel()
	s, err := definition.LoadSchedule("f.yaml", []byte(report))
	require.NoError(t, err)
	require.Equal(t, "nightlyReport report 30 2 * * * Europe/Berlin queue all", strings.Join([]string{s.Schedule, s.Saga, s.Cron, s.Zone, s.Overlap, s.CatchUp}, " "))
	require.Equal(t, 7, s.AtMost)
	input, err := s.InputAt(time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC))
	require.NoError(t, err)
	require.Equal(t, `{"day":"2026-07-02","at":["2026-07-01T22:30:00Z",1.50,"<${x}>"]}`, string(input))
	times, err := s.Times()
	require.NoError(t, err)
	next, ok := times.Next(time.Date(2026, 7, 1, 22, 0, 0, 0, time.UTC))
	require.True(t, ok)
	require.Equal(t, "2026-07-02T00:30:00Z", next.Format(time.RFC3339))

	canonical, err := s.Canonical()
	require.NoError(t, err)
	again, err := definition.LoadSchedule("", canonical)
	require.NoError(t, err)
	require.Equal(t, s, again)

	least, err := definition.LoadSchedule("", []byte("unwind: v1\nschedule: a\nsaga: b\ncron: '@daily'"))
	require.NoError(t, err)
	require.Equal(t, "skip last 0 {}", strings.Join([]string{least.Overlap, least.CatchUp, "0", string(least.Input)}, " "))
	require.Zero(t, least.AtMost)
}

func TestScheduleFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{"unwind: v1", "unwind: v2", `1: unwind: unknown version "v2" of the format; write unwind: v1`},
		{"schedule: nightlyReport", "schedule: nightly-report", `2: schedule: "nightly-report" is not a name; write nightlyReport`},
		{"saga: report", "sagas: report", "1: saga: the schedule starts nothing; write saga: and the name of a definition\nf.yaml:3: sagas: unknown option of a schedule; did you mean saga?"},
		{`cron: "30 2 * * *"`, `cron: "30 25 * * *"`, `4: cron: not a cron expression: a field of "30 25 * * *" is out of bounds or unreadable; write minute, hour, day, month, weekday, such as "30 2 * * *", or @daily`},
		{`cron: "30 2 * * *"`, `cron: "30 2 30 2 *"`, `4: cron: the time never comes; no year has such a day: write one that comes`},
		{`cron: "30 2 * * *"`, "", `1: cron: the schedule has no time; write cron: and minute, hour, day, month, weekday, such as "30 2 * * *"`},
		{"zone: Europe/Berlin", "zone: Europe/Bielefeld", `5: zone: unknown time zone "Europe/Bielefeld"; write a name such as Europe/Berlin, or leave it out for UTC`},
		{"overlap: queue", "overlap: queu", `6: overlap: "queu" is not a word of it; did you mean queue?`},
		{"catchUp: all", "catchUp: never", `7: catchUp: "never" is not a word of it; known are all, last, none` + "\nf.yaml:8: atMost: atMost bounds catchUp: all, to at most 100; leave it out"},
		{"atMost: 7", "atMost: 101", "8: atMost: atMost bounds catchUp: all, to at most 100; leave it out"},
		{"atMost: 7", "until: 2030-01-01", "8: until: unknown option of a schedule; not in this version: leave it out"},
		{"${fire.at}", "${input.x}", "9: input.at[0]: ${input.x}: a schedule knows no expressions but the time; write ${fire.at} or ${fire.date}; what is computed belongs into the definition"},
		{"${fire.at}", "${fire.at", "9: input.at[0]: ${ is never closed; close it with }, or write $${ for the characters themselves"},
	} {
		text := strings.Replace(report, c.old, c.new, 1)
		require.NotEqual(t, report, text, c.old)
		_, err := definition.LoadSchedule("f.yaml", []byte(text))
		require.ErrorIs(t, err, saga.ErrInvalidDefinition)
		require.Equal(t, "f.yaml:"+c.want, err.Error())
	}
	_, err := definition.LoadSchedule("f.yaml", []byte("a: ["))
	require.ErrorContains(t, err, "not YAML")
}
