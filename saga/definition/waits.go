package definition

import (
	"fmt"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Sleep lets time pass. One of its fields is given; a text is its For.
type Sleep struct {
	For   string `json:"for,omitempty"`   // For is how long.
	Until string `json:"until,omitempty"` // Until is until when: a text with ${…} that yields a time in RFC 3339.
}

// Await waits for a signal, for an event of a topic, or for the first of these.
type Await struct {
	Signal  []string `json:"signal,omitempty"`  // Signal names those that end the step: one, or the first of several.
	Topic   string   `json:"topic,omitempty"`   // Topic is whose events may end the step.
	Match   string   `json:"match,omitempty"`   // Match is ${…} over the event and the saga: which of them do.
	Timeout string   `json:"timeout,omitempty"` // Timeout is how long; then the step is over without an output.
	Schema  any      `json:"schema,omitempty"`  // Schema is that of the signal's payload and of the event's value, as Input.Schema.
}

// Approval waits for somebody's decision.
type Approval struct {
	By        []string  `json:"by,omitempty"`        // By says who may decide, as user:NAME or group:NAME; default whoever may operate sagas.
	Due       string    `json:"due,omitempty"`       // Due is how long.
	Escalate  *Escalate `json:"escalate,omitempty"`  // Escalate asks more people.
	OnTimeout string    `json:"onTimeout,omitempty"` // OnTimeout says what a Due that is over means: reject (default) or approve.
}

// Escalate asks more people for a decision.
type Escalate struct {
	After string   `json:"after"` // After is when.
	To    []string `json:"to"`    // To says who may decide as well.
}

var (
	sleepOptions    = options{"sleep", []string{"for", "until"}, nil}
	awaitOptions    = options{"await", []string{"signal", "topic", "match", "timeout", "schema"}, nil}
	approvalOptions = options{"approval", []string{"by", "due", "escalate", "onTimeout"}, nil}
	escalateOptions = options{"escalate", []string{"after", "to"}, nil}
)

// The words of onTimeout.
const (
	rejectLate  = "reject"
	approveLate = "approve"
)

func (o object) sleep() *Sleep {
	n := o.fields["sleep"]
	switch {
	case n == nil:
		return nil
	case n.kind == textNode:
		if strings.Contains(n.text, "${") {
			o.add(join(o.path, "sleep"), "an expression can say until when, and not how long", "write sleep: {until: "+clip(n.text)+"}")
		}
		return &Sleep{For: o.text("sleep")}
	}
	s := o.object(n, join(o.path, "sleep"), sleepOptions)
	return &Sleep{For: s.text("for"), Until: s.text("until")}
}

func (o object) await() *Await {
	n := o.fields["await"]
	if n == nil {
		return nil
	}
	a := o.object(n, join(o.path, "await"), awaitOptions)
	if a.fields["topic"] == nil && a.fields["match"] == nil {
		a.need("signal", "the signal has no name", "write signal: and a name such as paid, or topic: and match:")
	} else {
		a.need("topic", "it names no topic", "write topic: and a name such as orders")
		a.need("match", "it does not say which events of the topic", "write match: ${event.value.id == input.id}")
	}
	await := &Await{Signal: a.names("signal"), Topic: a.topic(), Match: a.text("match"), Timeout: a.text("timeout")}
	if schema := a.fields["schema"]; schema != nil {
		await.Schema = a.jsonSchema(schema, join(a.path, "schema"))
	}
	for _, name := range await.Signal {
		a.checkName(join(a.path, "signal"), name)
	}
	return await
}

func (o object) approval() *Approval {
	n := o.fields["approval"]
	if n == nil {
		return nil
	}
	a := o.object(n, join(o.path, "approval"), approvalOptions)
	approval := &Approval{By: a.names("by"), Due: a.text("due"), OnTimeout: a.text("onTimeout")}
	if n := a.fields["escalate"]; n != nil {
		e := a.object(n, join(a.path, "escalate"), escalateOptions)
		e.need("after", "it says not when", "write after: and a duration")
		e.need("to", "it says not to whom", "write to: and user:NAME or group:NAME")
		approval.Escalate = &Escalate{After: e.text("after"), To: e.names("to")}
	}
	return approval
}

// names reads one text or a list of texts; nil without the option.
func (o object) names(name string) []string {
	n := o.fields[name]
	if n == nil {
		return nil
	}
	if n.kind != listNode {
		return []string{o.text(name)}
	}
	const most = 100
	if len(n.items) > most {
		o.add(join(o.path, name), fmt.Sprintf("%d names", len(n.items)), fmt.Sprintf("write at most %d", most))
		return nil
	}
	var names []string
	for i, item := range n.items {
		if item.kind != textNode {
			o.add(at(join(o.path, name), i), "want a text, found "+item.what(), "")
			continue
		}
		names = append(names, item.text)
	}
	return names
}

// waits reports whether the step waits instead of asking a participant.
func (s *Step) waits() bool { return s.Sleep != nil || s.Await != nil || s.Approval != nil }

// mayExpire reports whether the step may be over without an output.
func (s *Step) mayExpire() bool {
	return s.Await != nil && s.Await.Timeout != "" || s.Approval != nil && s.Approval.OnTimeout == approveLate
}

// wait resolves a step that waits.
func (r *resolver) wait(s *Step, path string) saga.Step {
	step := saga.Step{Name: s.Step, After: s.After, Compensation: s.Compensation, Reason: s.NoCompensation}
	for _, o := range []struct {
		name  string
		given bool
		cure  string
	}{
		{"command", s.Command != "", "make two steps of it"},
		{"local", s.Local != "", "make two steps of it"},
		{"kind", s.Kind != "", "remove it: a step that waits has no effect"},
		{"timeout", s.Timeout != "", "write it into await, or due into approval"},
		{"heartbeat", s.Heartbeat != "", "remove it: nobody is at work"},
		{"retry", s.Retry != nil, "remove it: a step that waits is not tried again"},
		{"forEach", s.ForEach != "", "remove it: a step that waits has no command to run for each item"},
		{"limit", s.Limit != nil, "remove it: a step that waits has no list"},
		{"undo", s.Undo != nil, "remove it: a step that waits has no effect"},
	} {
		if o.given {
			r.add(join(path, o.name), "a step that waits has no "+o.name, o.cure)
		}
	}
	if s.Sleep != nil {
		step.Sleep = &saga.Sleep{For: r.duration(join(path, "sleep"), s.Sleep.For, 0)}
		if s.Sleep.For != "" {
			s.Sleep.For = step.Sleep.For.String()
		}
	}
	if s.Await != nil {
		step.Await = &saga.Await{Signals: s.Await.Signal, Timeout: r.written(join(path, "await.timeout"), &s.Await.Timeout)}
	}
	if s.Approval != nil {
		step.Approval = r.approval(s.Approval, join(path, "approval"))
	}
	return step
}

func (r *resolver) approval(a *Approval, path string) *saga.Approval {
	approval := &saga.Approval{By: a.By, Due: r.written(join(path, "due"), &a.Due)}
	switch a.OnTimeout {
	case "":
		a.OnTimeout = rejectLate
	case rejectLate:
	case approveLate:
		approval.ApproveWhenLate = true
	default:
		r.add(join(path, "onTimeout"), fmt.Sprintf("unknown word %q", a.OnTimeout), didYouMean(a.OnTimeout, []string{rejectLate, approveLate}))
	}
	if e := a.Escalate; e != nil {
		approval.EscalateAfter, approval.EscalateTo = r.written(join(path, "escalate.after"), &e.After), e.To
	}
	return approval
}

// written reads a duration and writes it back as everybody writes it.
func (r *resolver) written(path string, text *string) (d time.Duration) {
	if d = r.duration(path, *text, 0); d > 0 {
		*text = d.String()
	}
	return d
}

// until binds the end of a sleep.
func (b *binder) until(i int, text string) saga.Expr {
	return b.textAt(i, at("steps", i)+".sleep.until", text)
}

// decisionShape is that of an approval's output, saga.Decision.
var decisionShape = &shape{
	fields: map[string]*shape{"by": nil, "reason": nil}, names: []string{"by", "reason"}, required: []string{"by", "reason"}, closed: true,
}
