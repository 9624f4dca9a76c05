package definition

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// cueVerb is what can be done in a script.
type cueVerb struct {
	kind    saga.EventKind
	what    cueObject    // what its option says
	payload string       // the option that is its payload, if it has one
	outcome saga.Outcome // of a decision
}

// cueObject is what the option of a verb names.
type cueObject int

const (
	aReason cueObject = iota
	aStep
	aSignal
	anEvent // of the topic that a step awaits
)

var cueVerbs = map[string]cueVerb{
	"cancel": {kind: saga.Cancelled}, "pause": {kind: saga.Paused}, "resume": {kind: saga.Resumed}, "terminate": {kind: saga.Terminated},
	"annotate": {kind: saga.Annotated}, "retry": {kind: saga.Retried, what: aStep}, "reset": {kind: saga.Reset, what: aStep}, "skip": {kind: saga.StepSkipped, what: aStep},
	"resolve": {kind: saga.StepResolved, what: aStep, payload: "output"}, "edit": {kind: saga.StepEdited, what: aStep, payload: "input"},
	"signal":  {kind: saga.Signalled, what: aSignal, payload: "payload"},
	"event":   {kind: saga.Signalled, what: anEvent, payload: "payload"},
	"approve": {kind: saga.Decided, what: aStep, outcome: saga.Succeeded}, "refuse": {kind: saga.Decided, what: aStep, outcome: saga.Rejected},
}

var cueOptions = options{"an event", []string{
	"at", "when", "cancel", "pause", "resume", "terminate", "annotate", "retry", "reset", "skip", "resolve", "edit", "signal", "event", "approve", "refuse",
	"output", "input", "payload", "reason", "by", "groups", "refused",
}, nil}

// refusals are the words that a verb may be answered with.
var refusals = []string{"past-pivot", "ended", "not-now", "not-yours", "invalid"}

func (d decoder) cue(n *node, path string) Cue {
	o := d.object(n, path, cueOptions)
	c := Cue{Line: n.line, Reason: o.text("reason"), By: o.text("by"), Groups: o.names("groups"), Refused: o.text("refused")}
	if c.Refused != "" && !slices.Contains(refusals, c.Refused) {
		d.add(join(path, "refused"), strconv.Quote(c.Refused)+" is not a refusal", didYouMean(c.Refused, refusals))
	}
	o.moment(&c)
	found := ""
	for name := range o.fields {
		if _, ok := cueVerbs[name]; ok {
			if found != "" {
				d.add(path, "two things at once", "write them as two events")
			}
			found = name
		}
	}
	if found == "" && n.kind == objectNode {
		d.add(path, "nothing happens", "write one of cancel, signal, event, approve, refuse, pause, resume, retry, reset, skip, resolve, edit, terminate, annotate")
		return c
	}
	o.verb(&c, found)
	return c
}

// moment reads when it happens.
func (o object) moment(c *Cue) {
	if at := o.duration("at"); at != nil {
		c.At = *at
	}
	text := o.text("when")
	if text == "" {
		return
	}
	step, phase, ok := strings.Cut(text, " ")
	if known := saga.PhaseNames(); !ok || !slices.Contains(known, phase) {
		o.add(join(o.path, "when"), strconv.Quote(text)+" is not a moment", "write a step and its phase, such as hotel resting; "+didYouMean(phase, known))
	}
	if o.fields["at"] != nil {
		o.add(join(o.path, "when"), "two moments", "write at or when")
	}
	c.Step, c.Phase = step, phase
}

func (o object) verb(c *Cue, name string) {
	v := cueVerbs[name]
	c.Kind, c.Outcome = v.kind, v.outcome
	text := ""
	if n := o.fields[name]; n != nil && (n.kind != textNode || n.text != "") && n.kind != nullNode {
		text = o.text(name)
	}
	switch v.what {
	case aStep:
		c.Target = text
	case aSignal:
		c.Signal = text
	case anEvent:
		c.Target, c.Signal = text, saga.EventSignal(text)
	default:
		if text != "" {
			c.Reason = text
		}
	}
	if text == "" && v.what != aReason && name != "retry" && name != "" {
		o.add(join(o.path, name), "the name is missing", "")
	}
	for _, option := range []string{"output", "input", "payload"} {
		if o.fields[option] != nil && option != v.payload {
			o.add(join(o.path, option), name+" has no "+option, "leave it out")
		}
	}
	if v.payload != "" {
		c.Payload = o.tree(v.payload)
	}
}

