package coordinator

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// fold decides a batch: each saga's items in order, in memory, one state each.
type fold struct {
	r       *run
	began   time.Time // our clock
	b       Batch
	items   []*item
	ids     []saga.ID
	sagas   map[saga.ID]*folding
	claims  map[claimKey]Claim
	unique  map[Unique]Unique // business keys by their place
	failed  map[saga.ID]error // starts that were refused, by the new saga's id
	missing map[version]bool
	known   map[saga.ID]Row // the sagas' states, if nothing was asked; else nil
	history map[saga.ID]saga.History
	told    []*item // messages to other sagas, one for each of writes.Tell

	continues []*item // starts of next runs that were not admitted yet

	last        version // found last in memory
	lastDecider saga.Decider
	watchdog    watchdog

	writes Writes
}

type claimKey struct{ namespace, key string }

type version struct{ namespace, name, version string }

// folding is one saga while its items are decided.
type folding struct {
	id      saga.ID
	bucket  int
	row     Row
	found   bool // it was stored before
	fresh   bool // this batch starts it
	items   []*item
	events  []EventRow
	effects []saga.Effect
	windows []int64 // the trace window of each effect
	traced  []Traced
	keep    []Mail
	told    []*item // messages to other sagas
	acquire []Lock
	release []Lock
	decider saga.Decider
	turn    turn      // what is decided now
	run     *saga.Run // its function, if it is code
	next    *folding  // the next run of its chain, which this batch starts
	granted []out     // what the gate let through in this try
	needs   bool      // its history
	freed   bool      // it took no messages, and may do so now
	lacking bool      // this node can not decide it
}

// late reports whether the saga's deadline has passed: that turns it back even if it
// takes no messages.
func (s *folding) late(now time.Time) bool {
	deadline := s.row.State.Deadline
	return !deadline.IsZero() && !deadline.After(now)
}

func newFold(r *run, items []*item) *fold {
	f := &fold{r: r, began: time.Now(), items: items, sagas: map[saga.ID]*folding{}, claims: map[claimKey]Claim{}, failed: map[saga.ID]error{}, missing: map[version]bool{}}
	for _, it := range items {
		if it.dead != nil {
			continue
		}
		s := f.sagas[it.saga]
		if s == nil {
			s = &folding{id: it.saga, bucket: it.bucket}
			f.sagas[it.saga] = s
			f.ids = append(f.ids, it.saga)
		}
		s.items = append(s.items, it)
		if it.start != nil {
			f.claim(it)
			f.wantUnique(it)
		}
	}
	slices.SortFunc(f.ids, func(a, b saga.ID) int { return bytes.Compare(a[:], b[:]) })
	return f
}

// claim notes the start's key; of two starts with one key in a batch the first
// claims it.
func (f *fold) claim(it *item) {
	if it.start.Key == "" {
		return
	}
	key := claimKey{it.start.Namespace, it.start.Key}
	if _, twice := f.claims[key]; !twice {
		f.claims[key] = Claim{Namespace: key.namespace, Key: key.key, Hash: it.start.hash(), Saga: it.saga}
	}
}

// load says what the batch needs. A new saga's id is looked for only if an
// earlier try may have stored it, or if the caller chose the id.
func (f *fold) load() Load {
	load := Load{Held: f.r.held(f.items), Unique: f.uniques()}
	for _, id := range f.ids {
		first := f.sagas[id].items[0]
		if first.start == nil || f.r.again || !first.start.Fixed.IsZero() {
			load.Sagas = append(load.Sagas, id)
		}
	}
	for _, claim := range f.claims {
		load.Claims = append(load.Claims, claim)
	}
	slices.SortFunc(load.Claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Key, b.Key))
	})
	f.recall(&load)
	return load
}

