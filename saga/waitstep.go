package saga

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A step that waits has no participant: it is over when its time has come, when a
// signal arrives, or when somebody has decided. It has no effect, so it is never
// undone; when the saga turns back it ends at once (DESIGN.md 6.5).

// Sleep lets time pass. One of its fields is set.
type Sleep struct {
	For   time.Duration // For is how long, 1 ms to 365 days.
	Until Expr          // Until yields the time to wait for, a text in RFC 3339; one that has passed ends the step at once.
}

// Await waits for a signal. One that comes before its step has begun is kept
// for it: signals and steps may race.
type Await struct {
	Signals []string      // Signals are the names of those that end the step; the first to come does.
	Event   *AwaitEvent   // Event, if set, lets an event end the step too, or instead.
	Timeout time.Duration // Timeout is how long; then the step is over without an output. Zero: for ever.
}

// Approval waits for somebody's decision. A refusal turns the saga back, so it
// stands before the pivot.
type Approval struct {
	By              []string      // By says who may decide, as user:NAME or group:NAME; empty: anybody whom the API lets.
	Due             time.Duration // Due is how long; zero: for ever.
	EscalateAfter   time.Duration // EscalateAfter is when EscalateTo may decide as well; zero: never.
	EscalateTo      []string      // EscalateTo says who.
	ApproveWhenLate bool          // ApproveWhenLate says what Due means: the saga goes on without a decision. Else it turns back.
}

// Everyone among the groups of an event makes its actor a member of every group:
// the API asks for no keys.
const Everyone = "*"

// Waited is what an expression can see of a step that waits, beside its output.
type Waited struct {
	TimedOut bool   // TimedOut: its time ran out with nothing.
	Signal   string // Signal is the name of the signal that has ended it.
}

// Waits reports whether the step waits instead of asking a participant.
func (s *Step) Waits() bool { return s.Sleep != nil || s.Await != nil || s.Approval != nil }

// mayExpire reports whether the step may be over without an output.
func (s *Step) mayExpire() bool {
	return s.Await != nil && s.Await.Timeout > 0 || s.Approval != nil && s.Approval.Due > 0 && s.Approval.ApproveWhenLate
}

// patience is the longest that the step waits, as far as that is known.
func (s *Step) patience() time.Duration {
	switch {
	case s.Sleep != nil:
		return s.Sleep.For
	case s.Await != nil:
		return s.Await.Timeout
	}
	return s.Approval.Due
}

// Participants lists those that the definition's steps ask, each once, in the
// order of the steps. Local is not one of them.
func (d *Definition) Participants() []string {
	var names []string
	for i := range d.Steps {
		name := d.Steps[i].Participant
		if name != "" && name != Local && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// waits checks a step that waits.
func (c *checker) waits(step *Step, at string) {
	if step.Participant != "" || step.Command != "" {
		c.fault(at+"command", "a step that waits has no command", "make two steps of it")
	}
	if step.Input != nil {
		c.fault(at+"input", "a step that waits has no input", "remove input")
	}
	if step.Kind != Compensable {
		c.fault(at+"kind", "a step that waits has no effect and so no kind", "remove kind")
	}
	if step.Compensation != "" || step.Reason != "" {
		c.fault(at+"compensation", "a step that waits has no effect to undo", "remove compensation and noCompensation")
	}
	if step.Do != (Policy{}) || step.Undo != (Policy{}) {
		c.fault(at+"retry", "a step that waits is not tried again", "remove timeout, retry and undo")
	}
	switch {
	case step.Sleep != nil && (step.Await != nil || step.Approval != nil), step.Await != nil && step.Approval != nil:
		c.fault(at+"sleep", "a step waits for one thing", "make two steps of it")
	case step.Sleep != nil:
		c.sleep(step.Sleep, at)
	case step.Await != nil:
		c.await(step.Await, at)
	default:
		c.approval(step.Approval, at)
	}
}

func (c *checker) sleep(s *Sleep, at string) {
	switch {
	case (s.For != 0) == (s.Until != nil):
		c.fault(at+"sleep", "it says neither how long nor until when, or both", "write a duration such as 14d, or until:")
	case s.For != 0:
		c.span(at+"sleep", s.For)
	}
}

func (c *checker) await(a *Await, at string) {
	c.awaitEvent(a, at)
	if len(a.Signals) == 0 && a.Event == nil {
		c.fault(at+"await.signal", "the signal has no name", "write signal: and a name such as paid")
	}
	for _, name := range a.Signals {
		if !IsName(name) {
			c.fault(at+"await.signal", fmt.Sprintf("%q is not a name", name), "write a name like paid: [a-z][A-Za-z0-9]*")
		}
	}
	if a.Timeout != 0 {
		c.span(at+"await.timeout", a.Timeout)
	}
}

func (c *checker) approval(a *Approval, at string) {
	for _, who := range slices.Concat(a.By, a.EscalateTo) {
		kind, name, _ := strings.Cut(who, ":")
		if kind != "user" && kind != "group" || name == "" || len(who) > MaxReason {
			c.fault(at+"approval.by", fmt.Sprintf("%q is nobody", who), "write user:NAME or group:NAME")
		}
	}
	if a.Due != 0 {
		c.span(at+"approval.due", a.Due)
	}
	switch {
	case (a.EscalateAfter != 0) != (len(a.EscalateTo) > 0):
		c.fault(at+"approval.escalate", "it needs both a time and people", "write after: and to:")
	case a.EscalateAfter != 0 && len(a.By) == 0:
		c.fault(at+"approval.escalate", "anybody may decide already", "write by:, or remove escalate")
	case a.EscalateAfter != 0:
		c.span(at+"approval.escalate.after", a.EscalateAfter)
		if a.Due != 0 && a.EscalateAfter >= a.Due {
			c.fault(at+"approval.escalate.after", "it comes when the decision is due already", "write a time below due")
		}
	}
	if a.ApproveWhenLate && a.Due == 0 {
		c.fault(at+"approval.onTimeout", "there is no time that could be over", "write due: or remove onTimeout")
	}
}

func (c *checker) span(at string, d time.Duration) {
	if d < time.Millisecond || d > maxWait {
		c.fault(at, d.String()+" is out of range", "write 1ms to 365 days")
	}
}
