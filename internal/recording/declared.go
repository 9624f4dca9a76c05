package recording

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// Redecide decides a history again with the version that its saga is pinned to. It
// returns nil if every event makes the saga send what it sent, and the state is what it
// was: this build's engine decides as the one did that was there.
func (s Saga) Redecide(pinned saga.Decider) *Difference {
	run, err := s.begin(pinned)
	for i := range s.History {
		if err != nil {
			break
		}
		e := &s.History[i]
		if err = run.decide(s.History[:i+1]); err == nil && !slices.Equal(run.sent, e.Sent) {
			return s.differs("event %d (%s) sent %s, and would send %s", e.Seq, e.Kind, listed(e.Sent), listed(run.sent))
		}
	}
	switch {
	case err != nil:
		return s.differs("%s", err)
	case !bytes.Equal(saga.AppendState(nil, &run.state), s.State):
		return s.differs("the history leads to another state than it did")
	}
	return nil
}

// Compare decides a history with the version that its saga is pinned to and with another
// decider beside it. It returns the first event after which the saga would have sent
// something else, or stand elsewhere: its status, the phases of its steps, its attention,
// what it waits for.
func (s Saga) Compare(pinned, other saga.Decider) *Difference {
	was, err := s.begin(pinned)
	if err != nil {
		return s.differs("%s", err)
	}
	would, err := s.begin(other)
	if err != nil {
		return s.differs("%s", err)
	}
	for i := range s.History {
		e := &s.History[i]
		if err := was.decide(s.History[:i+1]); err != nil {
			return s.differs("%s", err)
		}
		if err := would.decide(s.History[:i+1]); err != nil {
			return s.differs("%s with the other definition", err)
		}
		if !slices.Equal(was.sent, would.sent) {
			return s.differs("event %d (%s) sent %s, and would send %s", e.Seq, e.Kind, listed(was.sent), listed(would.sent))
		}
		if left, right := was.stands(), would.stands(); left != right {
			return s.differs("after event %d (%s) it was %s, and would be %s", e.Seq, e.Kind, left, right)
		}
	}
	return nil
}

// differs is a Difference of this saga.
func (s Saga) differs(format string, args ...any) *Difference {
	return &Difference{Saga: s.ID, Definition: s.Definition, Version: s.Version, Text: fmt.Sprintf(format, args...)}
}

// redecision is a history on its way.
type redecision struct {
	decider saga.Decider
	state   saga.State
	sent    []saga.Sent // by the last event
}

func (s Saga) begin(decider saga.Decider) (*redecision, error) {
	id, err := saga.ParseID(s.ID)
	return &redecision{decider: decider, state: saga.State{ID: id}}, err
}

// decide decides the last event of a history.
func (r *redecision) decide(h saga.History) (err error) {
	e := h[len(h)-1]
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("event %d (%s) would not be decided: panic: %v", e.Seq, e.Kind, p)
		}
	}()
	next, effects, err := r.decider.Decide(r.state, h, e)
	switch {
	case err != nil:
		return fmt.Errorf("event %d (%s) would not be decided: %w", e.Seq, e.Kind, err)
	case next.Seq != e.Seq:
		return fmt.Errorf("event %d (%s) would change nothing", e.Seq, e.Kind)
	}
	stored := e.Stored(&next, effects)
	r.state, r.sent = next, stored.Sent
	return nil
}

// stands says where the saga is, in words that two definitions share.
func (r *redecision) stands() string {
	s := &r.state
	phases := map[string]string{}
	if d, ok := r.decider.(interface{ Definition() saga.Definition }); ok {
		def := d.Definition()
		for i := range min(len(def.Steps), s.Plain()) {
			phases[def.Steps[i].Name] = s.Steps[i].Phase.String()
		}
	}
	words := []string{s.Status.String()}
	for _, name := range slices.Sorted(maps.Keys(phases)) {
		if phases[name] != saga.Waiting.String() { // one that has not begun may be new, or gone
			words = append(words, name+" "+phases[name])
		}
	}
	for _, a := range s.Attention {
		words = append(words, "attention "+strings.TrimSpace(string(a.Reason)+" "+a.Step))
	}
	if waits := s.WaitingFor(); len(waits) > 0 {
		words = append(words, "waiting for "+strings.Join(waits, " and "))
	}
	return strings.Join(words, ", ")
}

// listed says which commands those are.
func listed(sent []saga.Sent) string {
	if len(sent) == 0 {
		return "nothing"
	}
	texts := make([]string, len(sent))
	for i, one := range sent {
		texts[i] = one.String()
	}
	return strings.Join(texts, "; ")
}
