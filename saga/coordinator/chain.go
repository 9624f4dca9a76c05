package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// A saga that continues as new is followed by the next run of its chain in the same
// batch: neither is there without the other.

// follower is what is known of the next run of a saga before its batch's locks are
// taken: the version to pin, or why there can be none.
type follower struct {
	version string
	err     error
}

// follow starts the next run of a saga, if the effects ask for one. An error changes
// nothing: the saga gets attention, and the next run can be tried again.
func (f *fold) follow(s *folding, effects []saga.Effect) error {
	for _, effect := range effects {
		if next, ok := effect.(saga.Continue); ok {
			return f.begin(s, next)
		}
	}
	return nil
}

func (f *fold) begin(s *folding, next saga.Continue) error {
	admitted, ok := f.r.followers[s.id]
	switch {
	case !ok && f.r.c.cfg.Admission != nil:
		f.continues = append(f.continues, mailTo(s, next))
		return errMissing
	case admitted.err != nil:
		return fmt.Errorf("the next run cannot begin: %w", admitted.err)
	case s.next != nil:
		return errors.New("the saga continues as new twice in one batch")
	}
	n := &folding{id: next.To, bucket: s.bucket, turn: turn{s.id, nextRun}, row: Row{Namespace: s.row.Namespace, State: saga.State{ID: next.To}}}
	it := mailTo(s, next)
	if admitted.version != "" {
		it.event.Own().Version = admitted.version
	}
	effects, err := f.decideFirst(n, it)
	if err != nil {
		n.discard()
		return err
	}
	for _, effect := range effects {
		if _, again := effect.(saga.Continue); again {
			n.discard()
			return errors.New("the next run cannot begin: it continues as new before it has waited for anything, and would never end")
		}
	}
	n.fresh, s.next = true, n
	f.sagas[n.id] = n
	return nil
}

func mailTo(s *folding, next saga.Continue) *item {
	return &item{bucket: s.bucket, saga: next.To, event: next.Event, namespace: s.row.Namespace}
}

// decideFirst decides the start of a next run.
func (f *fold) decideFirst(n *folding, it *item) ([]saga.Effect, error) {
	x := it.event.Extras()
	v := version{n.row.Namespace, x.Definition, x.Version}
	d, ok := f.loaded(v)
	if !ok {
		if f.r.lacking[v] == nil {
			f.missing[v] = true
			return nil, errMissing
		}
		return nil, fmt.Errorf("the next run cannot begin: %s %s: %w", v.name, v.version, ErrNoDefinition)
	}
	n.decider = d
	before, e := n.row.State, it.event
	e.At, e.Hold = f.b.Now(), f.r.foreign
	state, effects, err := f.gated(n, it, &e)
	if err != nil {
		return nil, fmt.Errorf("the next run cannot begin: %w", err)
	}
	f.took(n, &before, &e, state, effects)
	return effects, nil
}

// discard gives back what a run has that does not begin.
func (s *folding) discard() {
	s.giveBack()
	if s.run != nil {
		s.run.Stop()
		s.run = nil
	}
}

// unfollow forgets the next run of a saga that is folded again.
func (f *fold) unfollow(s *folding) {
	if s.next == nil {
		return
	}
	s.next.discard()
	delete(f.sagas, s.next.id)
	s.next = nil
}

// followers puts the next runs of the batch's sagas among them.
func (f *fold) followers() {
	for _, id := range f.ids {
		s := f.sagas[id]
		n := s.next
		if n == nil {
			continue
		}
		f.ids = append(f.ids, n.id)
		// Whoever learns of this commit only by a takeover or a second look finds the run.
		f.writes.Far = append(f.writes.Far, Wake{Saga: n.id, At: f.b.Now()})
		if key := n.row.State.Extras().Key; key != "" {
			had := Unique{n.row.Namespace, s.row.State.Definition, key, id}
			f.writes.Hand = append(f.writes.Hand, Handed{Unique: had, To: n.id})
		}
	}
}

// admitNext finds the versions of the next runs that a batch starts, outside of its
// transaction. The input that is judged is that of this try: one that has the time
// in it is another in the next.
func (r *run) admitNext(ctx context.Context, f *fold) error {
	for _, it := range f.continues {
		x := it.event.Extras()
		version, key, err := r.c.cfg.Admission.Admit(ctx, it.namespace, x.Definition, "", it.event.Payload)
		switch {
		case err == nil && key != "" && key != x.Key:
			err = fmt.Errorf("its business key would be %q, but it is that of its chain, %q", key, x.Key)
		case err != nil && !errors.Is(err, ErrBadStart):
			return fmt.Errorf("admit the next run of a saga: %w", err)
		}
		if err == nil && !r.has(ctx, it.namespace, x.Definition, version) {
			version = x.Version
		}
		if r.followers == nil {
			r.followers = map[saga.ID]follower{}
		}
		r.followers[x.Chain.Before] = follower{version, err}
	}
	return nil
}

// has reports whether this node can decide sagas of a version.
func (r *run) has(ctx context.Context, namespace, name, version string) bool {
	_, ok := r.c.cfg.Definitions.Decider(namespace, name, version)
	return ok || r.c.cfg.Definitions.Load(ctx, namespace, name, version) == nil
}
