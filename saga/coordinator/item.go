package coordinator

import (
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// item is one thing for a writer to do: an event of one saga and who waits for
// its outcome.
type item struct {
	bucket int
	saga   saga.ID
	event  saga.Event

	// A reply, or what was found where a reply should be.
	record *record.Record
	dead   *verdict
	move   int // with dead: the partition it belongs to, if it was misplaced

	letter *DeadLetter // a message of the outbox that can never be sent

	// A start.
	start *StartRequest
	next  *item       // behind it in its flow
	gone  atomic.Bool // nobody waits for it any more: it need not begin

	namespace string // a message of another saga: its namespace
	refused   error  // a child's start that was not admitted: why

	// A start or a verb: who waits. It has room for one answer.
	answer chan answer
	result answer

	due    time.Time // a wake: when it should have been
	far    time.Time // a far wake: its time
	mail   int64     // a kept message: its id
	done   bool      // set once nothing is left to do for it: its record counts as read
	folded bool      // set once a kept message needs no further keeping

	forgotten bool // set on a reply to a saga that may have been deleted
}

// answer is what a start or verb gets.
type answer struct {
	state   saga.State
	id      saga.ID
	fresh   bool
	changed bool
	err     error
}

// reply answers whoever waits for the item, once.
func (it *item) reply(a answer) {
	if it.answer == nil {
		return
	}
	select {
	case it.answer <- a:
	default:
	}
}

// outcome is what the item's answer is once the batch is committed. Of two
// starts with one key in a batch, the second fares as the first.
func (it *item) outcome(f *fold) answer {
	if it.start != nil && it.result.err == nil {
		if err := f.failed[it.result.id]; err != nil {
			return answer{err: err}
		}
	}
	return it.result
}

// isWake reports whether the item only says that time has passed.
func (it *item) isWake() bool { return it.event.Kind == saga.Woke }

// isVerb reports whether an operator's verb waits for an answer.
func (it *item) isVerb() bool {
	return it.answer != nil && it.start == nil && it.event.Kind != saga.Replied
}
