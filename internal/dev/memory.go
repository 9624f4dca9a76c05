package dev

import (
	"sync"

	"github.com/unwindhq/unwind/saga"
)

// maxMemory is how many steps a stub remembers; the oldest are forgotten first.
const maxMemory = 10_000

// reasonUndone refuses a do that comes after its undo, as the guard of a real
// participant does.
const reasonUndone = "undone"

// memory is what stands for a participant's guard in a stub: enough that a
// refusal is repeated and that nothing is done after it was undone.
type memory struct {
	mu    sync.Mutex
	known map[memoryKey]remembered
	order []memoryKey
}

type memoryKey struct {
	saga saga.ID
	step saga.StepRef
}

type remembered struct {
	undone bool
	reason string // of a refusal
	epoch  int    // of that refusal
}

// recall answers from memory, if it has something to say.
func (m *memory) recall(cmd saga.Command) (reason string, refused bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[memoryKey{cmd.ID.Saga, cmd.ID.Step}]
	switch {
	case !ok || cmd.ID.Direction == saga.Undo:
		return "", false
	case r.undone:
		return reasonUndone, true
	}
	return r.reason, r.reason != "" && cmd.Epoch <= r.epoch
}

// keep remembers an undo, or the refusal of a do.
func (m *memory) keep(cmd saga.Command, outcome saga.Outcome, reason string) {
	undone := cmd.ID.Direction == saga.Undo && outcome == saga.Succeeded
	if !undone && outcome != saga.Rejected {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[memoryKey]remembered{}
	}
	key := memoryKey{cmd.ID.Saga, cmd.ID.Step}
	before, known := m.known[key]
	if !known {
		m.order = append(m.order, key)
	}
	m.known[key] = remembered{undone: undone || before.undone, reason: reason, epoch: cmd.Epoch}
	for len(m.order) > maxMemory {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
}
