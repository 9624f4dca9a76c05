package definition

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// options are the options of one kind of object.
type options struct {
	what  string   // what they belong to
	known []string // the options that are enforced
	later []string // options of the design that this version refuses
}

var (
	fileOptions   = options{"a definition", []string{"unwind", "saga", "title", "owner", "input", "key", "subject", "startOn", "attributes", "retention", "priority", "lock", "lockTimeout", "deadline", "defaults", "steps", "output", "onEnd"}, []string{"limit"}}
	inputOptions  = options{"input", []string{"schema"}, []string{"codec"}}
	policyOptions = options{"defaults", []string{"timeout", "retry", "undo"}, []string{"deadline", "heartbeat", "onBreakerOpen"}}
	undoOptions   = options{"undo", []string{"timeout", "retry"}, []string{"heartbeat", "onBreakerOpen"}}
	retryOptions  = options{"retry", []string{"attempts", "backoff", "cap"}, []string{"jitter", "budget", "attentionAfter"}}
	stepOptions   = options{
		"a step",
		[]string{"step", "after", "when", "kind", "command", "local", "child", "version", "compensation", "noCompensation", "input", "timeout", "heartbeat", "retry", "undo", "sleep", "await", "approval", "forEach", "limit"},
		[]string{"firstOf", "onBreakerOpen", "deadline", "title", "jitter", "budget", "attentionAfter"},
	}
)

// decoder turns nodes into a Spec and reports what does not fit.
type decoder struct{ *report }

