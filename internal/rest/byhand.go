package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/definition"
)

// check is whether a command's input, or its result, is what a contract says.
type check func(c *definition.Contract, command string) error

// checkByHand holds what an operator writes for a step, its input or its output, to the
// contract of its participant, as far as that is known: to the latest there is.
func (s *Server) checkByHand(ctx context.Context, text, name string, is check) error {
	row, file, err := s.fileOf(ctx, text)
	if errors.Is(err, coordinator.ErrNoDefinition) {
		return nil // it was written by a newer build
	}
	if err != nil {
		return err
	}
	ref, _ := saga.ParseStepRef(name) // of what is none there is no step
	_, step, ok := row.State.Find(file.Definition.Steps, ref)
	if !ok {
		return nil // the saga says so itself
	}
	return s.checkStep(ctx, row.Namespace, step, row.State.Status == saga.Compensating, is)
}

// checkStep holds it to the contract of the step's participant, if there is one; back: the
// saga is compensating.
func (s *Server) checkStep(ctx context.Context, namespace string, step *saga.Step, back bool, is check) error {
	if s.cfg.Contracts == nil || step.Waits() || step.Participant == "" {
		return nil
	}
	known, err := s.cfg.Contracts.ContractVersions(ctx, namespace, step.Participant, "", 1)
	switch {
	case errors.Is(err, registry.ErrNoContract):
		return nil
	case err != nil || len(known) == 0:
		return err
	}
	command := step.Command
	if back {
		command = step.Compensation
	}
	if _, offered := known[0].Contract.Commands[command]; !offered {
		return nil // one that was there when the definition was applied
	}
	return is(known[0].Contract, command)
}

// fitsAll holds what a batch writes for a step of its sagas to the contracts, as one
// saga's verb is held; nil for a verb that writes nothing. All that does not fit is said
// together, with the definitions for which it does not.
func (s *Server) fitsAll(namespace string, r client.BatchRequest) func(context.Context, []batch.Kind) error {
	var is check
	switch manyVerbs[r.Verb].kind {
	case saga.StepEdited:
		is = func(c *definition.Contract, command string) error { return c.CheckInput(command, r.Input) }
	case saga.StepResolved:
		is = func(c *definition.Contract, command string) error { return c.CheckResult(command, orNull(r.Output)) }
	default:
		return nil
	}
	return func(ctx context.Context, kinds []batch.Kind) error {
		p := newProblem(http.StatusUnprocessableEntity, client.InvalidInput, "it is not what the participants' contracts ask for: mend it, or let the filter choose other sagas")
		for _, kind := range kinds {
			err := s.fitsKind(ctx, namespace, kind, r.Step, is)
			var input *definition.InputError
			if err != nil && !errors.As(err, &input) {
				return err
			}
			for _, fault := range problemsOf(input) {
				p.Errors = append(p.Errors, client.Fault{Path: fault.Path, Problem: fmt.Sprintf("%s (sagas of %s %s)", fault.What, kind.Definition, kind.Version)})
			}
		}
		if len(p.Errors) == 0 {
			return nil
		}
		p.Errors = p.Errors[:min(len(p.Errors), definition.MaxProblems)]
		return p
	}
}

func problemsOf(e *definition.InputError) []definition.Problem {
	if e == nil {
		return nil
	}
	return e.Problems
}

// fitsKind is fitsAll for the sagas of one version.
func (s *Server) fitsKind(ctx context.Context, namespace string, kind batch.Kind, name string, is check) error {
	file, err := s.cfg.Registry.Get(ctx, namespace, kind.Definition, kind.Version)
	if errors.Is(err, coordinator.ErrNoDefinition) {
		return nil // it was written by a newer build
	}
	if err != nil {
		return err
	}
	ref, _ := saga.ParseStepRef(name) // of what is none there is no step: the sagas say so themselves
	for i := range file.Definition.Steps {
		if step := &file.Definition.Steps[i]; step.Name == ref.Name {
			return s.checkStep(ctx, namespace, step, kind.Back, is)
		}
	}
	return nil
}
