package breaker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Gate decides which commands may leave, and knows which items wait for that. T
// names what is held: an order, a saga. Its methods may be called from any
// goroutine, never block on anything but each other, and take well under a
// microsecond, Release and List a little for each key.
//
// What it holds is an item and a time for each key that the item waits for. It
// sets no limit of its own to that: the bound is the number of items that its
// user has under way.
type Gate[T comparable] struct {
	cfg  Config
	held atomic.Int64 // entries, so that Held costs nothing while nobody is

	mu           sync.Mutex // guards all below, and every call of a line's breaker
	lines        map[Key]*line[T]
	order        []*line[T] // in the order of their first use
	next         int        // in order, where the next Release begins
	places       map[T][]*entry[T]
	dams         []*dam[T] // in the order of their holds
	limits       map[string]Limit
	participants map[string]bool
	full         bool
	news         []news // to be logged once mu is free
}

// news is a change of state worth a log line.
type news struct {
	key     Key
	was, is State
	held    int
	cause   gobreaker.Counts
}

// NewGate returns a gate whose breakers are all closed.
func NewGate[T comparable](cfg Config) (*Gate[T], error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Gate[T]{cfg: cfg.withDefaults(), lines: map[Key]*line[T]{}, places: map[T][]*entry[T]{}, limits: map[string]Limit{}, participants: map[string]bool{}}, nil
}

// Ask takes a permit for one command of item. ok is false if the command must
// be held; Held says so afterwards. heldBefore says that the command was held
// already before this process knew of it, by one that has ended: such commands
// start a ramp, so that a restart lets no more go at once than a recovery.
func (g *Gate[T]) Ask(k Key, item Item[T], heldBefore bool) (p Permit, ok bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	l := g.line(k)
	if l == nil {
		return Permit{}, true
	}
	return l.ask(item, heldBefore, now)
}

// Held says at which keys item is held now, exactly: it joins the end of those
// that are new, keeps its place at those where it was, and leaves all others.
// Passes that it had are over. Without keys the gate forgets the item.
func (g *Gate[T]) Held(item Item[T], keys []Key) {
	if len(keys) == 0 && g.held.Load() == 0 {
		return
	}
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	for _, e := range slices.Clone(g.places[item.ID]) {
		if !slices.Contains(keys, e.line.key) {
			e.line.leave(e)
		} else {
			e.usePass()
		}
	}
	for _, k := range keys {
		if l := g.line(k); l != nil {
			l.join(item, now)
		}
	}
}

// Release returns at most limit items that may ask now, each once, the oldest of
// a key first, and gives each a pass: as many as the ramp has tokens, or as there
// are free probes. The item's next Ask on that key uses up the pass, granted or
// not; whoever does not want to ask any more says so by Held. Call it every few
// tens of milliseconds: a ramp gives out no more for being asked late.
func (g *Gate[T]) Release(limit int) []T {
	if g.held.Load() == 0 {
		return nil
	}
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	var items []T
	seen := map[T]bool{}
	add := func(named []T) {
		for _, item := range named {
			if !seen[item] {
				seen[item] = true
				items = append(items, item)
			}
		}
	}
	for _, d := range g.dams {
		add(d.release(limit-len(items), now, g.cfg))
	}
	for range g.order {
		g.next = (g.next + 1) % len(g.order)
		add(g.order[g.next].release(limit-len(items), now))
	}
	return items
}

// List describes every breaker that has been used, sorted by participant, do
// before undo.
func (g *Gate[T]) List() []Status {
	now := time.Now()
	g.mu.Lock()
	defer g.unlock()
	sorted := slices.SortedFunc(slices.Values(g.order), func(a, b *line[T]) int { return a.key.compare(b.key) })
	list := make([]Status, len(sorted))
	for i, l := range sorted {
		list[i] = l.status(now)
	}
	return list
}

// line is k's, made on its first use; nil beyond MaxParticipants.
func (g *Gate[T]) line(k Key) *line[T] {
	if l := g.lines[k]; l != nil {
		return l
	}
	if !g.participants[k.Participant] && len(g.participants) >= g.cfg.MaxParticipants {
		if !g.full {
			g.full = true
			g.cfg.Log.Warn("too many participants for breakers: commands to further ones always pass", "max_participants", g.cfg.MaxParticipants, "participant", k.Participant)
		}
		return nil
	}
	g.participants[k.Participant] = true
	l := newLine(g, k)
	g.lines[k] = l
	g.order = append(g.order, l)
	return l
}

// unlock logs after it has let go, since a log handler may be slow.
func (g *Gate[T]) unlock() {
	all := g.news
	g.news = nil
	g.mu.Unlock()
	for _, n := range all {
		level := slog.LevelInfo
		if n.is == Open {
			level = slog.LevelWarn
		}
		g.cfg.Log.Log(context.Background(), level, "breaker is "+n.is.String(), "participant", n.key.Participant, "direction", n.key.Direction(),
			"was", n.was.String(), "held", n.held, "failures", n.cause.TotalFailures, "successes", n.cause.TotalSuccesses)
	}
}
