package coordinator

import (
	"slices"
	"sync"

	"github.com/unwindhq/unwind/saga"
)

// watchers tells who waits for a saga that it has changed.
type watchers struct {
	mu   sync.Mutex
	list map[saga.ID][]*watcher
}

// watcher is one who waits. Its channels have room for one, and it reads one of
// them only.
type watcher struct {
	changed chan struct{}
	ended   chan saga.Status
}

func (w *watchers) add(id saga.ID) (*watcher, func()) {
	one := &watcher{changed: make(chan struct{}, 1), ended: make(chan saga.Status, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = map[saga.ID][]*watcher{}
	}
	w.list[id] = append(w.list[id], one)
	return one, func() { w.remove(id, one) }
}

func (w *watchers) remove(id saga.ID, one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.DeleteFunc(w.list[id], func(other *watcher) bool { return other == one })
	if len(rest) == 0 {
		delete(w.list, id)
		return
	}
	w.list[id] = rest
}

func (w *watchers) signal(id saga.ID, status saga.Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.list[id] {
		select {
		case one.changed <- struct{}{}:
		default:
		}
		if !status.Ended() {
			continue
		}
		select {
		case one.ended <- status:
		default:
		}
	}
}
