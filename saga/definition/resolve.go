package definition

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// The words of kind.
var kinds = []string{saga.Compensable.String(), saga.Pivot.String(), saga.Retriable.String()}

// resolver fills in defaults: into the Spec, which becomes canonical, and into
// the steps of the saga.Definition.
type resolver struct {
	*report
	do, undo saga.Policy // defaults of the file, then the engine's
}

// resolve makes every default explicit in spec and returns its steps, unbound.
func (r *resolver) resolve(spec *Spec) []saga.Step {
	r.do, r.undo = enginePolicy(saga.DefaultAttempts), enginePolicy(saga.DefaultUndoAttempts)
	if p := spec.Defaults; p != nil {
		r.do = r.policy("defaults", p.Timeout, p.Retry, r.do)
		if u := p.Undo; u != nil {
			r.undo = r.policy("defaults.undo", u.Timeout, u.Retry, r.undo)
		}
		spec.Defaults = nil
	}
	steps := make([]saga.Step, len(spec.Steps))
	for i := range spec.Steps {
		r.order(spec.Steps, i)
		steps[i] = r.step(&spec.Steps[i], at("steps", i))
	}
	return steps
}

func enginePolicy(attempts int) saga.Policy {
	return saga.Policy{Timeout: saga.DefaultTimeout, Attempts: attempts, Backoff: saga.DefaultBackoff, Cap: saga.DefaultCap}
}

// order makes the default of after explicit and looks for unknown names.
func (r *resolver) order(steps []Step, i int) {
	for _, name := range steps[i].After {
		if !slices.ContainsFunc(steps, func(s Step) bool { return s.Step == name || !saga.IsName(s.Step) && camel(s.Step) == camel(name) }) {
			r.add(at("steps", i)+".after", "there is no step "+strconv.Quote(name), didYouMean(name, stepNames(steps)))
		}
	}
	if steps[i].After != nil {
		return
	}
	steps[i].After = []string{}
	if i > 0 {
		steps[i].After = []string{steps[i-1].Step}
	}
}

func stepNames(steps []Step) []string {
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = s.Step
	}
	return names
}

func (r *resolver) step(s *Step, path string) saga.Step {
	switch {
	case s.Child != "":
		return r.child(s, path)
	case s.Version != "":
		r.add(join(path, "version"), "only a child has a version", "write child: and the name of a definition")
	case s.waits():
		return r.wait(s, path)
	}
	step := saga.Step{Name: s.Step, After: s.After, Kind: r.kind(s, path), Compensation: s.Compensation, Reason: s.NoCompensation}
	step.Participant, step.Command = r.command(s, path)
	step.ForEach = r.forEach(s, path)
	step.Do = r.policy(path, s.Timeout, s.Retry, r.do)
	if step.Kind == saga.Retriable && (s.Retry == nil || s.Retry.Attempts == 0) {
		step.Do.Attempts = 0 // it never gives up
	}
	ownTimeout := s.Timeout != ""
	step.Do.Heartbeat = r.written(join(path, "heartbeat"), &s.Heartbeat)
	s.Timeout, s.Retry = written(step.Do)
	if step.Do.Heartbeat > 0 && !ownTimeout {
		s.Timeout, step.Do.Timeout = "", 0 // it is heard, or sent again: no default cuts it short
	}
	switch {
	case s.Compensation != "":
		u := s.Undo
		if u == nil {
			u = &Undo{}
		}
		step.Undo = r.policy(join(path, "undo"), u.Timeout, u.Retry, r.undo)
		s.Undo = &Undo{}
		s.Undo.Timeout, s.Undo.Retry = written(step.Undo)
	case s.Undo != nil:
		r.add(join(path, "undo"), "a step without compensation is never undone", "remove undo, or name the compensation")
	}
	return step
}

func (r *resolver) kind(s *Step, path string) saga.Kind {
	for i, word := range kinds {
		if s.Kind == word || s.Kind == "" && i == 0 {
			s.Kind = word
			return saga.Kind(i)
		}
	}
	r.add(join(path, "kind"), "unknown kind "+strconv.Quote(s.Kind), didYouMean(s.Kind, kinds))
	return saga.Compensable
}

// command splits participant/command.
func (r *resolver) command(s *Step, path string) (participant, command string) {
	switch {
	case s.Local != "" && s.Command != "":
		r.add(join(path, "local"), "the step has a command too", "keep one of them")
		fallthrough
	case s.Local != "":
		return saga.Local, s.Local
	case s.Command == "":
		if !r.unknownOption(path) && !r.faulty(path, len(r.faults)) {
			r.add(join(path, "command"), "the step does nothing", "write command: participant/command, local: and the name of a function, child: and the name of a definition, or sleep:, await: or approval:")
		}
		return saga.Local, "nothing"
	}
	participant, command, _ = strings.Cut(s.Command, "/")
	switch {
	case !saga.IsName(participant) || !saga.IsName(command):
		r.add(join(path, "command"), strconv.Quote(s.Command)+" is not a command", "write participant/command, such as payments/charge")
		return saga.Local, "nothing"
	case participant == saga.Local:
		r.add(join(path, "command"), "a local function is not a command", "write local: "+command)
	}
	return participant, command
}

// unknownOption reports whether the object at path has a faulty option, which may
// be the one that says what the step does.
func (r *resolver) unknownOption(path string) bool {
	for _, f := range r.faults {
		if rest, ok := strings.CutPrefix(f.Path, path+"."); ok && (f.Problem == "unknown option of "+stepOptions.what || rest == "local" || rest == "child" || rest == "command" || rest == "sleep" || rest == "await" || rest == "approval") {
			return true
		}
	}
	return false
}

// policy reads a policy over its defaults.
func (r *resolver) policy(path, timeout string, retry *Retry, p saga.Policy) saga.Policy {
	p.Timeout = r.duration(join(path, "timeout"), timeout, p.Timeout)
	if retry == nil {
		return p
	}
	if retry.Attempts != 0 {
		p.Attempts = retry.Attempts
	}
	p.Backoff = r.duration(join(path, "retry.backoff"), retry.Backoff, p.Backoff)
	if retry.Cap == "" && p.Cap < p.Backoff {
		p.Cap = p.Backoff
	}
	p.Cap = r.duration(join(path, "retry.cap"), retry.Cap, p.Cap)
	return p
}

// duration reads a duration such as 500ms or 14d.
func (r *resolver) duration(path, text string, otherwise time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := parseDuration(text)
	switch {
	case err != nil:
		r.add(path, strconv.Quote(text)+" is not a duration", "write one such as 500ms, 30s, 1h30m or 14d")
		return otherwise
	case d <= 0:
		r.add(path, text+" is not above zero", "write one such as 500ms, 30s, 1h30m or 14d")
		return otherwise
	}
	return d
}

func parseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// written returns a policy as it is written.
func written(p saga.Policy) (timeout string, retry *Retry) {
	return p.Timeout.String(), &Retry{Attempts: p.Attempts, Backoff: p.Backoff.String(), Cap: p.Cap.String()}
}
