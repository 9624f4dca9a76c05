package outbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/unwindhq/unwind/internal/bucket"
)

// world is a relay without its goroutines, a table and a log: the test decides
// what happens next. Two relays share it, so that buckets can be taken over.
type world struct {
	relays  [2]*Relay
	owner   int
	table   map[int64]Row // committed and not deleted
	last    int64
	all     map[int64]string // every committed id and its key
	log     []Row
	flights []*airborne
	taken   map[int][]int64
	looked  [2][]Row // what a sweep under way has read
	numbers [2]int64
}

// airborne is a flight with rows that are not done.
type airborne struct {
	*flight
	open []int
}

func newWorld(t *rapid.T, pool *pgxpool.Pool) *world {
	w := &world{table: map[int64]Row{}, all: map[int64]string{}, taken: map[int][]int64{}}
	for i := range w.relays {
		r, err := NewRelay(RelayConfig{
			Pool: pool, Publisher: struct{ Publisher }{}, RetryMin: time.Nanosecond, RetryMax: time.Nanosecond,
			Lane:      func(row *Row) string { return strings.TrimPrefix(row.Topic, "t") },
			MaxHanded: rapid.SampledFrom([]int{3, 50}).Draw(t, "MaxHanded"), MaxInFlight: 6, BatchMax: 4,
		})
		require.NoError(t, err)
		w.relays[i] = r
	}
	w.gain()
	return w
}

// gain gives the owner every bucket, after a sweep from the start.
func (w *world) gain() {
	r := w.relays[w.owner]
	for b := range bucket.Count {
		r.shares[b] = &share{bucket: b, doubt: r.sweeps}
	}
	w.beginSweep()
	w.endSweep()
}

// lose is what Lose does when the wait for rows in flight is over or in vain.
func (w *world) lose() {
	r := w.relays[w.owner]
	lost := r.cut(r.all())
	for _, id := range r.leftovers(lost) {
		delete(w.table, id)
	}
	w.looked[w.owner] = nil
}

func (w *world) commit(keys []string, hand bool) {
	var rows []Row
	for _, key := range keys {
		w.last++
		m := Message{Topic: "t", Key: key}
		if w.last%3 == 0 {
			m.Topic = "tapart" // on a way of its own
		}
		row := Row{ID: w.last, Bucket: m.Bucket(), Message: m}
		w.table[row.ID], w.all[row.ID] = row, key
		rows = append(rows, row)
	}
	if hand {
		w.relays[w.owner].Hand(rows)
		return
	}
	for _, row := range rows {
		w.relays[w.owner].Doubt(row.Bucket)
	}
}

func (w *world) beginSweep() {
	r := w.relays[w.owner]
	w.numbers[w.owner] = r.beginSweep()
	w.looked[w.owner] = []Row{}
	for _, id := range slices.Sorted(maps.Keys(w.table)) {
		w.looked[w.owner] = append(w.looked[w.owner], w.table[id])
	}
}

func (w *world) endSweep() {
	r, buckets := w.relays[w.owner], []int16{}
	for b := range bucket.Count {
		buckets = append(buckets, int16(b))
	}
	var page []finding
	for _, row := range w.looked[w.owner] {
		page = append(page, finding{id: row.ID, key: row.Key})
	}
	var rows []Row
	for _, f := range r.unknown(page) {
		if row, there := w.table[f.id]; there {
			rows = append(rows, row)
		}
	}
	_, fit := r.take(rows, buckets)
	r.endSweep(w.numbers[w.owner], buckets, fit)
	w.looked[w.owner] = nil
}

func (w *world) publish() bool {
	f, _ := w.relays[w.owner].board(time.Now().Add(time.Hour))
	if f == nil {
		return false
	}
	a := &airborne{flight: f}
	for i := range f.rows {
		a.open = append(a.open, i)
	}
	w.flights = append(w.flights, a)
	return true
}

