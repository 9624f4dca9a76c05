package definition

import (
	"errors"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// Check holds a script to its definition, and its answers to the participants'
// contracts, if there are any. The error is saga.Faults with everything that is
// wrong.
func (s *Script) Check(file *File, contracts []Contract) error {
	r := &report{file: s.Name, lines: s.lines.lines}
	c := scriptCheck{report: r, file: file, contracts: catalogue{contracts: contracts}, steps: map[string]*saga.Step{}}
	for i := range file.Definition.Steps {
		step := &file.Definition.Steps[i]
		c.steps[step.Name], c.names = step, append(c.names, step.Name)
	}
	for i := range s.Scenes {
		c.scene(&s.Scenes[i], at("scenes", i))
	}
	return r.err()
}

type scriptCheck struct {
	*report
	file      *File
	contracts catalogue
	steps     map[string]*saga.Step
	names     []string
}

// add reports a fault once: what is given is given to every scene.
func (c scriptCheck) add(path, problem, cure string) {
	if !c.faulty(path, len(c.faults)) {
		c.report.add(path, problem, cure)
	}
}

// own is where a scene has something: in itself, or in what is given to all.
func (c scriptCheck) own(scene, name string) string {
	if _, here := c.lines[join(scene, name)]; here {
		return join(scene, name)
	}
	return "given." + name
}

// known reports a step that the definition does not have.
func (c scriptCheck) known(name, path string) bool {
	name, _, _ = strings.Cut(name, "[") // an item of a list
	if name == "" || c.steps[name] != nil {
		return true
	}
	c.add(path, c.file.Definition.Name+" has no step "+name, didYouMean(name, c.names))
	return false
}

// heard reports a signal or an event that nothing awaits, or whose payload is not as
// the definition says.
func (c scriptCheck) heard(cue *Cue, path string) {
	if cue.Target == "" {
		if err := c.file.CheckSignal(cue.Signal, orNull(cue.Payload)); err != nil {
			c.add(path, err.Error(), "")
		}
		return
	}
	i := slices.IndexFunc(c.file.awaits, func(a *Awaited) bool { return a.Step == cue.Target })
	if i < 0 {
		c.add(path, "step "+cue.Target+" awaits no event of a topic", "write signal: and the signal's name")
		return
	}
	if err := checkDocument("payload", orNull(cue.Payload), c.file.awaits[i].schema); err != nil {
		c.add(path, err.Error(), "")
	}
}

func (c scriptCheck) scene(s *Scene, path string) {
	if err := c.file.CheckInput(s.Input); err != nil {
		c.add(c.own(path, "input"), err.Error(), "")
	}
	for name, answers := range s.Answers {
		c.answers(name, answers, path)
	}
	for i, cue := range s.Cues {
		where := at(join(path, "events"), i)
		c.known(cue.Step, join(where, "when"))
		if c.known(cue.Target, where) && cue.Kind == saga.Signalled && cue.Refused == "" {
			c.heard(&cue, where)
		}
	}
	for name := range s.Expect.Steps {
		c.known(name, join(path, "expect.steps."+name))
	}
	for i, e := range s.Expect.Commands {
		where := at(join(path, "expect.commands"), i)
		if c.known(e.Step, where) && c.steps[e.Step] != nil && c.steps[e.Step].Waits() {
			c.add(where, "step "+e.Step+" waits and sends no command", "leave it out; expect.steps tells its phase")
		}
	}
}

// orNull is what a signal without a payload carries.
func orNull(payload []byte) []byte {
	if payload == nil {
		return []byte("null")
	}
	return payload
}

// answers holds a step's answers to its contract.
func (c scriptCheck) answers(name string, answers []Answer, scene string) {
	path := c.own(scene, "answers."+name)
	step, direction, undo := strings.Cut(name, "/")
	if undo && direction != "undo" {
		c.add(path, name+" is not a step", "write the step's name, or STEP/undo for its compensation")
		return
	}
	if !c.known(step, path) {
		return
	}
	of := c.steps[step]
	if of.Waits() || undo && of.Compensation == "" && !of.UndoesChild() {
		c.add(path, "step "+step+" asks nobody for that", "leave it out")
		return
	}
	if contract := c.contracts.find(of.Participant); contract != nil && !undo {
		c.results(contract.Commands[of.Command].Result, answers, path)
	}
}

func (c scriptCheck) results(raw []byte, answers []Answer, path string) {
	if len(raw) == 0 {
		return
	}
	schema, err := compileSchema(raw)
	if err != nil {
		return // the contract was checked when it was read
	}
	for i, a := range answers {
		if a.Outcome != saga.Succeeded {
			continue
		}
		var faults *InputError
		if err := checkDocument("answer", a.Output, schema); errors.As(err, &faults) {
			where := path
			if len(answers) > 1 {
				where = at(path, i)
			}
			c.add(where, "the contract promises another output: "+faults.Error(), "")
		}
	}
}
