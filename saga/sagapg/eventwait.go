package sagapg

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// waitColumns are event waits as the statements take them.
type waitColumns struct {
	sagas                                          []saga.ID
	steps, namespaces, definitions, versions, keys []string
}

func waitColumnsOf(waits []coordinator.EventWait) (c waitColumns) {
	for i := range waits {
		w := &waits[i]
		c.sagas, c.steps = append(c.sagas, w.Saga), append(c.steps, w.Step)
		c.namespaces, c.definitions = append(c.namespaces, w.Namespace), append(c.definitions, w.Definition)
		c.versions, c.keys = append(c.versions, w.Version), append(c.keys, w.Key)
	}
	return c
}

// queueWaits writes which steps wait for events.
func (b *batch) queueWaits(q *pgx.Batch, w *coordinator.Writes) {
	if len(w.Over) > 0 {
		c := waitColumnsOf(w.Over)
		q.Queue(b.s.in(deleteWaits), uuids(c.sagas), c.steps)
	}
	if len(w.Watches) > 0 {
		c := waitColumnsOf(w.Watches)
		q.Queue(b.s.in(insertWaits), uuids(c.sagas), c.steps, c.namespaces, c.definitions, c.versions, c.keys)
	}
}

// EventWaits finds the steps of a namespace's sagas that wait for one of these
// events: of wanted, definition, version, step and key count. They come in the order
// of sagas and steps, those behind after, at most limit.
func (r *Reader) EventWaits(ctx context.Context, namespace string, wanted []coordinator.EventWait, after coordinator.EventWait, limit int) ([]coordinator.EventWait, error) {
	c := waitColumnsOf(wanted)
	rows, err := r.pool.Query(ctx, r.sql(findWaits), namespace, c.definitions, c.versions, c.steps, c.keys, [16]byte(after.Saga), after.Step, limit)
	if err != nil {
		return nil, fmt.Errorf("find the sagas that wait for an event: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (coordinator.EventWait, error) {
		w := coordinator.EventWait{Namespace: namespace}
		err := row.Scan(&w.Definition, &w.Version, (*[16]byte)(&w.Saga), &w.Step, &w.Key)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("find the sagas that wait for an event: %w", err)
	}
	return found, nil
}