// land ends one row in flight.
func (w *world) land(flight, seat int, logged bool, err error) {
	f := w.flights[flight]
	i := f.open[seat]
	f.open = slices.Delete(f.open, seat, seat+1)
	if len(f.open) == 0 {
		w.flights = slices.Delete(w.flights, flight, flight+1)
	}
	if logged {
		w.log = append(w.log, f.rows[i])
	}
	f.done(i, err)
}

func (w *world) deleteSent(fails bool) {
	r := w.relays[w.owner]
	ids := r.TakeSent(nil, 1, 5)
	if fails {
		r.ReturnSent(ids)
		return
	}
	for _, id := range ids {
		delete(w.table, id)
	}
	r.Deleted(ids)
}

// settle lets everything succeed from now on.
func (w *world) settle(t *rapid.T) {
	for range 10000 {
		if len(w.table) == 0 && len(w.flights) == 0 {
			return
		}
		if w.looked[w.owner] == nil {
			w.beginSweep()
		}
		w.endSweep()
		for w.publish() {
		}
		for len(w.flights) > 0 {
			w.land(0, 0, true, nil)
		}
		w.deleteSent(false)
	}
	t.Fatalf("%d rows are never published", len(w.table))
}

func (w *world) requireInvariants(t *rapid.T) {
	seen, last := map[int64]bool{}, map[string]int64{}
	for _, row := range w.log {
		if _, committed := w.all[row.ID]; !committed {
			t.Fatalf("row %d was never committed", row.ID)
		}
		if seen[row.ID] {
			continue
		}
		way := row.Key + row.Topic
		if row.ID < last[way] {
			t.Fatalf("key %s: row %d first seen after row %d", row.Key, row.ID, last[way])
		}
		seen[row.ID], last[way] = true, row.ID
	}
	flying := map[string]int64{}
	for _, f := range w.flights {
		for _, i := range f.open {
			row := f.rows[i]
			way := row.Key + row.Topic
			if other, twice := flying[way]; twice && f.relay == w.relays[w.owner] {
				t.Fatalf("key %s: rows %d and %d in flight at once", row.Key, other, row.ID)
			}
			if f.relay == w.relays[w.owner] {
				flying[way] = row.ID
			}
		}
	}
}

// Whatever happens in whatever order, the rows of a way of a key are first seen in the
// order of their ids, and every committed row is published.
func TestOrderInAnyWorld(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none") // never connected to
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, pool)
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				keys := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 3).Draw(t, "keys")
				var names []string
				for _, k := range keys {
					names = append(names, fmt.Sprint("k", k))
				}
				w.commit(names, rapid.IntRange(0, 3).Draw(t, "hand") > 0)
			},
			"sweep": func(t *rapid.T) {
				if w.looked[w.owner] == nil {
					w.beginSweep()
					return
				}
				w.endSweep()
			},
			"publish": func(*rapid.T) { w.publish() },
			"land": func(t *rapid.T) {
				if len(w.flights) == 0 {
					return
				}
				f := rapid.IntRange(0, len(w.flights)-1).Draw(t, "flight")
				s := rapid.IntRange(0, len(w.flights[f].open)-1).Draw(t, "seat")
				var err error
				if rapid.IntRange(0, 2).Draw(t, "fails") == 0 {
					err = errBroker
				}
				w.land(f, s, err == nil || rapid.Bool().Draw(t, "logged"), err)
			},
			"delete": func(t *rapid.T) { w.deleteSent(rapid.IntRange(0, 3).Draw(t, "fails") == 0) },
			"takeover": func(t *rapid.T) {
				other := w.relays[1-w.owner]
				if !other.grounded(other.all()) || w.looked[w.owner] != nil || rapid.IntRange(0, 3).Draw(t, "really") > 0 {
					return
				}
				w.lose()
				w.owner = 1 - w.owner
				w.gain()
			},
			"": func(t *rapid.T) { w.requireInvariants(t) },
		})
		w.settle(t)
		w.requireInvariants(t)
		for _, row := range w.log {
			delete(w.all, row.ID)
		}
		if len(w.all) > 0 {
			t.Fatalf("deleted without having been published: %v", w.all)
		}
	})
}

// errBroker is a failure that passes.
var errBroker = fmt.Errorf("broker away")
