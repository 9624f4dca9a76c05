package saga

import (
	"encoding/json"
	"slices"
	"time"
)

// A command that takes long may have a heartbeat: its participant says ongoing at
// least that often, or the command is sent again. Then the clock of an attempt is
// the heartbeat, and a timeout, if the step has one as well, bounds the whole
// attempt however often it says that it is at work (DESIGN.md 6.3).

// MaxProgress is the longest progress that an ongoing carries, in bytes. The
// payload of one that is longer is dropped; it is a heartbeat all the same.
const MaxProgress = 1 << 10

// Progress is what a participant has said last of a command under way.
type Progress struct {
	At   time.Time       // At is when it was said.
	Data json.RawMessage // Data is JSON of at most MaxProgress bytes.
}

// beat is how often a participant has to be heard.
func (p Policy) beat() time.Duration {
	if p.Heartbeat > 0 {
		return p.Heartbeat
	}
	return p.Timeout
}

// clock is how long an attempt waits for a word. Heartbeats are stored at most once
// in a quarter of their time, so the last one may have come that much later than
// the state knows: a quarter more is what keeps whoever is in time from being asked
// again.
func (p Policy) clock() time.Duration {
	if p.Heartbeat > 0 {
		return p.Heartbeat + p.Heartbeat/4
	}
	return p.Timeout
}

// bounded reports whether the whole attempt has an end of its own.
func (p Policy) bounded() bool { return p.Heartbeat > 0 && p.Timeout > 0 }

// wind sets the clock of the attempt of step i, which begins at a time.
func (d *decision) wind(i int, p Policy, from time.Time) {
	st := &d.s.Steps[i]
	st.Due = from.Add(p.clock()).Truncate(time.Microsecond)
	if !p.bounded() {
		if !st.Extras().Until.IsZero() {
			st.Own().Until = time.Time{}
		}
		return
	}
	until := from.Add(p.Timeout).Truncate(time.Microsecond)
	st.Own().Until = until
	st.Due = earliest(st.Due, until)
}

// extend moves the deadline of a command whose participant says that it is at
// work. It is stored only when it moves by a quarter of the time, or brings
// progress after a quarter without.
func (d *decision) extend(i int, p Policy) {
	st := &d.s.Steps[i]
	extra := st.Extras()
	next := d.e.At.Add(p.clock()).Truncate(time.Microsecond)
	due := earliest(next, extra.Until)
	quarter := p.beat() / 4
	data := d.e.Payload.Data
	tells := d.e.Payload.IsJSON() && len(data) > 0 && len(data) <= MaxProgress && ValidJSON(data)
	moves := next.Sub(st.Due) >= quarter && due.After(st.Due)
	news := tells && (extra.Progress == nil || d.e.At.Sub(extra.Progress.At) >= quarter)
	if !moves && !news {
		return
	}
	d.changed = true
	if due.After(st.Due) {
		st.Due = due
	}
	if tells {
		st.Own().Progress = &Progress{At: d.e.At, Data: slices.Clone(data)}
	}
}

// rewind lets the clocks of step i's command begin anew, at the end of an outage of
// ours. One whose whole attempt is over was heard until now, nobody knows when
// last: its heartbeat is due a whole time from now.
func (d *decision) rewind(i int, p Policy, healthy time.Time) {
	st := &d.s.Steps[i]
	heard := p.bounded() && st.Due.Equal(st.Extras().Until)
	d.wind(i, p, healthy)
	if heard {
		st.Due = earliest(d.e.At.Add(p.clock()), st.Extras().Until)
	}
}

// window is how long the wait of step i's command lasts that is over at its Due.
func (d *decision) window(i int, p Policy) time.Duration {
	st := &d.s.Steps[i]
	if until := st.Extras().Until; !until.IsZero() && st.Due.Equal(until) {
		return p.Timeout
	}
	return p.clock()
}

// still lets the clock of a command stand still for a time.
func (s *StepState) still(pause time.Duration) {
	s.Due = s.Due.Add(pause)
	if !s.Extras().Until.IsZero() {
		extra := s.Own()
		extra.Until = extra.Until.Add(pause)
	}
}

// hush forgets what only a command under way has.
func (s *StepState) hush() {
	if s.Extra == nil || s.Extra.Until.IsZero() && s.Extra.Progress == nil {
		return
	}
	extra := s.Own()
	extra.Until, extra.Progress = time.Time{}, nil
	if *extra == (StepExtra{}) {
		s.Extra = nil // as it is read back from the store
	}
}

// beats writes what steps under way have said, each with its number; -1 ends them.
func (w *stateWriter) beats(steps []StepState) {
	begun := false
	for i := range steps {
		x := steps[i].Extra
		if x == nil || x.Until.IsZero() && x.Progress == nil {
			continue
		}
		if !begun {
			w.section(sectionBeats)
			begun = true
		}
		progress := Progress{}
		if x.Progress != nil {
			progress = *x.Progress
		}
		w.int(int64(i))
		w.time(x.Until)
		w.time(progress.At)
		w.bytes(progress.Data)
	}
	if begun {
		w.int(-1)
	}
}

func (r *stateReader) beats(steps []StepState) {
	for i := r.int(); i != -1 && !r.bad; i = r.int() {
		if i < 0 || i >= int64(len(steps)) {
			r.fail()
			return
		}
		extra := steps[i].Own()
		extra.Until = r.time()
		progress := Progress{At: r.time(), Data: r.bytes()}
		if !progress.At.IsZero() {
			extra.Progress = &progress
		}
	}
}
