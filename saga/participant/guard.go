package participant

import (
	"cmp"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// state is the guard's memory of one step of one saga.
type state uint8

const (
	stateNone      state = iota // no row: neither done nor undone
	stateDone                   // the do was carried out
	stateRejected               // the do was refused
	stateUndone                 // the do was carried out or refused, then undone
	stateTombstone              // the undo came first: the do must never run
)

// String returns the word in the guard table; "none" is never stored.
func (s state) String() string {
	return [...]string{"none", "done", "rejected", "undone", "tombstone"}[s]
}

// parseState is the inverse of state.String for what may be stored.
func parseState(text string) (state, error) {
	for s := stateDone; s <= stateTombstone; s++ {
		if s.String() == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("guard state %.20q: want done, rejected, undone or tombstone", text)
}

// position orders what the coordinator asked of one step: a restored coordinator
// database counts a new incarnation, a reversed or re-opened step a new epoch.
type position struct {
	incarnation int64
	epoch       int
}

// compare returns -1 if p is older than other, 0 if they are the same, else 1.
func (p position) compare(other position) int {
	return cmp.Or(cmp.Compare(p.incarnation, other.incarnation), cmp.Compare(p.epoch, other.epoch))
}

// entry is one row of the guard: the last answer and the position it was given
// for. Its zero value is the row that does not exist.
type entry struct {
	state   state
	at      position
	outcome saga.Outcome
	reason  string
	result  saga.Payload
	time    time.Time
}

// The reasons that the guard itself gives, words of the wire contract.
const (
	// ReasonStale refuses a command whose (incarnation, epoch) lies below the
	// one already answered.
	ReasonStale = "stale epoch"
	// ReasonUndone refuses a do whose step has been undone, for ever.
	ReasonUndone = "undone"
	// ReasonNothing says that an undo found nothing to undo.
	ReasonNothing = "nothing to undo"
	// ReasonOlderInput marks the stored success of an earlier epoch, whose input
	// may have differed.
	ReasonOlderInput = "older-input"
)

// ruling is what the guard decides of a command.
type ruling uint8

const (
	runHandler  ruling = iota // run the handler, store its answer
	repeat                    // answer what is stored
	repeatOlder               // the same, for a higher position, marked as older input
	raise                     // the same, for a higher position
	markUndone                // nothing was done: store undone
	entomb                    // nothing was done yet: store a tombstone
	refuseStale               // answer rejected, stale epoch; store nothing
	refuseDone                // answer rejected, undone; store nothing
)

// rulings is the table of the package comment: by state, direction, and whether
// the command's position is below, at or above the stored one.
//
//nolint:gochecknoglobals // a constant table
var rulings = [...]map[saga.Direction][3]ruling{
	stateNone: {
		saga.Do:   {runHandler, runHandler, runHandler},
		saga.Undo: {entomb, entomb, entomb},
	},
	stateDone: {
		saga.Do:   {refuseStale, repeat, repeatOlder},
		saga.Undo: {refuseStale, runHandler, runHandler},
	},
	stateRejected: {
		saga.Do:   {refuseStale, repeat, runHandler},
		saga.Undo: {refuseStale, markUndone, markUndone},
	},
	stateUndone: {
		saga.Do:   {refuseStale, refuseDone, refuseDone},
		saga.Undo: {refuseStale, repeat, raise},
	},
	stateTombstone: {
		saga.Do:   {refuseStale, refuseDone, refuseDone},
		saga.Undo: {refuseStale, repeat, raise},
	},
}

// rule looks the command's case up.
func rule(stored entry, direction saga.Direction, at position) ruling {
	return rulings[stored.state][direction][at.compare(stored.at)+1]
}

// positionOf returns the position of a command.
func positionOf(cmd saga.Command) position {
	return position{incarnation: cmd.Route.Incarnation, epoch: cmd.Epoch}
}

// answer returns the entry that a ruling without a handler answers with, and
// whether the stored row becomes it.
func (r ruling) answer(stored entry, at position) (next entry, store bool) {
	switch r {
	case repeatOlder:
		stored.at, stored.reason = at, ReasonOlderInput
		return stored, true
	case raise:
		stored.at = at
		return stored, true
	case markUndone:
		return entry{state: stateUndone, at: at, outcome: saga.Succeeded, reason: ReasonNothing}, true
	case entomb:
		return entry{state: stateTombstone, at: at, outcome: saga.Succeeded, reason: ReasonNothing}, true
	case refuseStale:
		return entry{outcome: saga.Rejected, reason: ReasonStale}, false
	case refuseDone:
		return entry{outcome: saga.Rejected, reason: ReasonUndone}, false
	}
	return stored, false
}
