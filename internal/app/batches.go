package app

import (
	"context"
	"fmt"

	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// batches fits batch.Store to REST's port.
type batches struct{ *batch.Store }

// Create implements rest.Batches.
func (b batches) Create(ctx context.Context, f rest.Filter, r batch.Request) (batch.Batch, error) {
	r.Filter = sagapg.Filter(f)
	return b.Store.Create(ctx, r)
}

// checkVerb holds a signal of a batch to the version that its saga is pinned to, as
// REST does one saga's.
func (p *parts) checkVerb(ctx context.Context, v coordinator.Verb) error {
	if v.Kind != saga.Signalled {
		return nil
	}
	row, err := p.reader.Get(ctx, v.Saga)
	if err != nil {
		return err
	}
	file, err := p.registry.Get(ctx, row.Namespace, row.State.Definition, row.State.Version)
	if err != nil {
		return err
	}
	if err := file.CheckSignal(v.Signal, v.Payload.Data); err != nil {
		return fmt.Errorf("%w: %w", saga.ErrInvalid, err)
	}
	return nil
}

// restart starts a saga of a batch anew, as REST does one saga.
func (p *parts) restart(ctx context.Context, id saga.ID, key string, who saga.Actor) (fresh bool, err error) {
	row, err := p.reader.Get(ctx, id)
	if err != nil {
		return false, err
	}
	first, err := p.reader.History(ctx, id, 0, 1)
	if err != nil {
		return false, err
	}
	again, err := intake.Again(row, first, key)
	if err != nil {
		return false, err
	}
	again.Actor, again.Waits = who, true
	result, err := p.intake.Start(ctx, again)
	if intake.Refused(err) {
		err = fmt.Errorf("%w: %w", saga.ErrInvalid, err)
	}
	return result.New, err
}
