package saga

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Heed is somebody's word on a reason for attention: that it is known, or that it can
// wait. It ends with the reason.
type Heed struct {
	Reason AttentionReason // Reason and Step say which one.
	Step   string          // Step is the reason's step.
	By     string          // By is who has said so.
	At     time.Time       // At is when.
	Until  time.Time       // Until is when it is shown among what is open again; zero: it always was.
}

// AssignedName is the name under which a store finds sagas by who looks after them,
// among the attributes: no attribute of a definition can have it.
const AssignedName = "@assigned"

// SnoozedName is the same for those whose attention was put off; its value is
// State.Snoozed in microseconds since 1970.
const SnoozedName = "@snoozed"

// MaxSnooze is how long a reason for attention can be put off.
const MaxSnooze = 90 * 24 * time.Hour

// The parameters of the verbs on attention, as the payloads of their events say them.
type (
	// Assignment is an Assigned's.
	Assignment struct {
		To string `json:"to,omitempty"` // To is user:NAME or group:NAME; empty: nobody any more.
	}
	// Heeding is an Acknowledged's or a Snoozed's.
	Heeding struct {
		Attention AttentionReason `json:"attention,omitempty"` // Attention is which reason; empty: every one, of the event's step if it has one.
		Until     time.Time       `json:"until,omitzero"`      // Until is, in a Snoozed, when it comes back by itself.
	}
)

// parameters reads the payload of a verb's event.
func (d *decision) parameters(verb string, into any) error {
	if len(d.e.Payload.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(d.e.Payload.Data, into); err != nil {
		return fmt.Errorf("%s saga %s: %w: %w", verb, d.s.ID, ErrInvalid, err)
	}
	return nil
}

// assigned makes somebody the owner of the saga's trouble.
func (d *decision) assigned() error {
	var a Assignment
	if err := d.parameters("assign", &a); err != nil {
		return err
	}
	switch {
	case a.To != "" && !isPerson(a.To):
		return fmt.Errorf("assign saga %s: to %.80q: write user:NAME or group:NAME: %w", d.s.ID, a.To, ErrInvalid)
	case a.To == d.s.Extras().Assigned:
		return nil
	case len(d.s.Attention) == 0:
		return d.calmly("assign")
	}
	d.s.Own().Assigned, d.changed = a.To, true
	return nil
}

// isPerson reports whether text names a user or a group.
func isPerson(text string) bool {
	kind, name, _ := strings.Cut(text, ":")
	return (kind == "user" || kind == "group") && name != "" && len(text) <= MaxKey && !strings.ContainsFunc(text, notPrintable)
}

// calmly refuses a verb on attention that is not there.
func (d *decision) calmly(verb string) error {
	kind := " of that kind"
	if len(d.s.Attention) == 0 {
		kind = ""
	}
	return fmt.Errorf("%s saga %s: it needs no attention%s: %w", verb, d.s.ID, kind, ErrNotNow)
}

// acknowledged notes that somebody knows of the trouble. What was put off is shown
// again.
func (d *decision) acknowledged() error {
	var h Heeding
	if err := d.parameters("acknowledge", &h); err != nil {
		return err
	}
	h.Until = time.Time{}
	return d.heed("acknowledge", h)
}

// snoozed puts reasons for attention off until a time. Nothing wakes the saga then:
// whoever lists what is open compares the times.
func (d *decision) snoozed() error {
	var h Heeding
	if err := d.parameters("snooze", &h); err != nil {
		return err
	}
	h.Until = h.Until.UTC().Truncate(time.Microsecond)
	if wait := h.Until.Sub(d.e.At); wait <= 0 || wait > MaxSnooze {
		return fmt.Errorf("snooze saga %s: until %s: write a time of the next %d days: %w",
			d.s.ID, h.Until.Format(time.RFC3339), MaxSnooze/(24*time.Hour), ErrInvalid)
	}
	return d.heed("snooze", h)
}

// heed notes a word on every reason for attention that it is about.
func (d *decision) heed(verb string, h Heeding) error {
	list := slices.Clone(d.s.Extras().Heeds)
	for _, a := range d.s.Attention {
		if h.Attention != "" && h.Attention != a.Reason || d.e.Step.Name != "" && !d.e.Step.covers(a.Step) {
			continue
		}
		heed := Heed{Reason: a.Reason, Step: a.Step, By: d.e.Actor.Name, At: d.e.At, Until: h.Until}
		list = slices.DeleteFunc(list, func(o Heed) bool { return o.about(a) })
		list, d.changed = append(list, heed), true
	}
	if !d.changed {
		return d.calmly(verb)
	}
	d.s.Own().Heeds = list
	return nil
}

// about reports whether h is a word on a.
func (h Heed) about(a Attention) bool { return h.Reason == a.Reason && h.Step == a.Step }

// Heeded returns what was said of a reason for attention; ok is false if nothing was.
func (s *State) Heeded(a Attention) (h Heed, ok bool) {
	heeds := s.Extras().Heeds
	i := slices.IndexFunc(heeds, func(h Heed) bool { return h.about(a) })
	if i < 0 {
		return Heed{}, false
	}
	return heeds[i], true
}

// Snoozed returns until when everything that the saga needs attention for was put off;
// zero if something was not.
func (s *State) Snoozed() time.Time {
	var until time.Time
	for _, a := range s.Attention {
		h, _ := s.Heeded(a)
		if h.Until.IsZero() {
			return h.Until
		}
		until = earliest(until, h.Until)
	}
	return until
}

// forgive forgets what was said of attention that has ended, and whose trouble it was.
func (s *State) forgive() {
	x := s.Extra
	if x == nil || x.Assigned == "" && x.Heeds == nil {
		return
	}
	gone := func(h Heed) bool { return !slices.ContainsFunc(s.Attention, h.about) }
	if len(s.Attention) > 0 && !slices.ContainsFunc(x.Heeds, gone) {
		return
	}
	own := s.Own()
	own.Heeds = slices.DeleteFunc(slices.Clone(x.Heeds), gone)
	if len(own.Heeds) == 0 {
		own.Heeds = nil // as it is read back from the store
	}
	if len(s.Attention) == 0 {
		own.Assigned = ""
	}
}

// trouble writes who looks after a saga and what was said of its attention.
func (w *stateWriter) trouble(x *StateExtra) {
	if x.Assigned == "" && len(x.Heeds) == 0 {
		return
	}
	w.section(sectionTrouble)
	w.text(x.Assigned)
	w.int(int64(len(x.Heeds)))
	for _, h := range x.Heeds {
		w.text(string(h.Reason))
		w.text(h.Step)
		w.text(h.By)
		w.time(h.At)
		w.time(h.Until)
	}
}

func (r *stateReader) heed() Heed {
	return Heed{Reason: AttentionReason(r.text()), Step: r.text(), By: r.text(), At: r.time(), Until: r.time()}
}
