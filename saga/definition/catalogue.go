package definition

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// catalogue checks steps against the contracts of the participants.
type catalogue struct {
	*binder
	contracts []Contract
	partial   bool
}

// results makes the shapes of the steps' outputs known.
func (c catalogue) results() {
	for i := range c.steps {
		if w := &c.steps[i]; w.waits() {
			c.waitResult(w)
			continue
		}
		participant, command := cutCommand(c.steps[i].Command)
		if contract := c.find(participant); contract != nil {
			c.binder.results[c.steps[i].Step] = shapeOf(contract.Commands[command].Result)
		}
	}
}

// waitResult makes the shape known of what a step that waits yields.
func (c catalogue) waitResult(s *Step) {
	if s.Approval != nil {
		c.binder.results[s.Step] = decisionShape
	}
	if s.Await != nil {
		raw, _ := s.Await.Schema.(json.RawMessage)
		c.binder.results[s.Step] = shapeOf(raw)
	}
}

func cutCommand(text string) (participant, command string) {
	participant, command, _ = strings.Cut(text, "/")
	return participant, command
}

func (c catalogue) find(participant string) *Contract {
	for i := range c.contracts {
		if c.contracts[i].Participant == participant {
			return &c.contracts[i]
		}
	}
	return nil
}

// check checks one step; tree is its input as written, nil without one.
func (c catalogue) check(i int, step *saga.Step, tree *node) {
	path := at("steps", i)
	if len(c.contracts) == 0 || step.Waits() || step.Child != nil || step.Participant == saga.Local || c.faulty(path+".command", len(c.faults)) {
		return
	}
	contract := c.find(step.Participant)
	if contract == nil && c.partial {
		return
	}
	if contract == nil {
		c.add(path+".command", "no contract of a participant "+strconv.Quote(step.Participant), didYouMean(step.Participant, c.participants()))
		return
	}
	command, ok := contract.Commands[step.Command]
	if !ok {
		c.add(path+".command", step.Participant+" has no command "+strconv.Quote(step.Command), didYouMean(step.Command, contract.names()))
		return
	}
	c.compensation(path+".compensation", step, contract, command)
	if tree != nil {
		c.fields(tree, shapeOf(command.Input), path+".input")
	}
}

func (c catalogue) participants() []string {
	var names []string
	for i := range c.contracts {
		names = append(names, c.contracts[i].Participant)
	}
	return names
}

// compensation checks that the contract has the compensation.
func (c catalogue) compensation(path string, step *saga.Step, contract *Contract, command CommandContract) {
	_, isCommand := contract.Commands[step.Compensation]
	switch {
	case step.Compensation == command.Compensation:
	case step.Compensation == "" && step.Kind == saga.Compensable && step.Reason == "":
		c.add(path, "a compensable step has no compensation", "write compensation: "+command.Compensation)
	case step.Compensation == "":
	case command.Compensation != "":
		c.add(path, step.Participant+" undoes "+step.Command+" with "+command.Compensation, "write compensation: "+command.Compensation)
	case !isCommand:
		c.add(path, step.Participant+" has no command "+strconv.Quote(step.Compensation), didYouMean(step.Compensation, contract.names()))
	}
}

// fields checks a mapping against the command's input.
func (c catalogue) fields(n *node, s *shape, path string) {
	switch {
	case s == nil:
	case n.kind == listNode:
		for i, item := range n.items {
			c.fields(item, s.items, at(path, i))
		}
	case n.kind == objectNode:
		for i, f := range n.fields {
			if !s.has(f.name) {
				c.add(join(path, f.name), "the command's input has no field "+strconv.Quote(f.name), didYouMean(f.name, s.names))
				continue
			}
			c.fields(n.items[i], s.fields[f.name], join(path, f.name))
		}
		for _, name := range s.required {
			if n.get(name) == nil {
				c.add(path, "the required field "+name+" is missing", "write "+name+": and a value or an expression")
			}
		}
	}
}
