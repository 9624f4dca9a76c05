package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// ErrIDUsed says that the id of an update has made another update of the saga.
var ErrIDUsed = errors.New("the id was used for another update")

// UpdateResult is what a saga has answered to an update, given only after the commit.
type UpdateResult struct {
	ID     string            // ID is the update's id: RequestID, or a new one.
	Seq    int64             // Seq is the update's place in the history.
	Answer saga.UpdateAnswer // Answer is what the function has made of it.
	State  saga.State        // State is the saga's state, perhaps some events later.
}

// Update asks the function of a saga to take an update: v is an Updated, which gets an
// id if it has none. event reads one of the saga's events by its Seq. The answer is the
// same whenever the same id asks the same again; see saga.Code. What the function does
// not want is a *saga.UpdateRefused, what it cannot take a *saga.UpdateError, an update
// that it does not have saga.ErrNoUpdate, and an id of another update ErrIDUsed.
func (c *Coordinator) Update(ctx context.Context, v Verb, event func(ctx context.Context, seq int64) (saga.Event, error)) (UpdateResult, error) {
	if v.RequestID == "" {
		v.RequestID = randomID(c.now()).String()
	}
	done, err := c.Do(ctx, v)
	if err != nil {
		return UpdateResult{}, err
	}
	seq, ok := done.State.TakenAs(v.RequestID)
	if !ok {
		return UpdateResult{}, fmt.Errorf("update %s of saga %s was taken and is not remembered: %w", v.Update, v.Saga, saga.ErrState)
	}
	// Also who has just asked gets what is written: there is one answer.
	e, err := event(ctx, seq)
	if err != nil {
		return UpdateResult{}, fmt.Errorf("read the answer of update %s of saga %s: %w", v.Update, v.Saga, err)
	}
	answer, ok := e.UpdateAnswer()
	switch {
	case !ok:
		return UpdateResult{}, fmt.Errorf("event %d of saga %s is no update: %w", seq, v.Saga, saga.ErrState)
	case e.RequestID != v.RequestID || e.Extras().Update != v.Update || !bytes.Equal(e.Payload.Data, v.Payload.Data):
		return UpdateResult{}, fmt.Errorf("%w: %s, event %d of saga %s", ErrIDUsed, e.Extras().Update, seq, v.Saga)
	}
	return UpdateResult{ID: v.RequestID, Seq: seq, Answer: answer, State: done.State}, nil
}

// notTaken answers an update that the saga's function has failed to take. Nothing of it
// has happened, so the saga needs no attention: who asks hears of it.
func (f *fold) notTaken(s *folding, it *item, cause error) {
	err := &saga.UpdateError{Update: it.event.Extras().Update, Err: cause}
	f.r.c.cfg.Log.Warn("a saga's function does not take an update", "saga", s.id, "definition", s.row.State.Definition, "error", err)
	it.result = answer{err: err, state: s.row.State}
}
