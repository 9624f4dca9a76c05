package saga_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/saga"
)

// parseStep reads: NAME PARTICIPANT/COMMAND [pivot|retriable] [undo=] [why=]
// [after=a,b] [when=] [input=] [timeout=] [attempts=] [undoTimeout=] [undoAttempts=].
func parseStep(t *testing.T, words []string) saga.Step {
	t.Helper()
	step := saga.Step{Name: words[0]}
	if parseWait(t, &step, words[1:]) {
		return step
	}
	if words[1] == "child" {
		step.Child, words = &saga.Child{Definition: words[2]}, words[1:]
	}
	if step.Child == nil {
		step.Participant, step.Command, _ = strings.Cut(words[1], "/")
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		stepOption(t, &step, key, value)
	}
	return step
}

// parseWait reads: NAME sleep FOR | NAME sleep until=PATH | NAME await SIGNAL,…
// [timeout=] [topic=TOPIC match=PATH] | NAME approval [by=] [due=] [escalate=] [to=] [late=approve].
func parseWait(t *testing.T, step *saga.Step, words []string) bool {
	t.Helper()
	switch words[0] {
	case "sleep":
		step.Sleep = &saga.Sleep{}
	case "await":
		step.Await = &saga.Await{}
	case "approval":
		step.Approval = &saga.Approval{}
	default:
		return false
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		waitOption(t, step, key, value)
	}
	return true
}

func waitOption(t *testing.T, step *saga.Step, key, value string) {
	t.Helper()
	names := strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	switch key {
	case "until":
		step.Sleep.Until = path(value)
	case "timeout":
		step.Await.Timeout = duration(t, value)
	case "by":
		step.Approval.By = names
	case "due":
		step.Approval.Due = duration(t, value)
	case "escalate":
		step.Approval.EscalateAfter = duration(t, value)
	case "to":
		step.Approval.EscalateTo = names
	case "late":
		step.Approval.ApproveWhenLate = value == "approve"
	case "after":
		step.After = append([]string{}, names...)
	case "when":
		step.When = path(value)
	case "topic":
		step.Await.Event = &saga.AwaitEvent{Topic: value}
	case "match":
		step.Await.Event.Key = path(value)
	default:
		if step.Sleep != nil {
			step.Sleep.For = duration(t, key)
		} else {
			step.Await.Signals = strings.Split(key, ",")
		}
	}
}

// parseEnd reads: [topic=] [type=] [when=completed,…] [payload=PATH].
func parseEnd(t *testing.T, words []string) *saga.OnEnd {
	t.Helper()
	on := &saga.OnEnd{}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "topic":
			on.Topic = value
		case "type":
			on.Type = value
		case "payload":
			on.Payload = path(value)
		case "when":
			for name := range strings.SplitSeq(value, ",") {
				status, ok := saga.ParseStatus(name)
				require.True(t, ok, name)
				on.When = append(on.When, status)
			}
		default:
			t.Fatalf("onend option %q is not known", key)
		}
	}
	return on
}

func stepOption(t *testing.T, step *saga.Step, key, value string) {
	t.Helper()
	switch key {
	case "pivot":
		step.Kind = saga.Pivot
	case "retriable":
		step.Kind = saga.Retriable
	case "undo":
		step.Compensation = value
	case "why":
		step.Reason = value
	case "after":
		step.After = strings.FieldsFunc(value, func(r rune) bool { return r == ',' })
	case "when":
		step.When = path(value)
	case "input":
		step.Input = path(value)
	case "each":
		eachOf(step).List = path(value)
	case "items":
		eachOf(step).Items = number(t, value)
	case "concurrency":
		eachOf(step).Concurrency = number(t, value)
	case "version":
		step.Child.Version = value
	default:
		policyOption(t, step, key, value)
	}
}

func eachOf(step *saga.Step) *saga.ForEach {
	if step.ForEach == nil {
		step.ForEach = &saga.ForEach{}
	}
	return step.ForEach
}

func policyOption(t *testing.T, step *saga.Step, key, value string) {
	t.Helper()
	switch key {
	case "timeout":
		step.Do.Timeout = duration(t, value)
	case "heartbeat":
		step.Do.Heartbeat = duration(t, value)
	case "undoHeartbeat":
		step.Undo.Heartbeat = duration(t, value)
	case "backoff":
		step.Do.Backoff = duration(t, value)
	case "attempts":
		step.Do.Attempts = number(t, value)
	case "undoTimeout":
		step.Undo.Timeout = duration(t, value)
	case "undoAttempts":
		step.Undo.Attempts = number(t, value)
	default:
		t.Fatalf("step option %q is not known", key)
	}
}

// verbs are the operator's words.
var verbs = map[saga.EventKind]saga.EventKind{
	"pause": saga.Paused, "resume": saga.Resumed, "retry": saga.Retried, "terminate": saga.Terminated,
	"skip": saga.StepSkipped, "resolve": saga.StepResolved, "edit": saga.StepEdited, "reset": saga.Reset,
	"assign": saga.Assigned, "acknowledge": saga.Acknowledged, "snooze": saga.Snoozed, "describe": saga.Described, "annotate": saga.Annotated,
}

// aboutSteps are the verbs whose first word names a step.
var aboutSteps = []saga.EventKind{saga.Retried, saga.StepSkipped, saga.StepResolved, saga.StepEdited, saga.Reset}