func (d decoder) expect(n *node, path string) Expect {
	o := d.object(n, path, expectOptions)
	e := Expect{
		Status: o.text("status"), Cause: o.text("cause"), Output: o.tree("output"), Attributes: o.tree("attributes"),
		WaitingFor: o.some("waitingFor"), Attention: o.some("attention"), History: o.some("history"), path: path, lines: d.report,
	}
	if _, ok := saga.ParseStatus(e.Status); e.Status != "" && !ok {
		d.add(join(path, "status"), strconv.Quote(e.Status)+" is not a status", didYouMean(e.Status, []string{"running", "compensating", "completed", "compensated", "abandoned"}))
	}
	if steps := o.fields["steps"]; steps != nil {
		e.Steps = d.phases(steps, join(path, "steps"))
	}
	if o.fields["commands"] != nil {
		e.Commands = []Expected{}
		for i, item := range o.list("commands") {
			e.Commands = append(e.Commands, d.expected(item, at(join(path, "commands"), i)))
		}
	}
	o.took(&e)
	return e
}

// some reads one text or a list of texts; an empty list is not nil.
func (o object) some(name string) []string {
	if o.fields[name] == nil {
		return nil
	}
	return append([]string{}, o.names(name)...)
}

func (o object) took(e *Expect) {
	n := o.fields["took"]
	switch {
	case n == nil:
	case n.kind == objectNode:
		t := o.object(n, join(o.path, "took"), tookOptions)
		if least := t.duration("atLeast"); least != nil {
			e.AtLeast = *least
		}
		if most := t.duration("atMost"); most != nil {
			e.AtMost = *most
		}
	default:
		if exactly := o.duration("took"); exactly != nil {
			e.AtLeast, e.AtMost = *exactly, max(*exactly, time.Nanosecond)
		}
	}
}

func (d decoder) phases(n *node, path string) map[string]string {
	if n.kind != objectNode {
		d.add(path, "want phases by step, found "+n.what(), "")
		return nil
	}
	phases := map[string]string{}
	for i, f := range n.fields {
		phases[f.name] = n.items[i].text
		if known := saga.PhaseNames(); !slices.Contains(known, n.items[i].text) {
			d.add(join(path, f.name), n.items[i].what()+" is not a phase", didYouMean(n.items[i].text, known))
		}
	}
	return phases
}

// expected reads a command: do STEP, undo STEP, either with ", attempt N", or the same
// as fields.
func (d decoder) expected(n *node, path string) Expected {
	e := Expected{Line: n.line, Direction: saga.Do}
	if n.kind == textNode {
		text, attempt, more := strings.Cut(n.text, ", attempt ")
		direction, step, ok := strings.Cut(text, " ")
		count, err := strconv.Atoi(attempt)
		if !ok || direction != "do" && direction != "undo" || more && (err != nil || count < 1) {
			d.add(path, strconv.Quote(n.text)+" is not a command", "write do STEP or undo STEP, and , attempt N behind it if you want")
		}
		if e.Step, e.Attempt = step, count; direction == "undo" {
			e.Direction = saga.Undo
		}
		return e
	}
	o := d.object(n, path, expectedOptions)
	e.Step, e.Attempt, e.At, e.Input = o.text("do"), o.count("attempt"), o.duration("at"), o.tree("input")
	undo := o.text("undo")
	if (e.Step == "") == (undo == "") && n.kind == objectNode {
		d.add(path, "want one step", "write do: or undo: and the step's name")
	}
	if undo != "" {
		e.Step, e.Direction = undo, saga.Undo
	}
	return e
}
