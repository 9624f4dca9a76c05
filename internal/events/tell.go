package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

const (
	// waitersPage is how many sagas that wait for an event are read at once.
	waitersPage = 500
	// tellTimeout bounds one commit: without Postgres it may never come.
	tellTimeout = 20 * time.Second
)

// tell hands an event to the sagas that wait for it. Who waits is asked now: a saga
// that had begun when the event was written must be among them.
func (r *Reader) tell(ctx context.Context, namespace string, event kafka.Record) ([]outcome, error) {
	awaiters, err := r.asked[namespace].get(ctx, func(ctx context.Context) ([]registry.Listener, error) {
		return r.cfg.Registry.Awaiters(ctx, namespace)
	})
	if err != nil {
		return nil, err
	}
	var waits []coordinator.EventWait
	unfit := map[coordinator.EventWait]error{} // by its step, without a key
	for _, a := range awaiters {
		if !slices.Contains(a.Topics, event.Topic) {
			continue
		}
		file, err := r.cfg.Registry.Get(ctx, namespace, a.Name, a.Version)
		if err != nil {
			return nil, err
		}
		for _, awaited := range file.Awaits(event.Topic) {
			key, ok := awaited.Key(event)
			if !ok {
				continue
			}
			step := coordinator.EventWait{Definition: a.Name, Version: a.Version, Step: awaited.Step}
			unfit[step] = awaited.Check(event)
			step.Key = key
			waits = append(waits, step)
		}
	}
	if len(waits) == 0 {
		return nil, nil
	}
	return r.tellAll(ctx, namespace, event, waits, unfit)
}

// tellAll finds the sagas, page by page, and tells each.
func (r *Reader) tellAll(ctx context.Context, namespace string, event kafka.Record, waits []coordinator.EventWait, unfit map[coordinator.EventWait]error) (outcomes []outcome, err error) {
	for after := (coordinator.EventWait{}); ; {
		page, err := r.cfg.Waits.EventWaits(ctx, namespace, waits, after, waitersPage)
		if err != nil {
			return nil, err
		}
		for _, w := range page {
			after = w
			step := coordinator.EventWait{Definition: w.Definition, Version: w.Version, Step: w.Step}
			o, err := r.advance(ctx, event, w, unfit[step])
			if err != nil {
				return nil, fmt.Errorf("saga %s: %w", w.Saga, err)
			}
			outcomes = append(outcomes, o)
		}
		if len(page) < waitersPage {
			return outcomes, nil
		}
	}
}

// advance tells one saga. An event that does not fit what its step awaits is refused
// once for all sagas of the definition: the reasons are the same.
func (r *Reader) advance(ctx context.Context, event kafka.Record, w coordinator.EventWait, unfit error) (outcome, error) {
	o := outcome{definition: w.Definition}
	if unfit != nil {
		return o.after(fmt.Errorf("step %s: %w", w.Step, unfit), false)
	}
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	answer, err := r.cfg.Engine.Do(ctx, coordinator.Verb{
		Kind: saga.Signalled, Saga: w.Saga, Signal: saga.EventSignal(w.Step), Payload: saga.JSON(event.Value),
		Actor: saga.Actor{Kind: saga.Operator, Name: "kafka/" + event.Topic}, RequestID: requestID(w.Step, event),
	})
	switch {
	case err == nil && answer.State.ID.IsZero():
		return o, errNobody
	case err == nil && answer.Changed:
		o.result = Advanced
	case err == nil:
		o.result = Repeated
	case saga.IsRefusal(err) || errors.Is(err, coordinator.ErrNotFound):
		o.result = Late
	case errors.Is(err, coordinator.ErrNotReady) || ctx.Err() != nil:
		return o, err
	default: // the saga cannot take it, and has attention that says so
		o.result, o.why = Refused, fmt.Errorf("saga %s: %w", w.Saga, err)
	}
	return o, nil
}

var errNobody = errors.New("this process cannot decide the saga's version; another one may")

// requestID makes what an event does to a step happen once.
func requestID(step string, event kafka.Record) string { return PlaceKey(step, event) }
