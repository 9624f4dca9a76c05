package intake

import (
	"fmt"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
)

// Again is the request that starts a saga anew which has ended: with its input, which the
// first event of its history has. The old one stays as it is. key is unique among those
// of this saga; empty: every request is a new one. Before the saga has ended the error is
// saga.ErrNotNow, without its history coordinator.ErrNotFound.
func Again(row coordinator.Row, h saga.History, key string) (Request, error) {
	if !row.State.Status.Ended() {
		return Request{}, fmt.Errorf("the saga is %s: only one that has ended can be started again: %w", row.State.Status, saga.ErrNotNow)
	}
	if len(h) == 0 {
		return Request{}, coordinator.ErrNotFound
	}
	if key != "" {
		key = "restart of " + row.State.ID.String() + ": " + key
	}
	return Request{Namespace: row.Namespace, Definition: row.State.Definition, Key: key, Input: h[0].Payload}, nil
}