// parse reads the line of an event.
func (s *story) parse(words []string) saga.Event {
	s.t.Helper()
	e := saga.Event{Kind: saga.EventKind(words[0]), At: s.now}
	words = words[1:]
	switch e.Kind {
	case "start":
		e.Kind, e.Extra = saga.Started, &saga.EventExtra{Definition: s.def.Name, Version: s.def.Version, Level: saga.Level}
	case "reply":
		e.Kind = saga.Replied
		words = s.parseReply(&e, words)
	case "wake":
		s.now = s.now.Add(duration(s.t, words[0]))
		e.Kind, e.At, e.Actor.Kind = saga.Woke, s.now, saga.Engine
		words = words[1:]
	case "cancel":
		e.Kind, e.Actor.Kind = saga.Cancelled, saga.Operator
	case "pause", "resume", "retry", "terminate", "skip", "resolve", "edit", "reset", "annotate", "assign", "acknowledge", "snooze", "describe":
		e.Kind, e.Actor.Kind = verbs[e.Kind], saga.Operator
		if len(words) > 0 && slices.Contains(aboutSteps, e.Kind) {
			e.Step, words = s.ref(words[0]), words[1:]
		}
	case "approve", "refuse":
		e.Outcome = saga.Succeeded
		if e.Kind == "refuse" {
			e.Outcome = saga.Rejected
		}
		e.Kind, e.Actor.Kind, e.Step.Name = saga.Decided, saga.Operator, words[0]
		words = words[1:]
	case "signal":
		e.Kind, e.Actor.Kind, e.Own().Signal = saga.Signalled, saga.Operator, words[0]
		words = words[1:]
	case "ended": // the child of a step
		e.Kind, e.Step, e.Outcome = saga.ChildEnded, s.ref(words[0]), endings[words[1]]
		e.Step.Visit = s.visit(e.Step.Name)
		e.Actor.Kind, words = saga.ByChild, words[2:]
	case saga.Reversed:
		e.Actor.Kind = saga.ByParent
	case saga.Granted:
		e.Actor.Kind, e.Own().Key = saga.Engine, words[0]
		words = words[1:]
	case saga.Undeliverable, saga.Poisoned:
		e.Step, e.Actor.Kind = s.ref(words[0]), saga.Engine
		e.Epoch = s.stepState(words[0]).Epoch
		words = words[1:]
	}
	s.options(&e, words)
	return e
}

// parseReply reads STEP do|undo OUTCOME: an answer to the command under way,
// unless options say otherwise.
func (s *story) parseReply(e *saga.Event, words []string) []string {
	st := s.stepState(words[0])
	e.Step, e.Epoch, e.Attempt = s.ref(words[0]), max(st.Epoch, 1), max(st.Attempt, 1)
	e.Actor = saga.Actor{Kind: saga.Participant, Name: s.participant(e.Step.Name)}
	e.Step.Visit = s.visit(e.Step.Name)
	var err error
	e.Direction, err = saga.ParseDirection(words[1])
	require.NoError(s.t, err)
	e.Outcome, err = saga.ParseOutcome(words[2])
	require.NoError(s.t, err)
	return words[3:]
}

// options reads key=value options, a payload in JSON, and a reason in words.
func (s *story) options(e *saga.Event, words []string) {
	var reason []string
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "epoch":
			e.Epoch = number(s.t, value)
		case "attempt":
			e.Attempt = number(s.t, value)
		case "from":
			e.Actor.Name = value
		case "of-step":
			e.Step.Name = value
		case "groups":
			e.Own().Groups = strings.Split(value, ",")
		case "id":
			e.RequestID = value
		case "visit":
			e.Step.Visit = number(s.t, value) - 1
		case "parent": // the start of a child
			e.Own().Family = parentOf(value)
		case "begin":
			e.Own().Begin = s.now.Add(duration(s.t, value))
		case "key":
			e.Own().Key = value
		case "hold":
			e.Hold = true
		case "held": // the ways that the gate has closed
			for way := range strings.SplitSeq(value, ",") {
				w, err := saga.ParseWay(way)
				require.NoError(s.t, err)
				own := e.Own()
				own.Held = append(own.Held, w)
			}
		case "passed":
			e.Own().Passed = []saga.StepRef{s.ref(value)}
		case "healthy": // the way is whole since that long before now
			e.Own().Healthy = s.now.Add(-duration(s.t, value))
		case "level":
			e.Own().Level = number(s.t, value)
		case "type":
			e.Payload.ContentType = value
		case "lines": // a document with a list of that length
			lines := make([]string, number(s.t, value))
			for i := range lines {
				lines[i] = fmt.Sprintf(`{"sku":"s%d"}`, i)
			}
			e.Payload.Data = []byte(`{"lines":[` + strings.Join(lines, ",") + `]}`)
		case "pad": // a document of that size
			e.Payload.Data = []byte(`{"seat":"12A","pad":"` + strings.Repeat("x", number(s.t, value)) + `"}`)
		default:
			if strings.HasPrefix(word, "{") {
				e.Payload.Data = []byte(word)
			} else {
				reason = append(reason, word)
			}
		}
	}
	e.Reason = strings.Join(reason, " ")
}

// stepState is the state of a step, zero when there is none.
func (s *story) stepState(name string) saga.StepState {
	ref := s.ref(name)
	for i, step := range s.def.Steps {
		if k, ok := s.state.At(i, ref.Item); ok && step.Name == ref.Name {
			return s.state.Steps[k]
		}
	}
	return saga.StepState{}
}

// visit is the visit that a step is on, as its commands name it.
func (s *story) visit(name string) int {
	st := s.stepState(name)
	return st.Extras().Again
}

// ref reads the name of a step or an item.
func (s *story) ref(text string) saga.StepRef {
	ref, err := saga.ParseStepRef(text)
	require.NoError(s.t, err)
	return ref
}

func (s *story) participant(name string) string {
	for _, step := range s.def.Steps {
		if step.Name == name {
			return step.Participant
		}
	}
	return "nobody"
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}
