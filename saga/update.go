package saga

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An update lets others change a saga that is code and answers them. Its handler is
// a part of the function, and its event's record begins with the answer: run again,
// the function gets the update at the same place, and its validator, which was there
// to keep it out of the history, is not asked again. Ids are remembered with the
// event that has the answer, so that the same request is answered the same.

// Update is what the function of a saga that is code is asked to take.
type Update struct {
	Name  string  // Name says which of the updates that the function offers.
	Input Payload // Input is what it is asked with, JSON.
}

// UpdateAnswer is what the function has made of an update.
type UpdateAnswer struct {
	Output json.RawMessage `json:"output,omitempty"` // Output is what it has answered.
	Error  string          `json:"error,omitempty"`  // Error is the error that it has answered with: it has taken the update all the same.
}

// Taken is an update that a saga has taken, as it is remembered.
type Taken struct {
	Request uint64 // Request is the hash of its id.
	Seq     int64  // Seq is that of its event, which has the answer.
}

const (
	maxTaken    = 128       // updates that a state remembers
	askedUpdate = "update:" // begins the record of an update; its name follows
)

// ErrNoUpdate says that a saga's function does not take what it was asked to take,
// where it stands.
var ErrNoUpdate = errors.New("unknown-update: no such update")

// UpdateRefused says that the function does not want to take an update. Nothing is
// recorded of it.
type UpdateRefused struct {
	Update string // Update is the update's name.
	Reason string // Reason is what the function says, for people.
}

// Error returns the update and the reason.
func (u *UpdateRefused) Error() string { return "update-refused: " + u.Update + ": " + u.Reason }

// UpdateError says that an update was not taken through the fault of the saga's
// function. Nothing is recorded of it.
type UpdateError struct {
	Update string // Update is the update's name.
	Err    error  // Err is what is wrong, such as a panic with its stack.
}

// Error returns the update and what is wrong.
func (u *UpdateError) Error() string { return "update " + u.Update + ": " + u.Err.Error() }

// Unwrap returns what is wrong.
func (u *UpdateError) Unwrap() error { return u.Err }

// NoUpdate is the ErrNoUpdate of a function that offers others, in their order.
func NoUpdate(name string, have []string) error {
	text := "it has none"
	if len(have) > 0 {
		text = "it has " + strings.Join(have, ", ")
	}
	return fmt.Errorf("%w as %.80q; %s, where it stands now: the function may offer more as it goes on", ErrNoUpdate, name, text)
}

// TakenAs returns the Seq of the event of the update with that id, if it is
// remembered.
func (s *State) TakenAs(id string) (seq int64, ok bool) {
	if s.Extra == nil || id == "" {
		return 0, false
	}
	for _, t := range s.Extra.Taken {
		if t.Request == requestHash(id) {
			return t.Seq, true
		}
	}
	return 0, false
}

// UpdateAnswer returns what the function has made of the update e, which is an event
// of a history; ok is false of another event.
func (e *Event) UpdateAnswer() (a UpdateAnswer, ok bool) {
	asked := e.Extras().Asked
	if e.Kind != Updated || len(asked) == 0 || !strings.HasPrefix(asked[0].What, askedUpdate) {
		return a, false
	}
	return a, json.Unmarshal(asked[0].Data, &a) == nil
}

// updated lets the function take an update, if it wants to.
func (d *decision) updated() error {
	if err := d.mayUpdate(); err != nil {
		return err
	}
	turn, err := d.resume(nil)
	switch {
	case err != nil:
		return err
	case turn.Declined != nil:
		return d.declined(turn.Declined)
	case turn.Fault != nil:
		return turn.Fault
	case turn.Update == nil:
		return NoUpdate(d.e.Extras().Update, nil)
	}
	if err := d.answered(turn.Update); err != nil {
		return err
	}
	if err := d.take(&turn); err != nil || d.s.Status != Running {
		return err
	}
	return d.goOn()
}

// mayUpdate says why a saga takes no update now, whichever it is.
func (d *decision) mayUpdate() error {
	switch s := &d.s; {
	case d.g == nil:
		return fmt.Errorf("%w as %.80q: %s %s is declared, and has no function that could take it; send a signal instead", ErrNoUpdate, d.e.Extras().Update, d.m.def.Name, d.m.def.Version)
	case s.Status.Ended():
		return d.ended("update")
	case s.Status != Running:
		return fmt.Errorf("update saga %s: it is %s, and its function has ended: %w", s.ID, s.Status, ErrNotNow)
	case d.plan() == nil:
		return fmt.Errorf("update saga %s: its function has not begun: %w", s.ID, ErrNotNow)
	case d.plan().Ended:
		return fmt.Errorf("update saga %s: its function has returned: %w", s.ID, ErrNotNow)
	case d.e.Seq == 0 && s.Seq >= MaxCodeEvents:
		return fmt.Errorf("update saga %s: it has %d events, the most that it may have: %w", s.ID, s.Seq, ErrNotNow)
	}
	return nil
}

// declined is why the function has not taken an update. One that it has taken once
// it has to take whenever it is run again.
func (d *decision) declined(why error) error {
	if d.e.Seq == 0 {
		return why
	}
	return fmt.Errorf("%w: event %d was %s, which the code does not take: %s", ErrCodeChanged, d.e.Seq, askedUpdate+d.e.Extras().Update, why.Error())
}

// answered records what the function has made of an update, and the update's id.
func (d *decision) answered(a *UpdateAnswer) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write the answer of update %s: %w", d.e.Extras().Update, err)
	}
	if len(data) > MaxPayload {
		return fmt.Errorf("its answer has %d bytes, above the limit of %d: answer with less", len(data), MaxPayload)
	}
	if d.e.RequestID != "" {
		taken := append(slices.Clone(d.s.Extras().Taken), Taken{Request: requestHash(d.e.RequestID), Seq: d.s.Seq + 1})
		d.s.Own().Taken = taken[max(0, len(taken)-maxTaken):]
	}
	return d.record(Asked{What: askedUpdate + d.e.Extras().Update, Data: data})
}

// taken writes the section of that name.
func (w *stateWriter) taken(list []Taken) {
	w.int(int64(len(list)))
	for _, t := range list {
		w.fixed(t.Request)
		w.int(t.Seq)
	}
}
