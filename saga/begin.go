package saga

import (
	"fmt"
	"time"
)

// MaxBegin is how far ahead a start may be.
const MaxBegin = maxWait

// delay lets the first steps wait until the time that the start asks for, and
// reports whether they do. The deadline counts from then.
func (d *decision) delay() (bool, error) {
	begin := d.e.Extras().Begin.UTC().Truncate(time.Microsecond)
	switch {
	case !begin.After(d.e.At):
		return false, nil
	case begin.Sub(d.e.At) > MaxBegin:
		return false, fmt.Errorf("it is to begin at %s, which is more than %d days away", begin.Format(time.RFC3339), MaxBegin/(24*time.Hour))
	}
	d.s.Own().Begin = begin
	return true, nil
}

// begun lets the first steps begin if their time has come, and reports whether the
// saga still waits for it.
func (d *decision) begun() (waits bool, err error) {
	switch begin := d.s.Extras().Begin; {
	case begin.IsZero():
		return false, nil
	case begin.After(d.e.At):
		return true, nil
	}
	d.s.Own().Begin, d.changed = time.Time{}, true
	return false, d.enter()
}

// later returns the later of two times; zero is none.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest returns the earlier of two times; zero is none.
func earliest(wake, due time.Time) time.Time {
	if due.IsZero() || !wake.IsZero() && !due.Before(wake) {
		return wake
	}
	return due
}
