package definition

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Contract is what a participant offers: its commands and their schemas.
type Contract struct {
	Participant string                     // Participant is its name, [a-z][A-Za-z0-9]*.
	Owner       string                     // Owner is who answers for it.
	Commands    map[string]CommandContract // Commands are what can be asked of it, by name.
	Sticky      *bool                      // Sticky says whether a refusal is repeated for ever; nil: it is.
	Limits      *Limits                    // Limits bound what it is asked at once; nil: nothing does.
}

// Limits bound what a participant is asked at once, by all coordinators together.
type Limits struct {
	Concurrency int `json:"concurrency,omitempty"` // Concurrency is how many commands may be out; 0: any number.
	Rate        int `json:"rate,omitempty"`        // Rate is how many may leave a second, in each direction; 0: any number.
}

// CommandContract describes one command.
type CommandContract struct {
	Input        json.RawMessage // Input is the JSON Schema of the command's payload; empty accepts any JSON.
	Result       json.RawMessage // Result is the JSON Schema of a success's payload; empty promises nothing.
	Compensation string          // Compensation names the command that undoes it, if there is one.
}

var (
	contractOptions = options{"a contract", []string{"unwind", "participant", "owner", "sticky", "limits", "commands"}, []string{"codec", "reply"}}
	limitsOptions   = options{"limits", []string{"concurrency", "rate"}, nil}
	commandOptions  = options{"a command", []string{"input", "result", "compensation"}, []string{"codec", "limits", "reply", "timeout"}}
)

// LoadContract reads a contract file, YAML or JSON by its content. The error is
// saga.Faults with everything that is wrong.
func LoadContract(name string, data []byte) (*Contract, error) {
	return loadObject(name, data, decoder.contract)
}

func (d decoder) contract(n *node) *Contract {
	o := d.object(n, "", contractOptions)
	if version := o.text("unwind"); version != Version1 && n.kind == objectNode {
		d.add("unwind", "unknown version "+strconv.Quote(version)+" of the format", "write unwind: v1")
	}
	c := &Contract{Participant: o.name("participant"), Owner: o.text("owner"), Commands: map[string]CommandContract{}}
	o.need("participant", "the participant has no name", "write participant: and a name such as payments")
	o.need("commands", "there are no commands", "write commands: and what can be asked of the participant")
	if sticky := o.fields["sticky"]; sticky != nil {
		if sticky.kind != boolNode {
			d.add("sticky", "want true or false, found "+sticky.what(), "")
		}
		value := sticky.text == "true"
		c.Sticky = &value
	}
	if limits := o.fields["limits"]; limits != nil {
		l := d.object(limits, "limits", limitsOptions)
		c.Limits = &Limits{Concurrency: l.count("concurrency"), Rate: l.count("rate")}
	}
	commands := o.fields["commands"]
	if commands == nil {
		return c
	}
	if commands.kind != objectNode || len(commands.items) == 0 {
		d.add("commands", "want commands by name, found "+commands.what(), "")
		return c
	}
	for i, f := range commands.fields {
		c.Commands[f.name] = d.command(f.name, commands.items[i])
	}
	return c
}

func (d decoder) command(name string, n *node) CommandContract {
	path := join("commands", name)
	d.checkName(path, name)
	if n.kind == nullNode {
		return CommandContract{}
	}
	o := d.object(n, path, commandOptions)
	return CommandContract{Input: o.schema("input"), Result: o.schema("result"), Compensation: o.name("compensation")}
}

// schema reads an option that is a JSON Schema.
func (o object) schema(name string) json.RawMessage {
	n := o.fields[name]
	if n == nil {
		return nil
	}
	path := join(o.path, name)
	if n.kind != objectNode {
		o.add(path, "want a JSON Schema, found "+n.what(), "")
		return nil
	}
	raw := n.appendJSON(nil)
	if _, err := compileSchema(raw); err != nil {
		o.add(path, "not a JSON Schema: "+err.Error(), "")
	}
	return raw
}

// CheckInput checks a command's payload as its contract says. The error is an
// *InputError, or says that there is no such command.
func (c *Contract) CheckInput(command string, payload []byte) error {
	return c.checkDocument(command, "input", payload, c.Commands[command].Input)
}

// CheckResult checks a success's payload as CheckInput does a command's.
func (c *Contract) CheckResult(command string, payload []byte) error {
	return c.checkDocument(command, "result", payload, c.Commands[command].Result)
}

func (c *Contract) checkDocument(command, name string, payload []byte, raw json.RawMessage) error {
	if _, known := c.Commands[command]; !known {
		return fmt.Errorf("%s has no command %q; %s", c.Participant, command, didYouMean(command, c.names()))
	}
	if len(raw) == 0 {
		return checkDocument(name, payload, nil)
	}
	schema, err := compileSchema(raw)
	if err != nil {
		return err
	}
	return checkDocument(name, payload, schema)
}

// names lists the commands.
func (c *Contract) names() []string {
	var names []string
	for name := range c.Commands {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
