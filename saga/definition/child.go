package definition

import (
	"regexp"
	"strconv"

	"github.com/unwindhq/unwind/saga"
)

var versionText = regexp.MustCompile(`^r[1-9][0-9]{0,8}$`)

// child resolves a step that another saga carries out. What does not fit is said by
// the core, which sees what was written.
func (r *resolver) child(s *Step, path string) saga.Step {
	step := saga.Step{
		Name: s.Step, After: s.After, Kind: r.kind(s, path), Compensation: s.Compensation, Reason: s.NoCompensation,
		Child: &saga.Child{Definition: s.Child, Version: s.Version},
	}
	if s.Version != "" && !versionText.MatchString(s.Version) {
		r.add(join(path, "version"), strconv.Quote(s.Version)+" is not a version", "write one such as r3, or leave it out for the latest")
	}
	if s.waits() {
		r.add(join(path, "child"), "the step waits too", "make two steps of it")
	}
	if s.Command != "" || s.Local != "" {
		step.Participant = saga.Local
	}
	step.ForEach = r.forEach(s, path)
	step.Do = r.policy(path, s.Timeout, s.Retry, saga.Policy{})
	if s.Heartbeat != "" {
		r.add(join(path, "heartbeat"), "a child says by itself how it ends", "remove it, or write a deadline into the child's definition")
	}
	if s.Undo != nil {
		step.Undo = r.policy(join(path, "undo"), s.Undo.Timeout, s.Undo.Retry, saga.Policy{Attempts: 1})
	}
	if step.Kind == saga.Retriable {
		if step.Do.Backoff == 0 {
			step.Do.Backoff, step.Do.Cap = r.do.Backoff, max(step.Do.Cap, r.do.Cap)
		}
		s.Retry = &Retry{Backoff: step.Do.Backoff.String(), Cap: step.Do.Cap.String()}
	}
	return step
}