// loadObject reads a file that is not a definition.
func loadObject[T any](name string, data []byte, read func(decoder, *node) *T) (*T, error) {
	r := newReport(name)
	root, err := parse(data)
	if err != nil {
		r.syntax(err)
		return nil, r.err()
	}
	r.see(root, "")
	object := read(decoder{r}, root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return object, nil
}

// spec reads a whole definition.
func (d decoder) spec(n *node) Spec {
	o := d.object(n, "", fileOptions)
	spec := Spec{
		Unwind: o.text("unwind"), Saga: o.name("saga"), Title: o.text("title"), Owner: o.plain("owner"), Deadline: o.text("deadline"),
		Lock: o.names("lock"), LockTimeout: o.text("lockTimeout"),
		Key: o.text("key"), Subject: o.text("subject"), StartOn: o.startOn(), Attributes: o.attributes(), Output: o.output(), OnEnd: o.onEnd(),
		Retention: o.text("retention"), Priority: o.text("priority"),
	}
	switch {
	case o.fields["unwind"] == nil && n.kind == objectNode:
		d.add("unwind", "the version of the format is missing", "write unwind: v1")
	case spec.Unwind != Version1 && !d.faulty("unwind", len(d.faults)):
		d.add("unwind", "unknown version "+strconv.Quote(spec.Unwind)+" of the format", "write unwind: v1")
	}
	o.need("saga", "the saga has no name", "write saga: and a name such as bookTrip")
	if n := o.fields["input"]; n != nil {
		spec.Input = d.input(n)
	}
	if n := o.fields["defaults"]; n != nil {
		spec.Defaults = d.policies(n)
	}
	o.need("steps", "there are no steps", "write steps: and a list")
	steps := o.list("steps")
	if len(steps) > saga.MaxSteps {
		d.add("steps", strconv.Itoa(len(steps))+" steps", "write 1 to "+strconv.Itoa(saga.MaxSteps))
		steps = steps[:saga.MaxSteps]
	}
	for i, n := range steps {
		spec.Steps = append(spec.Steps, d.step(n, at("steps", i)))
	}
	return spec
}

func (d decoder) input(n *node) *Input {
	o := d.object(n, "input", inputOptions)
	o.need("schema", "the schema is missing", "write schema: and a JSON Schema or the path of one")
	if schema := o.fields["schema"]; schema != nil {
		return &Input{Schema: d.jsonSchema(schema, "input.schema")}
	}
	return &Input{}
}

// jsonSchema reads a JSON Schema, or the path of one.
func (d decoder) jsonSchema(n *node, path string) any {
	switch n.kind {
	case textNode:
		return n.text
	case objectNode:
		return json.RawMessage(n.appendJSON(nil))
	}
	d.add(path, "want a JSON Schema or the path of a .json file, found "+n.what(), "")
	return nil
}

func (d decoder) policies(n *node) *Policies {
	o := d.object(n, "defaults", policyOptions)
	return &Policies{Timeout: o.text("timeout"), Retry: o.retry(), Undo: o.undo()}
}

func (d decoder) step(n *node, path string) Step {
	o := d.object(n, path, stepOptions)
	o.need("step", "the step has no name", "write step: and a name such as reserveFlight")
	step := Step{
		Step: o.name("step"), After: o.after(), When: o.text("when"), Kind: o.text("kind"),
		Command: o.text("command"), Local: o.name("local"), Child: o.name("child"), Version: o.text("version"),
		Compensation: o.compensation(), NoCompensation: o.text("noCompensation"),
		Timeout: o.text("timeout"), Heartbeat: o.text("heartbeat"), Retry: o.retry(), Undo: o.undo(),
		Sleep: o.sleep(), Await: o.await(), Approval: o.approval(),
		ForEach: o.text("forEach"), Limit: o.limit(),
	}
	switch input := o.fields["input"]; {
	case input == nil:
	case input.kind == nullNode:
		d.add(join(path, "input"), "the input is empty", "leave it out to pass the saga's input, or write {}")
	default:
		step.Input = json.RawMessage(input.appendJSON(nil))
	}
	return step
}

// object is a node that has to be an object, and its fields by name.
type object struct {
	decoder
	path   string
	fields map[string]*node
}

// object checks the options of n and makes its fields known.
func (d decoder) object(n *node, path string, opts options) object {
	o := object{decoder: d, path: path, fields: map[string]*node{}}
	if n.kind != objectNode {
		d.add(path, "want the options of "+opts.what+", found "+n.what(), "known are "+strings.Join(opts.known, ", "))
		return o
	}
	for i, f := range n.fields {
		if opts.knows(f.name) {
			o.fields[f.name] = n.items[i]
			continue
		}
		d.add(join(path, f.name), "unknown option of "+opts.what, opts.cure(f.name))
	}
	return o
}

func (o options) knows(name string) bool {
	return slices.Contains(o.known, name)
}

// cure says what to do about an unknown option.
func (o options) cure(name string) string {
	if slices.Contains(o.later, name) {
		return "not in this version: leave it out"
	}
	for _, other := range []options{retryOptions, stepOptions, inputOptions, fileOptions} {
		if other.what != o.what && other.knows(name) {
			return "it belongs to " + other.what
		}
	}
	return didYouMean(name, o.known)
}

// need reports a missing field.
func (o object) need(name, problem, cure string) {
	if o.fields[name] == nil && !o.faulty(o.path, len(o.faults)) {
		o.add(join(o.path, name), problem, cure)
	}
}

// text reads an option that is a text which is not empty.
func (o object) text(name string) string {
	n := o.fields[name]
	if n == nil {
		return ""
	}
	path := join(o.path, name)
	switch {
	case n.kind != textNode && n.kind != nullNode:
		cure := ""
		if n.kind == numberNode || n.kind == boolNode {
			cure = "put it in quotes"
		}
		o.add(path, "want a text, found "+n.what(), cure)
		return ""
	case strings.TrimSpace(n.text) == "":
		o.add(path, "the option is empty", "write a value or leave it out")
		return ""
	}
	return n.text
}

// plain reads a text that is shown as it is.
func (o object) plain(name string) string {
	text := o.text(name)
	if strings.Contains(text, "${") {
		o.add(join(o.path, name), "an expression in "+name+" is not in this version", "write plain text")
	}
	return text
}

// name reads a text that has to be a name.
func (o object) name(name string) string {
	text := o.text(name)
	if text != "" {
		o.checkName(join(o.path, name), text)
	}
	return text
}

func (d decoder) checkName(path, text string) {
	if saga.IsName(text) {
		return
	}
	cure := "use letters and digits, a small letter first, at most " + strconv.Itoa(saga.MaxName)
	if c := camel(text); saga.IsName(c) {
		cure = "write " + c
	}
	d.add(path, strconv.Quote(text)+" is not a name", cure)
}

// compensation reads a command of the step's own participant.
func (o object) compensation() string {
	text := o.text("compensation")
	if _, command, ok := strings.Cut(text, "/"); ok {
		o.add(join(o.path, "compensation"), "a compensation belongs to the step's own participant", "write "+command)
		return text
	}
	if text != "" {
		o.checkName(join(o.path, "compensation"), text)
	}
	return text
}

// list reads an option that is a list.
func (o object) list(name string) []*node {
	n := o.fields[name]
	if n == nil {
		return nil
	}
	if n.kind != listNode {
		o.add(join(o.path, name), "want a list, found "+n.what(), "")
		return nil
	}
	return n.items
}

// after reads a name or a list of names. An empty list is not nil.
func (o object) after() []string {
	n := o.fields["after"]
	if n == nil {
		return nil
	}
	if n.kind == textNode {
		return []string{o.text("after")}
	}
	names := []string{}
	items := o.list("after")
	if len(items) > saga.MaxSteps {
		o.add(join(o.path, "after"), strconv.Itoa(len(items))+" names", "write each step once")
		items = nil
	}
	for i, item := range items {
		if item.kind != textNode {
			o.add(at(join(o.path, "after"), i), "want a step's name, found "+item.what(), "")
			continue
		}
		names = append(names, item.text)
	}
	return names
}

func (o object) retry() *Retry {
	n := o.fields["retry"]
	if n == nil {
		return nil
	}
	r := o.object(n, join(o.path, "retry"), retryOptions)
	return &Retry{Attempts: r.count("attempts"), Backoff: r.text("backoff"), Cap: r.text("cap")}
}

func (o object) undo() *Undo {
	n := o.fields["undo"]
	if n == nil {
		return nil
	}
	u := o.object(n, join(o.path, "undo"), undoOptions)
	return &Undo{Timeout: u.text("timeout"), Retry: u.retry()}
}

// count reads a whole number of at least 1.
func (o object) count(name string) int {
	n := o.fields[name]
	if n == nil {
		return 0
	}
	count, err := strconv.Atoi(n.text)
	if n.kind != numberNode || err != nil || count < 1 {
		o.add(join(o.path, name), "want a whole number of at least 1, found "+n.what(), "")
		return 0
	}
	return count
}
