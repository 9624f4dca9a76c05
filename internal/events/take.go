package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// outcome is what an event has done to a definition.
type outcome struct {
	definition string
	result     Result
	why        error // of a Refused
}

// Again takes an event whose dead letter was redriven: as is the record that carries
// it. What the event has started already it does not start a second time. Who waits for
// it is asked for now, as listeners are.
func (r *Reader) Again(ctx context.Context, namespace string, event, as kafka.Record) error {
	wishes, err := r.look(ctx)
	if err != nil {
		return err
	}
	if _, wished := wishes[place{namespace, event.Topic}]; !wished {
		return r.bury(ctx, namespace, as, fmt.Errorf("no definition of namespace %s waits for the events of %s", namespace, event.Topic))
	}
	return r.take(ctx, namespace, event, as)
}

// take offers an event to all definitions that wait for it, and then to all sagas: to
// the one that it has started too. An error says that one of them could not take or
// refuse it now.
func (r *Reader) take(ctx context.Context, namespace string, event, as kafka.Record) error {
	var outcomes []outcome
	var faults []error
	listeners, err := r.listeners(ctx, namespace, event.Topic)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		o, err := r.offer(ctx, namespace, l, event)
		if err != nil {
			return fmt.Errorf("definition %s: %w", l.Name, err)
		}
		outcomes = append(outcomes, o)
	}
	told, err := r.tell(ctx, namespace, event)
	if err != nil {
		return err
	}
	outcomes = append(outcomes, told...)
	for _, o := range outcomes {
		why := fmt.Errorf("definition %s: %w", o.definition, o.why)
		if o.why != nil && !slices.ContainsFunc(faults, func(f error) bool { return f.Error() == why.Error() }) {
			faults = append(faults, why)
		}
	}
	if len(faults) > 0 {
		if err := r.bury(ctx, namespace, as, errors.Join(faults...)); err != nil {
			return err
		}
	}
	for _, o := range outcomes {
		if o.result != "" {
			r.cfg.Count(event.Topic, o.definition, o.result)
		}
	}
	return nil
}

// listeners lists who waits for a topic's events. They are asked for now: a version
// that was applied, by any process, before the event was written must be among them.
func (r *Reader) listeners(ctx context.Context, namespace, topic string) ([]registry.Listener, error) {
	list, err := r.heard[namespace].get(ctx, func(ctx context.Context) ([]registry.Listener, error) {
		return r.cfg.Registry.Listeners(ctx, namespace)
	})
	var mine []registry.Listener
	for _, l := range list {
		if slices.Contains(l.Topics, topic) {
			mine = append(mine, l)
		}
	}
	return mine, err
}

// offer lets an event start a saga of one definition, by its latest version.
func (r *Reader) offer(ctx context.Context, namespace string, l registry.Listener, event kafka.Record) (outcome, error) {
	name, version, o := l.Name, l.Version, outcome{definition: l.Name}
	file, err := r.cfg.Registry.Get(ctx, namespace, name, version)
	if err != nil || file.StartOn == nil || file.StartOn.Topic != event.Topic {
		return o, err
	}
	if err := r.cfg.Registry.Open(ctx, namespace, name); err != nil {
		return o.after(err, false)
	}
	start, wanted, err := file.StartOn.Start(event)
	switch {
	case err != nil:
		return o.after(err, false)
	case !wanted:
		o.result = Skipped
		return o, nil
	}
	key, placed := start.Key, start.Key == ""
	if placed {
		key = PlaceKey(name, event)
	}
	trace, _ := record.Get(event.Headers, saga.HeaderTraceParent)
	started, err := r.cfg.Starter.Start(ctx, intake.Request{
		Namespace: namespace, Definition: name, Version: version, Key: key, Input: saga.JSON(start.Input),
		Actor: saga.Actor{Kind: saga.Operator, Name: "kafka/" + event.Topic}, Trace: string(trace), Waits: true,
	})
	if err != nil {
		return o.after(err, placed)
	}
	o.result = Repeated
	if started.New {
		o.result = Started
	}
	return o, nil
}

// after says what an error makes of the event; it is returned if nobody can say yet.
// placed: the key names this very record, so that it was this record that used it.
func (o outcome) after(err error, placed bool) (outcome, error) {
	switch {
	case errors.Is(err, registry.ErrDisabled):
		o.result = Disabled
	case placed && errors.Is(err, coordinator.ErrKeyUsed): // by an earlier version, with another input
		o.result = Repeated
	case intake.Refused(err) || errors.Is(err, definition.ErrNoEvent) || errors.Is(err, definition.ErrInvalidInput):
		o.result, o.why = Refused, err
	default:
		return o, err
	}
	return o, nil
}

// PlaceKey is the idempotency key of a start by an event whose definition says none:
// the place of the record, with its time, since a topic that is made anew counts its
// records anew.
func PlaceKey(definition string, event kafka.Record) string {
	key := fmt.Sprintf("event/%s/%s/%d/%d/%d", definition, event.Topic, event.Partition, event.Offset, event.Timestamp.UnixMilli())
	if len(key) > coordinator.MaxKey {
		sum := sha256.Sum256([]byte(key))
		key = "event/" + hex.EncodeToString(sum[:])
	}
	return key
}

// bury keeps a record as a dead letter.
func (r *Reader) bury(ctx context.Context, namespace string, rec kafka.Record, cause error) error {
	why := deadletter.Reason{Class: office.ClassEvent, Text: strings.ReplaceAll(cause.Error(), "\n", "; ")}
	letter := office.NewLetter(rec, why, r.cfg.Node, time.Now())
	letter.Namespace, letter.Saga = namespace, saga.ID{} // it is of no saga, whatever it says
	r.cfg.Log.WarnContext(ctx, "an event was refused", "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset)
	return r.cfg.Keep(ctx, letter)
}
