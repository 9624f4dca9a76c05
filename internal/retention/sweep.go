package retention

import (
	"context"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// sweep goes through a range once.
type sweep struct {
	Runner
	now    time.Time
	oldest map[saga.Retention]time.Time
}

// rangeOf deletes what is due in a range.
func (s *sweep) rangeOf(ctx context.Context, part Range) error {
	for more := true; more; {
		if !s.Mine() {
			return errNotMine
		}
		began := time.Now()
		var roots []Saga
		var err error
		if roots, part.After, more, err = s.Store.Page(ctx, part, page); err != nil {
			return err
		}
		if err := s.families(ctx, s.candidates(roots)); err != nil {
			return err
		}
		s.pause(ctx, 0, began)
	}
	return ctx.Err()
}

// candidates returns those of the roots that are due by themselves, and notes the
// oldest of the others.
func (s *sweep) candidates(roots []Saga) []saga.ID {
	var ids []saga.ID
	for i := range roots {
		if s.Policy.due(&roots[i], s.now) {
			ids = append(ids, roots[i].ID)
		} else {
			s.kept(&roots[i])
		}
	}
	return ids
}

// kept notes an ended saga that is not deleted.
func (s *sweep) kept(left *Saga) {
	if was := s.oldest[left.Class]; left.Ended && (was.IsZero() || left.Changed.Before(was)) {
		s.oldest[left.Class] = left.Changed
	}
}

// families deletes the families of roots, as far as they are due.
func (s *sweep) families(ctx context.Context, roots []saga.ID) error {
	for len(roots) > 0 {
		some := roots[:min(len(roots), sagasMax)]
		roots = roots[len(some):]
		members, err := s.Store.Families(ctx, some, familyMax)
		if err != nil {
			return err
		}
		if len(members) == familyMax && len(some) > 1 { // each by itself: the last one may be cut
			for i := range some {
				if err := s.families(ctx, some[i:i+1]); err != nil {
					return err
				}
			}
			continue
		}
		if len(members) == familyMax {
			s.Log.WarnContext(ctx, "a family of sagas is too large to be deleted", "saga", some[0], "most", familyMax)
			continue
		}
		if err := s.delete(ctx, s.due(members)); err != nil {
			return err
		}
	}
	return nil
}

// due returns the members of families that are due, one family after the other and
// each in its order.
func (s *sweep) due(members []Saga) []Saga {
	families, order := map[saga.ID][]Saga{}, []saga.ID{}
	for _, m := range members {
		if families[m.Root] == nil {
			order = append(order, m.Root)
		}
		families[m.Root] = append(families[m.Root], m)
	}
	var due []Saga
	for _, root := range order {
		family := families[root]
		if s.Policy.Due(family, s.now) {
			due = append(due, family...)
			continue
		}
		s.kept(&family[len(family)-1])
	}
	return due
}

// delete deletes sagas in transactions of a bounded size. Children go before their
// parents, and nothing of a family goes any more once one of it could not.
func (s *sweep) delete(ctx context.Context, due []Saga) error {
	stopped := map[saga.ID]bool{}
	for len(due) > 0 {
		some := portion(due)
		due = due[len(some):]
		some = without(some, stopped)
		if len(some) == 0 {
			continue
		}
		gone, err := s.some(ctx, some)
		if err != nil {
			return err
		}
		for i := range some {
			if !gone[some[i].ID] {
				stopped[some[i].Root] = true
				s.kept(&some[i])
				continue
			}
			s.Meter.Deleted(some[i].Class, 1)
		}
	}
	return nil
}

// some deletes sagas, in as many transactions as their events need.
func (s *sweep) some(ctx context.Context, some []Saga) (map[saga.ID]bool, error) {
	all := make(map[saga.ID]bool, len(some))
	for more := true; more; {
		began := time.Now()
		var gone []saga.ID
		var err error
		if gone, more, err = s.Store.Delete(ctx, some, eventsMax); err != nil {
			return nil, err
		}
		for _, id := range gone {
			all[id] = true
		}
		s.pause(ctx, len(gone), began)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return all, nil
}

// portion returns the first sagas that one transaction can delete; one at least.
func portion(due []Saga) []Saga {
	events := int64(0)
	for i := range due {
		events += due[i].Seq
		if i > 0 && events > eventsMax || i == sagasMax {
			return due[:i]
		}
	}
	return due
}

func without(some []Saga, stopped map[saga.ID]bool) []Saga {
	var left []Saga
	for _, one := range some {
		if !stopped[one.Root] {
			left = append(left, one)
		}
	}
	return left
}

// keys deletes the start keys of sagas that are gone.
func (s *sweep) keys(ctx context.Context) error {
	for last := (Key{}); ; {
		if !s.Mine() {
			return errNotMine
		}
		began := time.Now()
		n, next, err := s.Store.Keys(ctx, last, page)
		if err != nil {
			return err
		}
		s.pause(ctx, n, began)
		if last = next; last == (Key{}) || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause keeps to the rate, and leaves the database as much time as was taken.
func (s *sweep) pause(ctx context.Context, deleted int, began time.Time) {
	took := time.Since(began)
	pause(ctx, max(rest*took, time.Duration(deleted)*time.Second/time.Duration(s.Policy.Rate)-took))
}
