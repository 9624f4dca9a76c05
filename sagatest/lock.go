package sagatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/unwindhq/unwind/saga"
)

// lockRow is one saga in the queue of a key.
type lockRow struct {
	key     string
	saga    saga.ID
	granted bool
}

// oneOf is an expression: one of a few keys, by the input's number.
type oneOf struct{ keys, times int }

// String returns what it yields.
func (o oneOf) String() string { return fmt.Sprintf("one of %d keys", o.keys) }

// Reads implements saga.Expr.
func (oneOf) Reads() saga.Reads { return saga.Reads{Input: true} }

// Eval implements saga.Expr.
func (o oneOf) Eval(scope saga.Scope) (json.RawMessage, error) {
	value, err := field{"", "n"}.Eval(scope)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
	return fmt.Appendf(nil, `"k%d"`, n*o.times%o.keys), err
}

// locked makes definitions that take locks, one of them two at once and for as long
// as it takes.
func (w *world) locked() []saga.Definition {
	return []saga.Definition{
		{Name: "locked", Version: "r1", Steps: w.sequence(), Locks: []saga.Expr{oneOf{5, 1}}, LockTimeout: w.seconds(120)},
		{Name: "lockedTwice", Version: "r1", Steps: w.sequence()[:2], Locks: []saga.Expr{oneOf{5, 3}, oneOf{5, 1}}},
	}
}

// lock keeps what a transition asks of locks, and reports whether the effect was that.
func (ch *change) lock(effect saga.Effect) bool {
	switch e := effect.(type) {
	case saga.Acquire:
		ch.acquire = e.Keys
	case saga.Release:
		ch.release = e.Keys
	default:
		return false
	}
	return true
}

// queue writes what a change asks of locks, and grants what is free.
func (s *store) queue(ch *change, mutant Mutant) {
	for _, key := range ch.acquire {
		s.locks = append(s.locks, lockRow{key: key, saga: ch.id})
	}
	if mutant != LockKept {
		s.locks = slices.DeleteFunc(s.locks, func(l lockRow) bool { return l.saga == ch.id && slices.Contains(ch.release, l.key) })
	}
	for _, key := range slices.Concat(ch.acquire, ch.release) {
		i := slices.IndexFunc(s.locks, func(l lockRow) bool { return l.key == key && (mutant != GrantToAll || !l.granted) })
		if i < 0 || s.locks[i].granted {
			continue
		}
		s.locks[i].granted = true
		e := saga.Event{Kind: saga.Granted, Actor: saga.Actor{Kind: saga.Engine}}
		e.Own().Key = key
		s.nextRow++
		s.mail = append(s.mail, letter{s.nextRow, s.locks[i].saga, e})
		ch.granted = append(ch.granted, s.locks[i].saga)
	}
}

// checkHolder: at most one saga runs for each key, and only with its lock.
func (w *world) checkHolder(next saga.State, e saga.Event) {
	l := next.Extras().Locks
	if l == nil || e.Kind != saga.Granted {
		return
	}
	key := e.Extras().Key
	w.hit("granted")
	other, held := w.holders[key]
	if held && other != next.ID && w.store.rows[other] != nil && !w.store.rows[other].ended {
		w.brokenf("DESIGN 6.15: saga %s has the lock %s, and saga %s runs with it", next.ID, key, other)
	}
	w.holders[key] = next.ID
}

// checkQueues: nobody is left in a queue.
func (w *world) checkQueues() {
	for _, l := range w.store.locks {
		if w.store.rows[l.saga] == nil || w.store.rows[l.saga].ended {
			w.brokenf("DESIGN 6.15: saga %s has ended and is left in the queue of %s", l.saga, l.key)
		}
	}
}