// recall asks for nothing if all is known that the batch needs.
func (f *fold) recall(load *Load) {
	if f.r.foreign || f.r.careful || f.r.again || !load.plain() {
		return
	}
	at := f.r.c.guess()
	if rows, list, ok := f.r.w.known.recall(load.Sagas); ok && !at.IsZero() && f.r.w.coroutines.have(rows) {
		f.known, load.Known, load.Sagas, load.At = rows, list, nil, at
	}
}

// decide folds every saga, a second time with its history where one is needed.
func (f *fold) decide(ctx context.Context) error {
	var needs []saga.ID
	for _, id := range f.ids {
		if s := f.sagas[id]; f.one(s) {
			needs = append(needs, id)
		}
	}
	if len(needs) > 0 && f.known != nil {
		return fmt.Errorf("the histories of %d sagas are needed: %w", len(needs), ErrStale)
	}
	if len(needs) > 0 {
		var err error
		if f.history, err = f.b.Histories(ctx, needs); err != nil {
			return fmt.Errorf("read the histories of %d sagas: %w", len(needs), err)
		}
		for _, id := range needs {
			f.one(f.sagas[id])
		}
	}
	f.collect()
	return nil
}

// stored returns a saga as it was before this batch.
func (f *fold) stored(id saga.ID) (Row, bool) {
	if row, ok := f.known[id]; ok {
		return row, true
	}
	return f.b.Saga(id)
}

// one folds one saga's items from the beginning and reports whether its history
// is needed.
func (f *fold) one(s *folding) (needs bool) {
	s.row, s.found = f.stored(s.id)
	s.fresh, s.needs = false, false
	s.events, s.effects, s.keep, s.told = nil, nil, nil, nil
	s.acquire, s.release = nil, nil
	s.windows, s.traced = nil, nil
	s.giveBack()
	if s.run.IsDeaf() {
		s.run = nil
	}
	f.unfollow(s)
	for i, it := range s.items {
		it.folded, s.turn = false, turn{s.id, i}
		f.item(s, it)
		if s.needs {
			return true
		}
	}
	return false
}

// item decides one item of a saga.
func (f *fold) item(s *folding, it *item) {
	switch {
	case it.isChild():
		f.child(s, it)
	case it.start != nil:
		f.start(s, it)
	case !s.found && !s.fresh:
		f.stranger(it)
	case s.row.Err != nil:
		f.unreadable(s, it)
	case it.isWake() && s.row.State.Blocked() && !s.late(f.b.Now()):
	case it.isWake() || it.isVerb() || it.event.Kind == saga.Poisoned:
		s.freed = s.freed || s.row.State.Blocked()
		f.event(s, it)
	case s.row.State.Blocked():
		f.keep(s, it)
	default:
		f.event(s, it)
	}
}

// stranger handles an item of a saga that does not exist.
func (f *fold) stranger(it *item) {
	it.result = answer{err: fmt.Errorf("%s: %w", it.saga, ErrNotFound)}
	it.folded = true
	if it.mail != 0 {
		f.r.c.cfg.Log.Warn("a message for a saga that does not exist was dropped", "saga", it.saga, "event", it.event.Kind)
	}
	switch {
	case it.record == nil:
	case f.mayBeGone(it.saga):
		it.forgotten = true
	default:
		it.dead = &verdict{classUnmatched, "there is no saga " + it.saga.String()}
	}
}

// mayBeGone reports whether a saga was started so long ago that it may have ended and
// been deleted. An id that says so and was never a saga's is treated alike.
func (f *fold) mayBeGone(id saga.ID) bool {
	age := f.r.c.cfg.Forgotten
	return age > 0 && startedAt(id).Before(f.b.Now().Add(-age))
}

// unreadable handles an item of a saga whose state this build cannot read: the
// saga is left alone, and its messages wait for a build that can.
func (f *fold) unreadable(s *folding, it *item) {
	f.r.c.cfg.Log.Error("a saga's state cannot be read; its messages are kept", "saga", s.id, "error", s.row.Err)
	s.lacking = true
	it.result = answer{id: s.id, err: fmt.Errorf("saga %s: %w: %w", s.id, ErrVersion, s.row.Err)}
	f.keep(s, it)
}

