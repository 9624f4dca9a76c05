package batch

import (
	"context"
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// The limits of batches.
const (
	MaxSagas    = 100_000 // MaxSagas is how many sagas a batch may have.
	MaxRate     = 1000    // MaxRate is how many sagas a second a batch may ask.
	DefaultRate = 50      // DefaultRate is Request.Rate's.
)

// What Store answers.
var (
	// ErrNotFound says that there is no such batch.
	ErrNotFound = errors.New("there is no such batch")
	// ErrTooMany refuses a batch of more than MaxSagas.
	ErrTooMany = errors.New("the filter chooses more than 100000 sagas: narrow it")
	// ErrState refuses a change that a batch's state does not allow.
	ErrState = errors.New("the batch is not in a state for that")
	// ErrUnapproved refuses to run a large batch that no second person has approved.
	ErrUnapproved = errors.New("a batch of that many sagas runs only when another person than the one who made it has approved it")
	// ErrSamePerson refuses an approval by who has made the batch.
	ErrSamePerson = errors.New("another person than the one who made the batch has to approve it")
)

// State says how far a batch is.
type State string

// The states of a batch.
const (
	Frozen  State = "frozen"  // Frozen: its sagas are chosen, and nothing was asked yet.
	Running State = "running" // Running: it is worked through.
	Paused  State = "paused"  // Paused: it can be run again.
	Stopped State = "stopped" // Stopped: what is left of it is not asked any more.
	Done    State = "done"    // Done: every saga was asked.
)

// Outcome is how a saga of a batch has fared.
type Outcome string

// The outcomes. A saga that was not asked yet has none.
const (
	Asked     Outcome = "done"      // Asked: the verb changed the saga.
	Unchanged Outcome = "unchanged" // Unchanged: there was nothing to do, or it was done before.
	Refused   Outcome = "refused"   // Refused: the saga answered why not.
)

// Restarted is the verb of a batch that starts sagas anew which have ended. It is no
// event of theirs: each of them is followed by a saga of its own.
const Restarted saga.EventKind = "restarted"

// Request asks for a batch.
type Request struct {
	Filter       sagapg.Filter  // Filter chooses the sagas; After and Limit are left out.
	Asked        string         // Asked is the filter as it was asked for, JSON.
	Verb         saga.EventKind // Verb is what is asked of each, or Restarted.
	Step         string         // Step is the step that it is about; empty for none.
	Parameters   Parameters     // Parameters are what the verb says beside.
	Reason       string         // Reason says why.
	Actor        string         // Actor is who asks.
	ApproveAbove int            // ApproveAbove is how many sagas a batch may have that needs no second person; 0: any number.
	Rate         int            // Rate is how many sagas are asked a second, 1 to MaxRate; 0 is DefaultRate.

	// Fits says whether what the verb says fits the sagas that the batch would have; with
	// an error it is not made. nil: it does.
	Fits func(context.Context, []Kind) error
}

// Kind is a version of a definition that sagas of a batch have.
type Kind struct {
	Definition string // Definition is the definition's name.
	Version    string // Version is what they are pinned to.
	Back       bool   // Back: they are compensating.
}

// Parameters are what a verb says beside its step and its reason; see coordinator.Verb.
type Parameters struct {
	Signal  string       `json:"signal,omitempty"`  // Signal is a signal's name.
	Outcome saga.Outcome `json:"outcome,omitempty"` // Outcome is a decision's.
	Groups  []string     `json:"groups,omitempty"`  // Groups are those that who has made the batch belonged to.
	Payload []byte       `json:"payload,omitempty"` // Payload is JSON, kept byte for byte.
}

// Batch is a verb on many sagas.
type Batch struct {
	ID            int64           // ID counts batches.
	Namespace     string          // Namespace is the tenant.
	Verb          saga.EventKind  // Verb is what is asked of each saga.
	Step          string          // Step is the step that it is about.
	Parameters    Parameters      // Parameters are what the verb says beside.
	Reason        string          // Reason says why.
	Actor         string          // Actor is who has made it; it stands in the histories.
	Filter        string          // Filter is what was asked for, JSON.
	Rate          int             // Rate is how many sagas are asked a second.
	State         State           // State says how far it is.
	Total         int             // Total is how many sagas it has.
	Counts        map[Outcome]int // Counts are how many have fared so.
	At            time.Time       // At is when it was made.
	ChangedAt     time.Time       // ChangedAt is when its state was changed last.
	ChangedBy     string          // ChangedBy is who has done that.
	NeedsApproval bool            // NeedsApproval: it is large, so a second person has to approve it.
	ApprovedBy    string          // ApprovedBy is who has; empty: nobody.
	ApprovedAt    *time.Time      // ApprovedAt is when.
}

// Item is one saga of a batch.
type Item struct {
	Saga    saga.ID // Saga is the saga.
	Outcome Outcome // Outcome is how it has fared; empty: it was not asked yet.
	Detail  string  // Detail is why it was refused.
}
