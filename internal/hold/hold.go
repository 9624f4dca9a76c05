package hold

import (
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// The kinds of what can be held.
const (
	Participant = breaker.ParticipantGroup    // Participant holds the commands to a participant, which all namespaces share.
	Definition  = coordinator.DefinitionGroup // Definition holds the commands of a definition's sagas.
	Namespace   = coordinator.NamespaceGroup  // Namespace holds the commands of a namespace's sagas.
)

// Target is what can be held.
type Target struct {
	Kind      string // Kind is Participant, Definition or Namespace.
	Namespace string // Namespace is the definition's, or the one that is meant; empty for a participant.
	Name      string // Name is the participant's, the definition's, or the namespace's again.
}

// String returns participant payments, definition order of shop, or namespace shop.
func (t Target) String() string {
	if t.Kind == Definition {
		return fmt.Sprintf("definition %s of %s", t.Name, t.Namespace)
	}
	return t.Kind + " " + t.Name
}

// group is what the gate calls it.
func (t Target) group() breaker.Group {
	g := breaker.Group{Kind: t.Kind, Name: t.Name}
	if t.Kind == Definition {
		g.Within = t.Namespace
	}
	return g
}

// Hold is how a target stands, and since when.
type Hold struct {
	Target
	ID        int64     // ID rises with every change.
	Held      bool      // Held: nothing of it leaves. Else it was released.
	Rate      int       // Rate is how many commands a second a release lets go, in all processes together; 0: as after a breaker.
	Reason    string    // Reason is what the operator has said.
	Actor     string    // Actor is who it was.
	RequestID string    // RequestID is that of the request; may be empty.
	At        time.Time // At is when, by the database's clock.
}

// Change asks to hold or to release a target.
type Change struct {
	Target
	Rate      int    // Rate is, of a release, how many commands a second may leave; 0: as after a breaker.
	Reason    string // Reason says why; at most saga.MaxReason bytes.
	Actor     string // Actor is who asks.
	RequestID string // RequestID makes a repeat change nothing; may be empty.
}

// What a Store may answer.
var (
	// ErrNotHeld refuses the release of what is not held.
	ErrNotHeld = errors.New("it is not held")
	// ErrTooMany refuses one more target.
	ErrTooMany = errors.New("too many participants, definitions and namespaces have been held: the most is 1,000")
)

// MaxRate is the highest rate of a release.
const MaxRate = 100_000
