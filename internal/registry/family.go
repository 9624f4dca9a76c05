package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

// checkFamily refuses a definition whose children are not there, cannot be turned
// back where one of its steps would have to, come back to it, or go too deep. What
// changes later is judged again when a child begins.
func (r *Registry) checkFamily(ctx context.Context, namespace string, file *definition.File) error {
	var faults saga.Faults
	for i := range file.Definition.Steps {
		step := &file.Definition.Steps[i]
		if step.Child == nil {
			continue
		}
		problem, cure, err := r.checkChild(ctx, namespace, step, []string{file.Definition.Name})
		if err != nil {
			return err
		}
		if problem != "" {
			faults = append(faults, saga.Fault{Path: fmt.Sprintf("steps[%d].child", i), Problem: problem, Cure: cure})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// checkChild says what is wrong with a step's child, and with those below it. above
// are the definitions that it is a child of, the root first.
func (r *Registry) checkChild(ctx context.Context, namespace string, step *saga.Step, above []string) (problem, cure string, err error) {
	child := step.Child
	switch {
	case slices.Contains(above, child.Definition):
		return strings.Join(append(above, child.Definition), " begins ") + ": that would never end", "break the circle", nil
	case len(above) >= saga.MaxDepth:
		return fmt.Sprintf("%d generations, at most %d", len(above)+1, saga.MaxDepth), "let one of them do the steps itself", nil
	}
	version := child.Version
	if version == "" {
		version, _, err = r.Latest(ctx, namespace, child.Definition)
	}
	if err == nil {
		_, err = r.Get(ctx, namespace, child.Definition, version)
	}
	var unknown *UnknownError
	switch {
	case errors.As(err, &unknown):
		return unknown.Error(), "apply the child's definition first", nil
	case err != nil:
		return "", "", err
	}
	c := r.find(id{namespace, child.Definition, version})
	if why := irreversible(c.decider); step.UndoesChild() && why != "" {
		return child.Definition + " cannot be turned back: " + why, "make the step kind: pivot or retriable, or say noCompensation: and why its effect may stay", nil
	}
	for i := range c.file.Definition.Steps {
		if next := &c.file.Definition.Steps[i]; next.Child != nil {
			if problem, cure, err = r.checkChild(ctx, namespace, next, append(slices.Clip(above), child.Definition)); problem != "" || err != nil {
				return problem, cure, err
			}
		}
	}
	return "", "", nil
}

// irreversible says why a saga can not be turned back once it has completed; empty
// if it can.
func irreversible(decider saga.Decider) string {
	if machine, ok := decider.(*saga.Machine); ok {
		return machine.Irreversible()
	}
	return "" // code is judged by what it asks for
}