// start begins a saga, unless its key has begun one before.
func (f *fold) start(s *folding, it *item) {
	if s.found || s.fresh {
		it.result = answer{id: s.id, fresh: true, state: s.row.State}
		return
	}
	key := claimKey{it.start.Namespace, it.start.Key}
	if it.start.Key != "" {
		winner := f.b.Claimed(key.namespace, key.key)
		if winner.Saga != s.id {
			f.repeated(it, winner)
			return
		}
	}
	if err := f.taken(it); err != nil {
		f.refuse(s, it, err)
		return
	}
	s.row = Row{Namespace: it.start.Namespace, State: saga.State{ID: s.id}}
	if err := f.transition(s, it); err != nil {
		f.refuse(s, it, err)
		return
	}
	s.fresh = !s.needs && s.row.State.Seq > 0
	it.result = answer{id: s.id, fresh: true, state: s.row.State}
}

// repeated answers a start whose key has been used.
func (f *fold) repeated(it *item, winner Claim) {
	it.result = answer{id: winner.Saga}
	if winner.Hash != it.start.hash() {
		it.result = answer{err: fmt.Errorf("%w: it started saga %s", ErrKeyUsed, winner.Saga)}
	}
}

// refuse gives the key of a start back that cannot even begin.
func (f *fold) refuse(s *folding, it *item, err error) {
	if errors.Is(err, errMissing) {
		return
	}
	if !errors.Is(err, ErrKeyTaken) {
		err = fmt.Errorf("%w: %w", ErrBadStart, err)
	}
	f.failed[s.id] = err
	it.result = answer{err: f.failed[s.id]}
}

// event decides an event of a saga that exists. What a saga cannot take is kept
// for it; a transition that fails puts attention on that saga alone.
func (f *fold) event(s *folding, it *item) {
	before := s.row.State.Seq
	err := f.transition(s, it)
	switch {
	case err == nil:
		it.result = answer{id: s.id, state: s.row.State, changed: s.row.State.Seq != before}
		it.folded = true
	case errors.Is(err, errMissing):
	case saga.IsRefusal(err):
		it.result = answer{err: err, state: s.row.State}
		it.folded = true
	case errors.Is(err, ErrNoDefinition), errors.Is(err, saga.ErrUnknownEvent), errors.Is(err, saga.ErrLevel):
		s.lacking = true
		if it.isVerb() {
			it.result = answer{err: fmt.Errorf("saga %s: %w: %w", s.id, ErrVersion, err)}
		}
		f.keep(s, it)
	case it.event.Kind == saga.Updated:
		f.notTaken(s, it, err)
	default:
		f.poison(s, it, err)
	}
}

// poison puts attention on the saga and keeps the message that it choked on.
func (f *fold) poison(s *folding, it *item, cause error) {
	// The cause may quote a payload: it is shown with the saga, not in the log.
	f.r.c.cfg.Log.Error("a transition failed; the saga needs attention and says why", "saga", s.id,
		"definition", s.row.State.Definition, "version", s.row.State.Version, "event", it.event.Kind, "step", it.event.Step.Name)
	attention := &item{bucket: s.bucket, saga: s.id, event: poisonedEvent(cause)}
	attention.event.Step = it.event.Step
	if err := f.transition(s, attention); err != nil {
		f.r.c.cfg.Log.Error("attention could not be put on a saga", "saga", s.id, "error", err)
		s.lacking = true // or its wake would come again at once, for ever
	}
	if it.isVerb() {
		it.result = answer{err: fmt.Errorf("%w: %w", ErrCannot, cause)}
	}
	f.keep(s, it)
}

func poisonedEvent(cause error) saga.Event {
	return saga.Event{Kind: saga.Poisoned, Actor: saga.Actor{Kind: saga.Engine}, Reason: saga.Clip(cause.Error())}
}

