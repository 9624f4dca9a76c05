package saga

import "slices"

// Waits says what a saga waits for, several things at once. Its bits are stored: new
// ones come at the end.
type Waits int16

// What a saga may wait for.
const (
	ForApproval Waits = 1 << iota // ForApproval: somebody has to decide.
	ForBreaker                    // ForBreaker: a command may not leave, because of a breaker, a limit or a hold.
	ForChild                      // ForChild: another saga carries a step out.
	ForLock                       // ForLock: another saga has a key of its lock.
	ForOperator                   // ForOperator: it is paused.
	ForReply                      // ForReply: a participant has been asked.
	ForSignal                     // ForSignal: a signal, or an event of a topic.
	ForTimer                      // ForTimer: a time has to come.
	ForUpdate                     // ForUpdate: nothing but an update lets the function of a saga that is code go on.
)

// waitWords are the words for the bits, in their order, which is that of the alphabet.
var waitWords = [...]string{"approval", "breaker", "child", "lock", "operator", "reply", "signal", "timer", "update"}

// ParseWaits returns what a word that Words may list stands for; ok is false for other words.
func ParseWaits(word string) (w Waits, ok bool) {
	i := slices.Index(waitWords[:], word)
	if i < 0 {
		return 0, false
	}
	return 1 << i, true
}

// Words lists what it is, sorted.
func (w Waits) Words() []string {
	var list []string
	for i, word := range waitWords {
		if w&(1<<i) != 0 {
			list = append(list, word)
		}
	}
	return list
}

// WaitingFor lists what the saga waits for, in words.
func (s *State) WaitingFor() []string { return s.Waits().Words() }

// waitsOf says what a step in a phase waits for; 0 for nothing.
var waitsOf = [...]Waits{
	Doing: ForReply, Undoing: ForReply, Resting: ForTimer, UndoResting: ForTimer, Sleeping: ForTimer,
	Held: ForBreaker, UndoHeld: ForBreaker, Awaiting: ForSignal, Asking: ForApproval, Raising: ForChild, Reversing: ForChild,
}

// Waits returns what the saga waits for. A paused saga waits for its operator alone,
// one that has ended for nothing.
func (s *State) Waits() Waits {
	if s.Status.Ended() {
		return 0
	}
	if !s.Paused.IsZero() {
		return ForOperator
	}
	var w Waits
	if x := s.Extra; x != nil {
		if !x.Begin.IsZero() {
			w |= ForTimer
		}
		if x.Locks.waiting() {
			w |= ForLock
		}
	}
	for i := range s.Steps {
		if p := int(s.Steps[i].Phase); p < len(waitsOf) {
			w |= waitsOf[p]
		}
	}
	if w == 0 && s.Status == Running && s.Extra != nil && s.Extra.Plan != nil {
		return ForUpdate
	}
	return w
}

// Stands reports whether the saga stands still until a person acts: it needs attention
// and nothing else that it waits for will come, or could be taken.
func (s *State) Stands() bool {
	if s.Status.Ended() || len(s.Attention) == 0 {
		return false
	}
	return s.Waits()&^ForOperator == 0 || s.Blocked()
}
