package coordinator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/unwindhq/unwind/saga"
)

// Unique wants a business key for a new saga, or gives one back.
type Unique struct {
	Namespace  string  // Namespace is the tenant.
	Definition string  // Definition is the definition's name.
	Key        string  // Key is the business key.
	Saga       saga.ID // Saga is who has it, or wants it.
}

// Handed is a business key that goes from one run of a chain to the next.
type Handed struct {
	Unique         // Unique is the key, with who has it.
	To     saga.ID // To is who gets it.
}

// ErrKeyTaken says that a running saga of the definition has the business key.
var ErrKeyTaken = errors.New("a running saga has this business key")

func (r StartRequest) unique(id saga.ID) Unique {
	return Unique{Namespace: r.Namespace, Definition: r.Definition, Key: r.BusinessKey, Saga: id}
}

// place is a business key without who has it.
func (u Unique) place() Unique {
	u.Saga = saga.ID{}
	return u
}

// wantUnique notes the start's business key; of two starts with one in a batch the
// first claims it.
func (f *fold) wantUnique(it *item) {
	if it.start.BusinessKey == "" {
		return
	}
	want := it.start.unique(it.saga)
	if f.unique == nil {
		f.unique = map[Unique]Unique{}
	}
	if _, twice := f.unique[want.place()]; !twice {
		f.unique[want.place()] = want
	}
}

// uniques lists the business keys to claim, sorted so that two batches cannot
// deadlock.
func (f *fold) uniques() []Unique {
	list := make([]Unique, 0, len(f.unique))
	for _, want := range f.unique {
		list = append(list, want)
	}
	slices.SortFunc(list, func(a, b Unique) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Definition, b.Definition), cmp.Compare(a.Key, b.Key))
	})
	return list
}

// taken refuses a start whose business key another saga has. It is judged after the
// idempotency key: a repeated start is answered with its saga.
func (f *fold) taken(it *item) error {
	if it.start.BusinessKey == "" {
		return nil
	}
	holder := f.b.Holder(it.start.unique(it.saga).place())
	if holder == it.saga {
		return nil
	}
	return fmt.Errorf("%w: %q of %s is that of saga %s", ErrKeyTaken, it.start.BusinessKey, it.start.Definition, holder)
}

// free gives back the business keys of sagas that have ended, and those that were
// claimed for sagas that this batch does not start.
func (f *fold) free() {
	for _, id := range f.ids {
		s := f.sagas[id]
		state := &s.row.State
		if key := state.Extras().Key; len(s.events) > 0 && key != "" && state.Status.Ended() && s.next == nil {
			f.writes.Free = append(f.writes.Free, Unique{s.row.Namespace, state.Definition, key, id})
		}
	}
	for place, want := range f.unique {
		s := f.sagas[want.Saga]
		if f.b.Holder(place) == want.Saga && (s == nil || !s.fresh && !s.found) {
			f.writes.Free = append(f.writes.Free, want)
		}
	}
}
