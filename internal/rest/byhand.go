package rest

import (
	"context"
	"errors"

	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// checkByHand holds what an operator writes for a step, its input or its output, to the
// contract of its participant, as far as that is known: to the latest there is.
func (s *Server) checkByHand(ctx context.Context, text, name string, check func(c *definition.Contract, command string) error) error {
	row, file, err := s.fileOf(ctx, text)
	if errors.Is(err, coordinator.ErrNoDefinition) {
		return nil // it was written by a newer build
	}
	if err != nil || s.cfg.Contracts == nil {
		return err
	}
	ref, _ := saga.ParseStepRef(name) // of what is none there is no step
	_, step, ok := row.State.Find(file.Definition.Steps, ref)
	if !ok {
		return nil // the saga says so itself
	}
	known, err := s.cfg.Contracts.ContractVersions(ctx, row.Namespace, step.Participant, "", 1)
	switch {
	case errors.Is(err, registry.ErrNoContract) || step.Waits():
		return nil
	case err != nil || len(known) == 0:
		return err
	}
	command := step.Command
	if row.State.Status == saga.Compensating {
		command = step.Compensation
	}
	if _, offered := known[0].Contract.Commands[command]; !offered {
		return nil // one that was there when the definition was applied
	}
	return check(known[0].Contract, command)
}
