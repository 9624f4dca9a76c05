package cron

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

// MaxExpression is the longest expression, in bytes.
const MaxExpression = 200

// What Parse and Zone refuse.
var (
	// ErrExpression refuses an expression that cannot be read.
	ErrExpression = errors.New("not a cron expression")
	// ErrNever refuses an expression of days that no year has.
	ErrNever = errors.New("the time never comes")
	// ErrZone refuses a zone that is not known.
	ErrZone = errors.New("unknown time zone")
)

// names are what may stand for an expression.
var names = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@hourly": "0 * * * *",
}

// field is one field: gronx lets more pass than it understands.
var field = regexp.MustCompile(`^(?:[*?]|[0-9A-Za-z#]+(?:-[0-9A-Za-z]+)?)(?:/[0-9]+)?(?:,(?:[*?]|[0-9A-Za-z#]+(?:-[0-9A-Za-z]+)?)(?:/[0-9]+)?)*$`)

// fields are minute, hour, day of the month, month and day of the week.
const fields = 5

// Cron is an expression in a zone. The zero value is of no use; Parse makes one. It
// is safe for concurrent use.
type Cron struct {
	fields string
	zone   *time.Location
	hourly bool // it names no hour: what happens twice is meant twice
}

// Zone returns the zone of a name of the IANA database; "" is UTC. The error wraps
// ErrZone.
func Zone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("%w %q: it would be another one on another machine", ErrZone, name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w %.60q", ErrZone, name)
	}
	return zone, nil
}

// Parse reads an expression: five fields, or a name such as @daily. The error wraps
// ErrExpression or ErrNever.
func Parse(expression string, zone *time.Location) (Cron, error) {
	if len(expression) > MaxExpression {
		return Cron{}, fmt.Errorf("%w: longer than %d bytes", ErrExpression, MaxExpression)
	}
	text := strings.TrimSpace(expression)
	if plain, ok := names[text]; ok {
		text = plain
	}
	parts := strings.Fields(text)
	if len(parts) != fields {
		return Cron{}, fmt.Errorf("%w: want minute, hour, day, month and weekday, found %d fields", ErrExpression, len(parts))
	}
	for _, part := range parts {
		if !field.MatchString(part) {
			return Cron{}, fmt.Errorf("%w: the field %q", ErrExpression, part)
		}
	}
	c := Cron{fields: strings.Join(parts, " "), zone: zone, hourly: strings.HasPrefix(parts[1], "*") || parts[1] == "?"}
	if !gronx.IsValid(c.fields) {
		return Cron{}, fmt.Errorf("%w: a field of %q is out of bounds or unreadable", ErrExpression, c.fields)
	}
	if _, ok := c.tick(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), true); !ok {
		return Cron{}, ErrNever
	}
	return c, nil
}

// maxMoves bounds how many moves of the clocks are passed in search of a time; a
// zone has two a year, a leap day is at most eight years away.
const maxMoves = 64

// Next returns the first time after t; ok is false if none comes within decades.
//
// When the clocks are put forward, what falls into the hour that is left out is due
// once, at the moment of the move. When they are put back, what falls into the hour
// that happens twice is due the first time; both times if the hour is *.
func (c Cron) Next(t time.Time) (next time.Time, ok bool) {
	inclusive := false
	for range maxMoves {
		start, end := t.In(c.zone).ZoneBounds()
		offset := offsetAt(t, c.zone)
		if again := start.Add(c.repeated(start)); t.Before(again) {
			t, inclusive = again, true
		}
		tick, ok := c.tick(wall(t, offset), inclusive)
		if !ok {
			return time.Time{}, false
		}
		next = tick.Add(-offset)
		if end.IsZero() || next.Before(end) {
			return next, true
		}
		if tick.Before(wall(end, offsetAt(end, c.zone))) {
			return end.UTC(), true // the clocks left its time out
		}
		t, inclusive = end, true
	}
	return time.Time{}, false
}

// repeated is how much of what begins at a move of the clocks has happened before and
// is not due again.
func (c Cron) repeated(start time.Time) time.Duration {
	if start.IsZero() || c.hourly {
		return 0
	}
	return max(0, offsetAt(start.Add(-time.Nanosecond), c.zone)-offsetAt(start, c.zone))
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// wall is what a clock shows, as if it were UTC: no move troubles gronx.
func wall(t time.Time, offset time.Duration) time.Time { return t.UTC().Add(offset) }

func (c Cron) tick(from time.Time, inclusive bool) (time.Time, bool) {
	tick, err := gronx.NextTickAfter(c.fields, from, inclusive)
	return tick.Truncate(time.Second), err == nil
}

// Newest returns the last n times between two times, both included, in order; older
// says that there are more before them.
func (c Cron) Newest(from, to time.Time, n int) (times []time.Time, older bool) {
	for span := time.Hour; ; span *= 4 {
		begin := to.Add(-span)
		whole := !begin.After(from)
		if whole {
			begin = from
		}
		times = times[:0]
		for t, ok := c.Next(begin.Add(-time.Nanosecond)); ok && !t.After(to); t, ok = c.Next(t) {
			times = append(times, t)
		}
		if extra := len(times) - n; extra > 0 {
			return times[extra:], true
		}
		if whole {
			return times, false
		}
	}
}
