package coordinator

import (
	"slices"
	"sync"

	"github.com/unwindhq/unwind/saga"
)

// watchers tells who waits for a saga that it has changed.
type watchers struct {
	mu   sync.Mutex
	list map[saga.ID][]chan struct{}
}

func (w *watchers) add(id saga.ID) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = map[saga.ID][]chan struct{}{}
	}
	w.list[id] = append(w.list[id], ch)
	return ch, func() { w.remove(id, ch) }
}

func (w *watchers) remove(id saga.ID, ch chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.DeleteFunc(w.list[id], func(other chan struct{}) bool { return other == ch })
	if len(rest) == 0 {
		delete(w.list, id)
		return
	}
	w.list[id] = rest
}

func (w *watchers) signal(id saga.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ch := range w.list[id] {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
