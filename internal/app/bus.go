package app

import (
	"context"
	"fmt"

	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
)

// bus sends single records.
type bus struct{ producer *kafka.Producer }

// Send implements office.Sender.
func (b bus) Send(ctx context.Context, rec kafka.Record) error {
	err := b.producer.Send(ctx, rec)
	if kafka.IsPermanent(err) {
		err = fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
	}
	return err
}

// reader fits sagapg.Reader to REST's port.
type reader struct{ *sagapg.Reader }

// CountSnoozed implements rest.Reader.
func (r reader) CountSnoozed(ctx context.Context, f rest.Filter) (int, error) {
	return r.Reader.CountSnoozed(ctx, sagapg.Filter(f))
}

// List implements rest.Reader.
func (r reader) List(ctx context.Context, f rest.Filter) ([]coordinator.Row, saga.ID, error) {
	return r.Reader.List(ctx, sagapg.Filter(f))
}
