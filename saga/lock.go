package saga

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A definition may name locks: of all sagas of a namespace that name the same key,
// one at a time runs, in the order in which they have asked. A saga asks for all of
// its keys at once, when its first steps are to begin (Acquire); each is granted by
// a message (Granted), and with the last one the steps begin. The end of the saga,
// whatever it is, gives them back (Release). Who asks and who is next is kept by the
// store, which orders those of one key; nobody waits for a key while it holds one
// that it asked for later, so no two sagas wait for each other (DESIGN.md 6.15).

// Acquire asks for keys, in the transaction of the event. Each is granted by a
// Granted.
type Acquire struct {
	Keys []string // Keys are sorted, each once.
}

func (Acquire) effect() {}

// Release gives keys back, or leaves their queues, in the transaction of the event.
type Release struct {
	Keys []string // Keys are those of the saga's Acquire.
}

func (Release) effect() {}

// MaxLocks is how many keys a definition may name.
const MaxLocks = 10

// Locks are the keys of a saga, until its end.
type Locks struct {
	Keys []LockKey // Keys are sorted.
	Due  time.Time // Due is when it turns back that has not been granted all; zero: never, or it has been.
}

// LockKey is one key.
type LockKey struct {
	Key     string // Key is its text.
	Granted bool   // Granted: the saga has it.
}

// waiting reports whether a key was not granted yet.
func (l *Locks) waiting() bool {
	return l != nil && slices.ContainsFunc(l.Keys, func(k LockKey) bool { return !k.Granted })
}

// names lists the keys.
func (l *Locks) names() []string {
	list := make([]string, len(l.Keys))
	for i, k := range l.Keys {
		list[i] = k.Key
	}
	return list
}

// enter asks for the saga's locks, or lets its first steps begin if there are none.
func (d *decision) enter() error {
	keys, err := d.lockKeys()
	switch {
	case err != nil:
		return err
	case len(keys) == 0:
		return d.advance()
	}
	locks := &Locks{Due: d.from(d.m.def.LockTimeout)}
	for _, key := range keys {
		locks.Keys = append(locks.Keys, LockKey{Key: key})
	}
	d.s.Own().Locks, d.changed = locks, true
	d.effects = append(d.effects, Acquire{keys})
	return nil
}

// lockKeys evaluates the keys to ask for, sorted, each once. What the saga's family
// holds already is the family's.
func (d *decision) lockKeys() ([]string, error) {
	if d.g != nil || len(d.m.def.Locks) == 0 {
		return nil, nil
	}
	var keys, held []string
	if f := d.s.Extras().Family; f != nil {
		held = f.Holds
	}
	for i, expr := range d.m.def.Locks {
		key, err := d.lockKey(expr)
		if err != nil {
			return nil, fmt.Errorf("lock %d: %w", i+1, err)
		}
		if !slices.Contains(held, key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if len(keys) > 0 && len(held) > 0 && d.m.def.LockTimeout == 0 {
		return nil, fmt.Errorf("it would wait for the lock %q while its family holds %q: two families could wait for each other for ever: write a lockTimeout", keys[0], held[0])
	}
	return slices.Compact(keys), nil
}

// lockKey evaluates one key: a text or a number.
func (d *decision) lockKey(expr Expr) (string, error) {
	value, err := expr.Eval(d)
	if err != nil {
		return "", err
	}
	var key string
	if json.Unmarshal(value, &key) != nil {
		if _, err := strconv.ParseFloat(string(value), 64); err != nil {
			return "", fmt.Errorf("want a text or a number, found %.60s", value)
		}
		key = string(value)
	}
	if key == "" || len(key) > MaxKey || slices.Contains([]byte(key), 0) {
		return "", fmt.Errorf("%.60q: want 1 to %d bytes without NUL", key, MaxKey)
	}
	return key, nil
}

// granted notes that the saga has a key; with the last one its first steps begin.
func (d *decision) granted() error {
	l, key := d.s.Extras().Locks, d.e.Extras().Key
	if l == nil || d.s.Status != Running {
		return nil
	}
	i := slices.IndexFunc(l.Keys, func(k LockKey) bool { return k.Key == key && !k.Granted })
	if i < 0 {
		return nil
	}
	next := &Locks{Keys: slices.Clone(l.Keys), Due: l.Due}
	next.Keys[i].Granted, d.changed = true, true
	d.s.Own().Locks = next
	if next.waiting() {
		return nil
	}
	next.Due = time.Time{}
	return d.advance()
}

// unlocked turns a saga back that was not granted its locks in time.
func (d *decision) unlocked() error {
	l := d.s.Extras().Locks
	if d.s.Status != Running || !l.waiting() || l.Due.IsZero() || l.Due.After(d.e.At) {
		return nil
	}
	return d.turnBack(fmt.Sprintf("it did not get its locks within %s", d.m.def.LockTimeout))
}

// shiftLocks moves the end of the wait for locks when a pause is over.
func (d *decision) shiftLocks(still time.Duration) {
	if l := d.s.Extras().Locks; l.waiting() && !l.Due.IsZero() {
		d.s.Own().Locks = &Locks{Keys: l.Keys, Due: l.Due.Add(still)}
	}
}

// release gives the locks of a saga back that has ended.
func (d *decision) release() {
	l := d.s.Extras().Locks
	if l == nil || !d.s.Status.Ended() {
		return
	}
	d.s.Own().Locks = nil
	d.effects = append(d.effects, Release{l.names()})
}

// heldLocks lists the keys that the saga and those above it have.
func (d *decision) heldLocks() []string {
	x := d.s.Extras()
	var list []string
	if x.Family != nil {
		list = slices.Clone(x.Family.Holds)
	}
	if x.Locks != nil {
		list = append(list, x.Locks.names()...)
	}
	return list
}

// locks checks the locks of a definition.
func (c *checker) locks() {
	def := &c.m.def
	if len(def.Locks) > MaxLocks {
		c.fault("lock", fmt.Sprintf("%d keys", len(def.Locks)), fmt.Sprintf("write at most %d", MaxLocks))
	}
	for _, expr := range def.Locks {
		if len(expr.Reads().Steps) > 0 {
			c.fault("lock", "it reads the output of a step, and no step has begun", "read the input alone")
		}
	}
	switch {
	case def.LockTimeout == 0:
	case len(def.Locks) == 0:
		c.fault("lockTimeout", "there is no lock to wait for", "write lock: or remove lockTimeout")
	default:
		c.span("lockTimeout", def.LockTimeout)
	}
}

func (w *stateWriter) locks(l *Locks) {
	w.time(l.Due)
	w.int(int64(len(l.Keys)))
	for _, k := range l.Keys {
		w.text(k.Key)
		w.bool(k.Granted)
	}
}

func (r *stateReader) locks() *Locks {
	return &Locks{Due: r.time(), Keys: list(r, func() LockKey { return LockKey{Key: r.text(), Granted: r.byte() == 1} })}
}
