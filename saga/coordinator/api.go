package coordinator

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// StartRequest asks for a new saga.
type StartRequest struct {
	Namespace   string        // Namespace is the tenant; required.
	Definition  string        // Definition is the definition's name; required.
	Version     string        // Version is the version to pin, such as r12; required: the caller resolves "latest".
	Key         string        // Key makes the start idempotent; empty: every request is a new saga. At most MaxKey bytes.
	BusinessKey string        // BusinessKey is the key that at most one running saga of the definition has; empty: none. At most saga.MaxKey bytes.
	Input       saga.Payload  // Input is the saga's input, already checked against the definition's schema.
	Actor       saga.Actor    // Actor is who starts it.
	Begin       time.Time     // Begin is when the first steps begin, at most saga.MaxBegin ahead; zero, or passed: at once.
	Trace       string        // Trace is the traceparent of who starts it, for a link; empty or not valid: none.
	Priority    saga.Priority // Priority says which starts of the namespace go first when they have to wait; the definition's, evaluated by the caller.
	Fixed       saga.ID       // Fixed is the id to use; zero lets the coordinator choose.
}

// MaxKey is the longest idempotency key, in bytes.
const MaxKey = 256

// StartResult is the answer to a start. It is given only after the commit.
type StartResult struct {
	ID  saga.ID // ID is the saga's.
	New bool    // New is false when the key had already started this saga.
}

// Verb is what an operator asks of a saga. What a verb does is said with its
// event's kind, in package saga.
type Verb struct {
	Kind      saga.EventKind // Kind is saga.Cancelled, Paused, Resumed, Retried, StepSkipped, StepResolved, StepEdited, Terminated, Signalled, Updated, Decided or Annotated.
	Saga      saga.ID        // Saga is the saga.
	Step      string         // Step is the step that it is about; of a Retried, empty for all.
	Payload   saga.Payload   // Payload is a StepResolved's output, a StepEdited's input, a Signalled's payload or an Updated's input, JSON.
	Signal    string         // Signal is a Signalled's name.
	Update    string         // Update is an Updated's name.
	Outcome   saga.Outcome   // Outcome is a Decided's: saga.Succeeded or Rejected.
	Groups    []string       // Groups are those of who has Decided.
	Actor     saga.Actor     // Actor is who asks.
	Reason    string         // Reason says why.
	RequestID string         // RequestID makes the verb idempotent; may be empty.
}

// VerbResult is the answer to a verb, given only after the commit.
type VerbResult struct {
	State   saga.State // State is the saga's state afterwards.
	Changed bool       // Changed is false when there was nothing to do.
}

// What Start and Do may answer. saga.ErrPastPivot is another.
var (
	// ErrKeyUsed says that the key has started a saga with other content.
	ErrKeyUsed = errors.New("the idempotency key was used for another start")
	// ErrBadStart says that the saga's first transition failed on this input.
	ErrBadStart = errors.New("the saga cannot be started with this input")
	// ErrNotFound says that there is no such saga.
	ErrNotFound = errors.New("no such saga")
	// ErrVersion says that this process cannot take the verb: it does not have the
	// version of the definition that the saga is pinned to, or it is too old to read
	// the saga. Nothing was changed; another process may take it.
	ErrVersion = errors.New("this process cannot read the saga's version: ask one that can, or bring it up to date")
	// ErrCannot says that the saga cannot take the verb as it is: its function has changed or
	// panics, or an expression of its definition fails. The saga needs attention and says why.
	ErrCannot = errors.New("the saga cannot take this as it is, and needs attention")
	// ErrNotReady says that this process owns no bucket yet, or is overloaded or
	// stopping. Trying again soon may help.
	ErrNotReady = errors.New("the coordinator cannot take this now; try again")
)

// hash identifies everything that a start says (DESIGN.md 6.13). Parts are
// length-prefixed so that they cannot run into each other.
func (r StartRequest) hash() [32]byte {
	h := sha256.New()
	var n [8]byte
	for _, part := range [][]byte{
		[]byte(r.Namespace), []byte(r.Definition), r.Input.Data,
		[]byte(r.Input.ContentType), []byte(r.Input.Codec), []byte(r.Input.KeyID),
	} {
		binary.LittleEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write(part)
	}
	if !r.Begin.IsZero() {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(r.Begin.UnixMicro())))
	}
	return [32]byte(h.Sum(nil))
}