// keep puts a message into the saga's mail. Wakes come again by themselves, and
// a verb's caller hears the error.
func (f *fold) keep(s *folding, it *item) {
	if it.isWake() || it.start != nil || it.isVerb() || it.mail != 0 {
		return
	}
	s.keep = append(s.keep, Mail{Saga: s.id, Record: encodeMail("", it.event)})
}

var errMissing = errors.New("the definition is not loaded")

// transition runs Decide and takes over its outcome. A panic is an error of this
// saga alone.
func (f *fold) transition(s *folding, it *item) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if s.decider, err = f.decider(s, it); err != nil {
		return err
	}
	e := it.event
	e.At, e.Hold = f.b.Now(), f.r.foreign
	state, effects, err := f.gated(s, it, &e)
	if errors.Is(err, saga.ErrNeedHistory) && f.history[s.id] == nil {
		s.needs = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Kind, err)
	}
	if state.Seq == s.row.State.Seq {
		return nil
	}
	if err := f.follow(s, effects); err != nil {
		return err
	}
	f.took(s, &s.row.State, &e, state, effects)
	return nil
}

// took takes over the outcome of a decision.
func (f *fold) took(s *folding, before *saga.State, e *saga.Event, state saga.State, effects []saga.Effect) {
	f.trace(s, before, &state, len(effects))
	s.row.State = state
	s.events = append(s.events, EventRow{Saga: s.id, Event: e.Stored(&state, effects)})
	s.effects = append(s.effects, effects...)
	s.tell(effects)
	s.lockEffects(effects)
}

// historyOf returns the saga's history, if it was loaded, up to the last event
// of this batch.
func (f *fold) historyOf(s *folding) saga.History {
	stored, loaded := f.history[s.id]
	if !loaded {
		return nil
	}
	history := slices.Clip(stored)
	for _, row := range s.events {
		history = append(history, row.Event)
	}
	return history
}

// decider finds the saga's definition. A version that is not in memory is loaded
// after this try, outside of its transaction.
func (f *fold) decider(s *folding, it *item) (saga.Decider, error) {
	v := versionOf(&s.row, it)
	if d, ok := f.loaded(v); ok {
		return d, nil
	}
	if why := f.r.lacking[v]; why != nil {
		return nil, fmt.Errorf("%s %s: %w", v.name, v.version, why)
	}
	f.missing[v] = true
	return nil, errMissing
}

// versionOf is what an item is decided with.
func versionOf(row *Row, it *item) version {
	if it.start != nil {
		return version{it.start.Namespace, it.start.Definition, it.start.Version}
	}
	return version{row.Namespace, row.State.Definition, row.State.Version}
}

// loaded finds a version that is in memory. Most of a batch's sagas are of one.
func (f *fold) loaded(v version) (d saga.Decider, ok bool) {
	if f.last == v && f.lastDecider != nil {
		return f.lastDecider, true
	}
	if d, ok = f.r.c.cfg.Definitions.Decider(v.namespace, v.name, v.version); ok {
		f.last, f.lastDecider = v, d
	}
	return d, ok
}

// loadMissing brings the missing definitions into memory. What does not exist is
// remembered for this run, so that its sagas' messages are kept.
func (f *fold) loadMissing(ctx context.Context) error {
	for v := range f.missing {
		err := f.r.c.cfg.Definitions.Load(ctx, v.namespace, v.name, v.version)
		switch {
		case errors.Is(err, ErrNoDefinition):
			if f.r.lacking == nil {
				f.r.lacking = map[version]error{}
			}
			f.r.lacking[v] = err
		case err != nil:
			return fmt.Errorf("load definition %s %s: %w", v.name, v.version, err)
		}
	}
	return errLoaded
}

// buckets lists the buckets of the batch.
func (f *fold) buckets() []int {
	var list []int
	for _, it := range f.items {
		if !slices.Contains(list, it.bucket) {
			list = append(list, it.bucket)
		}
	}
	return list
}
