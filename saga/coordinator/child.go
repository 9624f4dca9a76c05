package coordinator

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// isChild reports whether the item is the start of a child, which its parent has
// asked for.
func (it *item) isChild() bool { return it.mail != 0 && it.event.Kind == saga.Started }

// admit finds the versions of the children that a batch starts, and those that it
// does not start. A child is pinned to what is the latest version now.
func (r *run) admit(ctx context.Context, items []*item) error {
	for _, it := range items {
		if !it.isChild() || it.start != nil || it.refused != nil {
			continue
		}
		x, version, key := it.event.Extras(), it.event.Extras().Version, ""
		var err error
		switch a := r.c.cfg.Admission; {
		case a != nil:
			version, key, err = a.Admit(ctx, it.namespace, x.Definition, x.Version, it.event.Payload)
		case version == "":
			err = fmt.Errorf("%w: %s has no version: nobody here knows the latest", ErrBadStart, x.Definition)
		}
		switch {
		case errors.Is(err, ErrBadStart):
			it.refused = err
			continue
		case err != nil:
			return fmt.Errorf("admit child %s: %w", it.saga, err)
		}
		own := it.event.Own()
		own.Version, own.Key = version, key
		it.start = &StartRequest{
			Namespace: it.namespace, Definition: x.Definition, Version: version, BusinessKey: key,
			Input: it.event.Payload, Actor: it.event.Actor, Fixed: it.saga,
		}
	}
	return nil
}

// child starts a child, or tells its parent that it cannot be.
func (f *fold) child(s *folding, it *item) {
	it.result = answer{err: it.refused}
	if it.refused == nil {
		f.start(s, it)
	}
	switch {
	case s.found:
		it.folded = true // it was started before
	case f.r.c.cfg.Admission != nil && errors.Is(it.result.err, ErrNoDefinition):
		s.lacking = true // it was admitted, so it is code that another node has: the message waits for one
	case it.result.err != nil:
		f.r.c.cfg.Log.Warn("a child was not started; its parent's step fails", "saga", it.saga, "error", it.result.err)
		s.row.Namespace = it.namespace
		family := it.event.Extras().Family
		s.toldTo(family.Parent, saga.Event{
			Kind: saga.ChildEnded, Actor: saga.Actor{Kind: saga.ByChild, Name: it.saga.String()},
			Step: family.Step, Outcome: saga.Rejected, Reason: saga.Clip(it.result.err.Error()),
		})
		it.folded = true
	case !it.result.id.IsZero():
		it.folded = true
	}
}
