package schedule

import (
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// The limits of schedules.
const (
	MaxSchedules = 1000        // MaxSchedules is how many schedules a namespace may have.
	MaxList      = 200         // MaxList is how many a page has at most.
	Late         = time.Minute // Late is how long after its time a time counts as one that nobody was there for.

	kept     = 100 // fires and changes of a schedule that are kept
	maxOpen  = 200 // sagas of a schedule that may wait to be started
	shown    = 5   // times that are told in advance
	showList = 20  // fires and changes that are shown
)

// What Store answers.
var (
	// ErrNotFound says that there is no such schedule.
	ErrNotFound = errors.New("there is no such schedule")
	// ErrTooMany refuses more than MaxSchedules.
	ErrTooMany = errors.New("the namespace has 1000 schedules: delete one")
	// ErrBusy refuses to trigger a schedule whose sagas wait to be started already.
	ErrBusy = errors.New("200 sagas of the schedule wait to be started already")
)

// Outcome says what became of one time of a schedule.
type Outcome string

// The outcomes.
const (
	Due     Outcome = "due"     // Due: its saga is about to be started.
	Queued  Outcome = "queued"  // Queued: it waits for the end of a saga of before.
	Started Outcome = "started" // Started: its saga was started.
	Skipped Outcome = "skipped" // Skipped: a saga of before was under way.
	Missed  Outcome = "missed"  // Missed: nobody was there, and it is not caught up on.
	Refused Outcome = "refused" // Refused: its saga could not be started; Fire.Detail says why.
)

// Fire is one time of a schedule and what became of it.
type Fire struct {
	At      time.Time // At is the time; of one that was triggered, when that was.
	Outcome Outcome   // Outcome says what became of it.
	Saga    saga.ID   // Saga is the saga that was started; zero for none.
	Detail  string    // Detail says why there is none.
	Actor   string    // Actor is who started it: the schedule, or who has triggered it.
	Decided time.Time // Decided is when that was decided.
}

// Change is one change of a schedule.
type Change struct {
	At     time.Time // At is when it was made.
	What   string    // What is applied, paused, resumed, triggered or deleted.
	Actor  string    // Actor is who has made it.
	Detail string    // Detail is the reason, or the schedule as it was applied.
}

// Schedule is a schedule as it is kept.
type Schedule struct {
	Namespace string               // Namespace is the tenant.
	Spec      *definition.Schedule // Spec is what was applied.
	Paused    *string              // Paused is why it starts nothing for now; nil: it does.
	Next      time.Time            // Next is its next time.
	Created   time.Time            // Created is when it was first applied.
	Changed   time.Time            // Changed is when it was last changed.
	ChangedBy string               // ChangedBy is who has done that.

	// Of Get alone:
	Times   []time.Time // Times are the next five.
	Fires   []Fire      // Fires are the last twenty, the newest first.
	Changes []Change    // Changes are the last twenty, the newest first.
}

// key is what makes the start for a time happen once.
func key(name string, at time.Time) string {
	return "schedule/" + name + "/" + at.UTC().Format(time.RFC3339Nano)
}
