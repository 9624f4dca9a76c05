package saga

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Label is what people know a saga by, and how it is treated beside others. It is
// evaluated once, at the start.
type Label struct {
	Title     string    // Title is the saga's own, at most MaxTitle bytes; empty when the definition's says it all.
	Subject   string    // Subject says whose data the saga holds; at most MaxKey bytes, empty without one.
	Retention Retention // Retention is how long the saga is kept, as a class.
	Priority  Priority  // Priority is the saga's among those of its namespace.
}

// MaxTitle is the longest title of a saga, in bytes. A longer one is cut.
const MaxTitle = 200

// SubjectName is the Match.Name that finds sagas by their subject.
const SubjectName = "@subject"

// Retention says for how long a saga is kept once it has ended: a class, whose
// length is the deployment's to say.
type Retention uint8

// The classes of retention.
const (
	Standard Retention = 0 // Standard is the default.
	Short    Retention = 1 // Short is for what nobody asks for later.
	Long     Retention = 2 // Long is for what must be shown years later.
)

var retentions = [...]string{"standard", "short", "long"}

// String returns the word used in definitions.
func (r Retention) String() string { return wordOf(retentions[:], int(r)) }

// ParseRetention is the inverse of Retention.String; ok is false for another word.
func ParseRetention(text string) (r Retention, ok bool) {
	n, ok := placeOf(retentions[:], text)
	return Retention(n), ok
}

// Priority says which sagas of a namespace go first when not all can: whose start
// is taken first, and whose held commands.
type Priority uint8

// The priorities.
const (
	Normal Priority = 0 // Normal is the default.
	High   Priority = 1 // High goes first most of the time.
	Low    Priority = 2 // Low goes last most of the time.
)

var priorities = [...]string{"normal", "high", "low"}

// String returns the word used in definitions.
func (p Priority) String() string { return wordOf(priorities[:], int(p)) }

// ParsePriority is the inverse of Priority.String; ok is false for another word.
func ParsePriority(text string) (p Priority, ok bool) {
	n, ok := placeOf(priorities[:], text)
	return Priority(n), ok
}

// Priorities lists the words, the first first.
func Priorities() []string { return []string{High.String(), Normal.String(), Low.String()} }

// Retentions lists the words, the shortest first.
func Retentions() []string { return []string{Short.String(), Standard.String(), Long.String()} }

func wordOf(words []string, n int) string {
	if n < len(words) {
		return words[n]
	}
	return "unknown"
}

func placeOf(words []string, text string) (int, bool) {
	for n, word := range words {
		if word == text {
			return n, true
		}
	}
	return 0, false
}

// PriorityOf reads what a definition's priority yields: one of the words, or null
// for the default.
func PriorityOf(value json.RawMessage) (Priority, error) {
	word, err := textOf(value)
	if err != nil || word == "" {
		return Normal, err
	}
	p, ok := ParsePriority(word)
	if !ok {
		return Normal, fmt.Errorf("%.60q is no priority: want %s", word, strings.Join(Priorities(), ", "))
	}
	return p, nil
}

// SubjectOf reads what a definition's subject yields: a text or a number, or null
// for none.
func SubjectOf(value json.RawMessage) (string, error) {
	subject, err := textOf(value)
	if err == nil && len(subject) > MaxKey {
		return "", fmt.Errorf("%d bytes, the most is %d", len(subject), MaxKey)
	}
	return subject, err
}

// textOf reads a text, a number, or null as no text.
func textOf(value json.RawMessage) (string, error) {
	var text string
	switch {
	case string(value) == "null":
		return "", nil
	case len(value) > 0 && value[0] == '"':
		err := json.Unmarshal(value, &text)
		return text, err
	case len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
		return string(value), nil
	}
	return "", fmt.Errorf("want a text, found %.60s", value)
}

// label evaluates what the saga is known by.
func (d *decision) label() error {
	def := &d.m.def
	if def.Heading == nil && def.Subject == nil && def.Priority == nil && def.Retention == Standard {
		return nil
	}
	l := Label{Retention: def.Retention}
	for _, part := range []struct {
		name string
		expr Expr
		take func(json.RawMessage) error
	}{
		{"title", def.Heading, func(v json.RawMessage) (err error) { l.Title, err = titleOf(v); return err }},
		{"subject", def.Subject, func(v json.RawMessage) (err error) { l.Subject, err = SubjectOf(v); return err }},
		{"priority", def.Priority, func(v json.RawMessage) (err error) { l.Priority, err = PriorityOf(v); return err }},
	} {
		if part.expr == nil {
			continue
		}
		value, err := part.expr.Eval(d)
		if err == nil {
			err = part.take(value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if l != (Label{}) {
		d.s.Own().Label = &l
	}
	return nil
}

// titleOf reads a title, puts it on one line and cuts one that is too long: it is
// for people, and no reason to refuse a saga.
func titleOf(value json.RawMessage) (string, error) {
	title, err := textOf(value)
	title = strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f {
			return ' '
		}
		return c
	}, title)
	if len(title) <= MaxTitle {
		return title, err
	}
	const more = "…"
	end := MaxTitle - len(more)
	for !utf8.RuneStart(title[end]) {
		end--
	}
	return title[:end] + more, err
}

// Labelled returns the saga's label; the zero value without one.
func (s *State) Labelled() Label {
	if s.Extra == nil || s.Extra.Label == nil {
		return Label{}
	}
	return *s.Extra.Label
}

// labels checks what a saga is known by.
func (c *checker) labels() {
	def := &c.m.def
	for _, part := range []struct {
		name string
		expr Expr
	}{{"title", def.Heading}, {"subject", def.Subject}, {"priority", def.Priority}} {
		if part.expr != nil && len(part.expr.Reads().Steps) > 0 {
			c.fault(part.name, "it reads the output of a step", "let it read the input alone: it must be known before the saga begins")
		}
	}
	if int(def.Retention) >= len(retentions) {
		c.fault("retention", fmt.Sprintf("there is no retention %d", def.Retention), "write "+strings.Join(Retentions(), ", "))
	}
}
