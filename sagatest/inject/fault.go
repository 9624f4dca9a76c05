package inject

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/sagatest/stage"
)

// Kind is a kind of fault.
type Kind string

// The faults of a command, at its participant and on the way there and back.
const (
	Rejected          Kind = "rejected"                        // Rejected: the participant says no; a compensation or a step behind the pivot this once.
	Failed            Kind = "failed"                          // Failed: the handler fails and has done nothing.
	FailedButDone     Kind = "failed-but-done"                 // FailedButDone: the participant says failed, and has done it.
	CrashBefore       Kind = "participant-crash-before-commit" // CrashBefore: the participant dies before its commit and gets the command again.
	CrashAfter        Kind = "participant-crash-after-commit"  // CrashAfter: the participant dies after its commit, and gets the command again.
	Gone              Kind = "participant-away"                // Gone: the participant is away for ten minutes.
	ReplyLost         Kind = "reply-lost"                      // ReplyLost: nobody hears the reply.
	ReplyLate         Kind = "reply-late"                      // ReplyLate: the reply comes when the attempt's time is over.
	ReplyTwice        Kind = "reply-twice"                     // ReplyTwice: the reply comes twice, and once more an hour later.
	CommandLate       Kind = "command-late"                    // CommandLate: the command comes when the attempt's time is over.
	CommandTwice      Kind = "command-twice"                   // CommandTwice: the command comes twice, and once more an hour later.
	CrashBeforeCommit Kind = "crash-before-commit"             // CrashBeforeCommit: the coordinator dies before it commits an event.
	CrashAfterCommit  Kind = "crash-after-commit"              // CrashAfterCommit: it dies when it has, before it sends what the event leads to.
	CrashAfterSend    Kind = "crash-after-send"                // CrashAfterSend: it dies when it has sent it, and another sends it again.
	CoordinatorAway   Kind = "coordinator-away"                // CoordinatorAway: it dies before it commits, and nobody follows for ten minutes.
)

var (
	commandKinds = []Kind{
		Rejected, Failed, FailedButDone, CrashBefore, CrashAfter, Gone, ReplyLost, ReplyLate, ReplyTwice, CommandLate, CommandTwice,
	}
	crashes = map[Kind]stage.Crash{
		CrashBeforeCommit: stage.BeforeCommit, CrashAfterCommit: stage.AfterCommit, CrashAfterSend: stage.AfterSend, CoordinatorAway: stage.Away,
	}
	eventKinds = []Kind{CrashBeforeCommit, CrashAfterCommit, CrashAfterSend, CoordinatorAway}
)

// Point is where a fault can strike: an attempt of a command, or an event.
type Point struct {
	Event     int64          // Event is the event's number; 0: it is a command.
	Direction saga.Direction // Direction is do or undo.
	Step      string         // Step is the step's run, such as hotel or ship[2].
	Attempt   int            // Attempt is the attempt.
}

// String returns event 4, or do hotel 1.
func (p Point) String() string {
	if p.Event > 0 {
		return "event " + strconv.FormatInt(p.Event, 10)
	}
	return fmt.Sprintf("%s %s %d", p.Direction, p.Step, p.Attempt)
}

// Fault is a fault at a point.
type Fault struct {
	Point Point // Point is where it strikes.
	Kind  Kind  // Kind is what happens.
}

// String returns the point and the kind.
func (f Fault) String() string { return f.Point.String() + " " + string(f.Kind) }

// Faults strike in one run, in this order.
type Faults []Fault

// String returns the faults with commas between them; ParseFaults reads it.
func (f Faults) String() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].String()
	}
	return strings.Join(texts, ", ")
}

// ParseFaults is the inverse of Faults.String.
func ParseFaults(text string) (Faults, error) {
	var all Faults
	for one := range strings.SplitSeq(text, ",") {
		f, err := parseFault(strings.Fields(one))
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", strings.TrimSpace(one), err)
		}
		all = append(all, f)
	}
	return all, nil
}

func parseFault(words []string) (f Fault, err error) {
	if len(words) == 3 && words[0] == "event" {
		f.Kind = Kind(words[2])
		if f.Point.Event, err = strconv.ParseInt(words[1], 10, 64); err != nil || crashes[f.Kind] == 0 {
			return f, fmt.Errorf("want event, its number and one of %v", eventKinds)
		}
		return f, nil
	}
	if len(words) != 4 || !slices.Contains(commandKinds, Kind(words[3])) {
		return f, fmt.Errorf("want do or undo, a step, an attempt and one of %v", commandKinds)
	}
	f.Kind, f.Point.Step = Kind(words[3]), words[1]
	if f.Point.Direction, err = saga.ParseDirection(words[0]); err != nil {
		return f, err
	}
	f.Point.Attempt, err = strconv.Atoi(words[2])
	return f, err
}

// all are the faults that can strike at a point.
func (p Point) all() []Kind {
	if p.Event > 0 {
		return eventKinds
	}
	return commandKinds
}
