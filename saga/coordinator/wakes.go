package coordinator

import (
	"container/heap"
	"sync"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// wakes holds the due times of a writer's active sagas: the timers of the hot
// path, in memory only. A new owner rebuilds them from the sagas' rows.
type wakes struct {
	mu    sync.Mutex
	heap  wakeHeap
	entry map[saga.ID]*wakeEntry
}

// wakeEntry is one saga's due time.
type wakeEntry struct {
	saga   saga.ID
	bucket int
	at     time.Time // database clock
	index  int       // in the heap; -1 while it is asked for
	asked  time.Time // our clock, when it was found to be due
	unsent time.Time // database clock, when its command was last seen unsent
}

func newWakes() *wakes { return &wakes{entry: map[saga.ID]*wakeEntry{}} }

// set replaces a saga's due time; zero forgets the saga.
func (w *wakes) set(id saga.ID, bucket int, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.entry[id]
	switch {
	case at.IsZero():
		w.drop(e)
	case e == nil:
		e = &wakeEntry{saga: id, bucket: bucket, at: at}
		w.entry[id] = e
		heap.Push(&w.heap, e)
	case e.index < 0:
		e.at, e.asked, e.unsent = at, time.Time{}, time.Time{}
		heap.Push(&w.heap, e)
	default:
		e.at = at
		heap.Fix(&w.heap, e.index)
	}
}

func (w *wakes) drop(e *wakeEntry) {
	if e == nil {
		return
	}
	delete(w.entry, e.saga)
	if e.index >= 0 {
		heap.Remove(&w.heap, e.index)
	}
}

// forget drops a bucket's sagas.
func (w *wakes) forget(bucket int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entry {
		if e.bucket == bucket {
			w.drop(e)
		}
	}
}

// due takes up to limit entries whose time has come off the heap. Each must be
// put back with again, or set by the outcome of its wake.
func (w *wakes) due(now time.Time, limit int) []*wakeEntry {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*wakeEntry
	for len(w.heap) > 0 && len(list) < limit && !w.heap[0].at.After(now) {
		list = append(list, heap.Pop(&w.heap).(*wakeEntry))
	}
	return list
}

// waits reports whether an entry that due returned still counts, and its time.
func (w *wakes) waits(e *wakeEntry) (at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return e.at, w.entry[e.saga] == e && e.index < 0
}

// size counts the sagas with a due time.
func (w *wakes) size() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.entry)
}

// next returns the earliest due time, or zero.
func (w *wakes) next() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heap) == 0 {
		return time.Time{}
	}
	return w.heap[0].at
}

// wakeHeap implements heap.Interface by due time.
type wakeHeap []*wakeEntry

func (h *wakeHeap) Len() int           { return len(*h) }
func (h *wakeHeap) Less(i, j int) bool { return (*h)[i].at.Before((*h)[j].at) }

func (h *wakeHeap) Swap(i, j int) {
	list := *h
	list[i], list[j] = list[j], list[i]
	list[i].index, list[j].index = i, j
}

func (h *wakeHeap) Push(x any) {
	e := x.(*wakeEntry)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *wakeHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
