package sagatest

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/e2e/checker/rules"
	"github.com/unwindhq/unwind/saga"
)

const (
	startFor   = 2 * time.Minute // sagas are started for that long
	troubleFor = 8 * time.Minute // then the faults end
	endAfter   = 3 * time.Hour   // and by then every saga must have ended
	maxList    = 5               // the longest list that a document has
)

// world is one simulated world: one thread, one clock, one source of randomness.
type world struct {
	rng     *rand.Rand
	origin  time.Time
	now     time.Time
	queue   queue
	n       int
	options Options
	report  Report
	armed   map[Fault]bool

	deciders     []Saga
	store        *store
	bus          *bus
	trail        trail
	coordinator  *coordinator
	participants map[string]*participant
	byHand       map[effectKey]bool      // steps that an operator has ended
	wasReset     map[saga.ID]bool        // sagas that an operator has reset
	drawn        int                     // the numbers that functions have drawn
	plans        map[saga.ID]*planned    // what the functions have asked for
	heard        map[effectKey]time.Time // when a step under way has said last that it is at work
	acked        []saga.ID
	holders      map[string]saga.ID // who got each lock last
	own          *Own               // what the user says; nil in our worlds
	starting     int                // the sagas that were neither started nor given up
	most         int                // the longest list of items that there was
}

func newWorld(seed uint64, options Options) *world {
	origin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 0x5a6a)), origin: origin, now: origin, options: options,
		report: Report{Seed: seed, options: options, Hits: map[string]int{}}, armed: map[Fault]bool{}, participants: map[string]*participant{}, byHand: map[effectKey]bool{}, wasReset: map[saga.ID]bool{}, plans: map[saga.ID]*planned{}, holders: map[string]saga.ID{}, heard: map[effectKey]time.Time{},
	}
	w.arm()
	w.store = newStore()
	w.trail.replies = map[rules.Reply]bool{}
	w.bus = &bus{w: w, lanes: map[string]time.Time{}}
	w.coordinator = newCoordinator(w)
	for i := range participantCount {
		w.participant(participantName(i))
	}
	return w
}

// arm chooses at least three kinds of faults for this seed, unless it is told which.
func (w *world) arm() {
	order := w.rng.Perm(len(faults))
	for _, i := range order[:3+w.rng.IntN(len(faults)-3)] {
		w.armed[faults[i]] = w.options.Only == nil
	}
	for _, f := range w.options.Only {
		w.armed[f] = true
	}
	for _, f := range faults {
		if w.armed[f] {
			w.report.Faults = append(w.report.Faults, f)
		}
	}
}

// calm reports whether the time of trouble is over.
func (w *world) calm() bool {
	if w.own != nil {
		return w.tired()
	}
	return w.now.Sub(w.origin) > troubleFor
}

// strikes reports, with probability p, that fault f happens now, and counts it.
func (w *world) strikes(f Fault, p float64) bool {
	if !w.armed[f] || w.calm() || w.rng.Float64() >= p {
		return false
	}
	w.hit(string(f))
	return true
}

func (w *world) hit(what string) { w.report.Hits[what]++ }

// broken records a broken invariant.
func (w *world) brokenf(format string, args ...any) {
	const most = 20
	if len(w.report.Violations) < most {
		at := w.now.Sub(w.origin).String()
		w.report.Violations = append(w.report.Violations, at+" "+fmt.Sprintf(format, args...))
	}
}

// upTo is a random duration below d.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

// newID is a UUIDv7 of the virtual time.
func (w *world) newID() saga.ID {
	var id saga.ID
	binary.BigEndian.PutUint64(id[:8], uint64(w.now.UnixMilli())<<16|7<<12|uint64(w.rng.IntN(1<<12)))
	binary.BigEndian.PutUint64(id[8:], w.rng.Uint64()>>2|1<<63)
	return id
}

// participant returns the participant of a name.
func (w *world) participant(name string) *participant {
	p := w.participants[name]
	if p == nil {
		p = newParticipant(w, name)
		w.participants[name] = p
	}
	return p
}

// input is that of a saga, as JSON.
func (w *world) input() []byte {
	if w.own != nil {
		return w.ownInput()
	}
	return w.document()
}

// document is a random document as JSON, sometimes too large for the state.
func (w *world) document() []byte {
	if w.own != nil {
		return []byte(`{}`)
	}
	pad := ""
	if w.rng.IntN(12) == 0 {
		pad = strings.Repeat("x", saga.InlineMax)
	}
	items := make([]string, w.rng.IntN(maxList+1))
	for i := range items {
		items[i] = strconv.Itoa(w.rng.IntN(1000))
	}
	return fmt.Appendf(nil, `{"yes":%t,"n":%d,"list":[%s],"pad":%q}`, w.rng.IntN(4) > 0, w.rng.IntN(1000), strings.Join(items, ","), pad)
}

// after calls f once d has passed on the virtual clock.
func (w *world) after(d time.Duration, f func()) {
	w.n++
	heap.Push(&w.queue, item{at: w.now.Add(max(d, 0)), n: w.n, f: f})
}

// run lets the world go on until nothing more happens, or for too long.
func (w *world) run() {
	most := endAfter
	if w.own != nil {
		most = w.own.Until
	}
	for len(w.queue) > 0 && w.now.Sub(w.origin) < most && !w.endless() {
		w.runOne()
	}
	w.report.Virtual = w.now.Sub(w.origin)
	slices.SortFunc(w.acked, func(a, b saga.ID) int { return strings.Compare(a.String(), b.String()) })
}

// runOne lets the next thing happen.
func (w *world) runOne() {
	next := heap.Pop(&w.queue).(item)
	w.now = next.at
	next.f()
}

// item is something that will happen; items of the same time keep their order.
type item struct {
	at time.Time
	n  int
	f  func()
}

// queue is a heap of what will happen.
type queue []item

func (q *queue) Len() int { return len(*q) }
func (q *queue) Less(i, j int) bool {
	a, b := (*q)[i], (*q)[j]
	if a.at.Equal(b.at) {
		return a.n < b.n
	}
	return a.at.Before(b.at)
}
func (q *queue) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }
func (q *queue) Push(x any)    { *q = append(*q, x.(item)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}
