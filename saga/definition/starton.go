package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/saga"
)

// MaxStartKey is the longest idempotency key that an event may yield, in bytes.
const MaxStartKey = 256

// StartOn lets the events of a topic start sagas.
type StartOn struct {
	Topic string `json:"topic"`           // Topic is the topic's name.
	When  string `json:"when,omitempty"`  // When is ${…} that reads the event; one for which it yields false is skipped.
	Key   string `json:"key,omitempty"`   // Key is the idempotency key, a text with ${…} that reads the event; default the record's place.
	Input any    `json:"input,omitempty"` // Input is any tree, as Step.Input, that reads the event; default the event's value.
}

var startOnOptions = options{"startOn", []string{"topic", "when", "key", "input"}, nil}

// topic reads the name of a topic.
func (o object) topic() string {
	name := o.text("topic")
	if name != "" && !saga.IsTopic(name) {
		o.add(join(o.path, "topic"), strconv.Quote(clip(name))+" is not the name of a topic", "write one of at most 249 letters, digits, dots, dashes and underscores, without ${…}")
		return ""
	}
	return name
}

func (o object) startOn() *StartOn {
	n := o.fields["startOn"]
	if n == nil {
		return nil
	}
	s := o.object(n, "startOn", startOnOptions)
	s.need("topic", "it names no topic", "write topic: and a name such as orders")
	on := &StartOn{Topic: s.topic(), When: s.text("when"), Key: s.text("key")}
	switch input := s.fields["input"]; {
	case input == nil:
	case input.kind == nullNode:
		s.add("startOn.input", "the input is empty", "leave it out to pass the event's value, or write {}")
	default:
		on.Input = json.RawMessage(input.appendJSON(nil))
	}
	return on
}

// eventShape is what an expression can read of an event.
var eventShape = &shape{
	fields: map[string]*shape{"topic": nil, "partition": nil, "offset": nil, "key": nil, "headers": nil, "value": nil},
	names:  []string{"topic", "partition", "offset", "key", "headers", "value"}, closed: true,
}

// Trigger is a bound StartOn. It is immutable and safe for concurrent use.
type Trigger struct {
	Topic string // Topic is whose events may start sagas.

	when, key, input saga.Expr // nil: the default
}

// EventStart is the saga that an event asks for.
type EventStart struct {
	Key   string // Key is the idempotency key; empty: the definition says none, so the record's place is it.
	Input []byte // Input is the saga's input, which CheckInput has not seen.
}

// ErrNoEvent is what errors.Is finds when an event cannot be read as a definition
// wants to read it.
var ErrNoEvent = errors.New("the event cannot be taken")

// Start reads an event of the topic. ok is false for one that the definition does
// not want. An error wraps ErrNoEvent: the event is at fault, and the same event
// meets it again.
func (t *Trigger) Start(rec record.Record) (start EventStart, ok bool, err error) {
	scope := inputScope(eventOf(rec))
	if ok, err = wanted(t.when, scope); err != nil || !ok {
		return EventStart{}, false, noEvent(err)
	}
	if t.key != nil {
		if start.Key, err = keyText(t.key, scope, "the idempotency key", MaxStartKey); err != nil {
			return EventStart{}, false, noEvent(err)
		}
	}
	if t.input == nil {
		if !saga.ValidJSON(rec.Value) {
			return EventStart{}, false, noEvent(errors.New("its value is not JSON, and startOn says no other input"))
		}
		start.Input = rec.Value
		return start, true, nil
	}
	start.Input, err = t.input.Eval(scope)
	return start, err == nil, noEvent(err)
}

func noEvent(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNoEvent, err)
}

// wanted evaluates a condition; nil is true.
func wanted(when saga.Expr, scope saga.Scope) (bool, error) {
	if when == nil {
		return true, nil
	}
	yes, err := when.Eval(scope)
	return string(yes) == "true", err
}

// eventOf is the document that expressions call event.
func eventOf(rec record.Record) []byte {
	dst := make([]byte, 0, len(rec.Value)+256)
	dst = append(appendText(append(dst, `{"topic":`...), rec.Topic), `,"partition":`...)
	dst = append(strconv.AppendInt(dst, int64(rec.Partition), 10), `,"offset":`...)
	dst = strconv.AppendInt(dst, rec.Offset, 10)
	dst = appendField(dst, "key", rec.Key)
	dst = append(dst, `,"headers":{`...)
	seen, size := map[string]bool{}, len(dst)
	for _, h := range rec.Headers {
		if seen[h.Key] || !utf8.ValidString(h.Key) {
			continue // the first one counts
		}
		seen[h.Key] = true
		dst = appendField(dst, h.Key, h.Value)
	}
	if len(dst) > size {
		dst = append(dst[:size], dst[size+1:]...) // without the first comma
	}
	dst = append(dst, '}')
	switch {
	case len(rec.Value) == 0:
		dst = append(dst, `,"value":null`...)
	case saga.ValidJSON(rec.Value):
		dst = append(append(dst, `,"value":`...), rec.Value...)
	}
	return append(dst, '}')
}

// appendField appends a field with bytes as a text; without bytes it is null, and
// bytes that are no text are left out.
func appendField(dst []byte, name string, value []byte) []byte {
	if !utf8.Valid(value) {
		return dst
	}
	dst = append(appendText(append(dst, ','), name), ':')
	if value == nil {
		return append(dst, "null"...)
	}
	return appendText(dst, string(value))
}

// trigger binds startOn.
func (b *binder) trigger(on *StartOn) (*Trigger, error) {
	t := &Trigger{Topic: on.Topic}
	if on.When != "" {
		t.when = b.condition(atEvent, "startOn.when", "startOn.when", on.When)
	}
	if on.Key != "" {
		t.key = b.textAt(atEvent, "startOn.key", on.Key)
	}
	if raw, ok := on.Input.(json.RawMessage); ok {
		tree, err := parseJSON(raw, "")
		if err != nil {
			return nil, fmt.Errorf("read back the input of startOn: %w", err)
		}
		t.input = b.treeAt(atEvent, "startOn.input", tree)
	}
	return t, nil
}

// keyText evaluates a key: plain text or a number of at most limit bytes.
func keyText(e saga.Expr, scope saga.Scope, what string, limit int) (string, error) {
	value, err := e.Eval(scope)
	if err != nil {
		return "", err
	}
	key := string(value)
	if strings.HasPrefix(key, `"`) {
		if err := json.Unmarshal(value, &key); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	odd := func(c rune) bool { return c < 0x20 || c == 0x7f || c == utf8.RuneError }
	switch {
	case key == "" || key == "null" || strings.HasPrefix(key, "{") || strings.HasPrefix(key, "["):
		return "", fmt.Errorf("%s yields %.60s as %s: want a text or a number", e, value, what)
	case len(key) > limit || strings.ContainsFunc(key, odd):
		return "", fmt.Errorf("%s must be plain text of at most %d bytes", what, limit)
	}
	return key, nil
}
