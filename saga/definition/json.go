package definition

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// cursor reads JSON strictly: no field twice, no invalid UTF-8, a bounded depth.
type cursor struct {
	data  []byte
	pos   int
	depth int
}

// parseJSON reads a whole JSON text into nodes with lines.
func parseJSON(data []byte, root string) (*node, error) {
	c := &cursor{data: data}
	lines := lineCounter{data: data, line: 1}
	n, err := c.node(root, &lines)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return nil, located(err, root, data)
	}
	return n, nil
}

// located makes err a *syntaxError.
func located(err error, path string, data []byte) error {
	if e, ok := errors.AsType[*syntaxError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*offsetError](err); ok {
		line := 1 + bytes.Count(data[:min(e.pos, len(data))], []byte{'\n'})
		return &syntaxError{line: line, path: path, what: e.Error()}
	}
	return &syntaxError{path: path, what: err.Error()}
}

// offsetError says at which byte a JSON text is wrong.
type offsetError struct {
	pos  int
	what string
}

// Error returns what is wrong, and where.
func (e *offsetError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.pos) }

// lineCounter turns growing positions into lines.
type lineCounter struct {
	data []byte
	pos  int
	line int
}

func (l *lineCounter) at(pos int) int {
	l.line += bytes.Count(l.data[l.pos:pos], []byte{'\n'})
	l.pos = pos
	return l.line
}

func (c *cursor) fail(what string) error { return &offsetError{pos: c.pos, what: what} }

func (c *cursor) space() {
	for c.pos < len(c.data) {
		switch c.data[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// peek skips space and returns the next byte, 0 at the end.
func (c *cursor) peek() byte {
	c.space()
	if c.pos < len(c.data) {
		return c.data[c.pos]
	}
	return 0
}

func (c *cursor) end() error {
	if c.peek() != 0 || c.pos < len(c.data) {
		return c.fail("something follows the JSON value")
	}
	return nil
}

// node reads one value.
func (c *cursor) node(path string, lines *lineCounter) (*node, error) {
	b := c.peek()
	n := &node{line: lines.at(min(c.pos, len(c.data)))}
	var err error
	switch b {
	case '{':
		n.kind = objectNode
		var seen names
		err = c.object(func(name string) error { return c.field(n, &seen, name, path, lines) })
	case '[':
		n.kind = listNode
		err = c.list(func(i int) error {
			item, err := c.node(at(path, i), lines)
			n.items = append(n.items, item)
			return err
		})
	case '"':
		n.kind = textNode
		n.text, err = c.text()
	case 't', 'f', 'n':
		n.kind, n.text, err = c.word()
	default:
		n.kind = numberNode
		n.text, err = c.number()
	}
	return n, err
}

func (c *cursor) field(n *node, seen *names, name, path string, lines *lineCounter) error {
	f := field{name: name, line: lines.at(c.pos)}
	if !seen.add(name) {
		return &syntaxError{line: f.line, path: join(path, name), what: "the field is there twice", cure: "keep one of the two"}
	}
	value, err := c.node(join(path, name), lines)
	n.fields = append(n.fields, f)
	n.items = append(n.items, value)
	return err
}

// names is a set that is cheap while it is small.
type names struct {
	few  []string
	many map[string]bool
}

// add reports whether name is new.
func (n *names) add(name string) bool {
	if n.many != nil {
		known := n.many[name]
		n.many[name] = true
		return !known
	}
	if slices.Contains(n.few, name) {
		return false
	}
	if n.few = append(n.few, name); len(n.few) > 16 {
		n.many = make(map[string]bool, 64)
		for _, known := range n.few {
			n.many[known] = true
		}
	}
	return true
}

// object reads {…}, calling each at every value.
func (c *cursor) object(each func(name string) error) error {
	if err := c.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		if b := c.peek(); b == '}' && first {
			return c.leave()
		} else if b != '"' {
			return c.fail("want a field's name in double quotes")
		}
		name, err := c.text()
		if err != nil {
			return err
		}
		if c.peek() != ':' {
			return c.fail("want : after a field's name")
		}
		c.pos++
		c.space()
		if err := each(name); err != nil {
			return err
		}
		if more, err := c.more('}'); !more {
			return err
		}
	}
}

// list reads […], calling each at every value.
func (c *cursor) list(each func(i int) error) error {
	if err := c.enter(); err != nil {
		return err
	}
	if c.peek() == ']' {
		return c.leave()
	}
	for i := 0; ; i++ {
		if err := each(i); err != nil {
			return err
		}
		if more, err := c.more(']'); !more {
			return err
		}
	}
}

func (c *cursor) enter() error {
	if c.depth++; c.depth > MaxDepth {
		return c.fail(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	c.pos++
	return nil
}

func (c *cursor) leave() error {
	c.depth--
	c.pos++
	return nil
}

// more reads a comma, or the closing byte.
func (c *cursor) more(closing byte) (bool, error) {
	switch c.peek() {
	case ',':
		c.pos++
		return true, nil
	case closing:
		return false, c.leave()
	case 0:
		return false, c.fail("the JSON text ends too early")
	}
	return false, c.fail(fmt.Sprintf("want , or %c", closing))
}

// text reads a string.
func (c *cursor) text() (string, error) {
	raw, plain, err := c.quoted()
	if err != nil {
		return "", err
	}
	if !utf8.Valid(raw) {
		return "", c.fail("invalid UTF-8")
	}
	if plain {
		return string(raw[1 : len(raw)-1]), nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", c.fail("invalid escape in a text")
	}
	return s, nil
}

// quoted reads a string with its quotes; plain says that it has no escapes.
func (c *cursor) quoted() (raw []byte, plain bool, err error) {
	plain = true
	for i := c.pos + 1; i < len(c.data); i++ {
		switch b := c.data[i]; {
		case b == '"':
			raw, c.pos = c.data[c.pos:i+1], i+1
			return raw, plain, nil
		case b == '\\':
			plain = false
			i++
		case b < 0x20:
			return nil, false, c.fail("control character in a text")
		}
	}
	return nil, false, c.fail("the JSON text ends too early")
}

func (c *cursor) word() (kind, string, error) {
	for _, w := range [...]struct {
		kind kind
		text string
	}{{boolNode, "true"}, {boolNode, "false"}, {nullNode, "null"}} {
		if bytes.HasPrefix(c.data[c.pos:], []byte(w.text)) {
			c.pos += len(w.text)
			return w.kind, w.text, nil
		}
	}
	return 0, "", c.fail("want a JSON value")
}

// number reads a number and keeps its digits.
func (c *cursor) number() (string, error) {
	end := c.pos
	for end < len(c.data) && isNumberByte(c.data[end]) {
		end++
	}
	literal := string(c.data[c.pos:end])
	if literal == "" && end == len(c.data) {
		return "", c.fail("the JSON text ends too early")
	}
	if !isNumber(literal) {
		return "", c.fail("want a JSON value")
	}
	c.pos = end
	return literal, nil
}

func isNumberByte(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E'
}

// isNumber reports whether text is a number as JSON writes them.
func isNumber(text string) bool {
	rest := text
	if rest != "" && rest[0] == '-' {
		rest = rest[1:]
	}
	return rest != "" && rest[0] >= '0' && rest[0] <= '9' && json.Valid([]byte(text))
}

// appendText encodes a text as JSON, as short as it may be.
func appendText(dst []byte, text string) []byte {
	dst = append(dst, '"')
	start := 0
	for i, r := range text {
		if r >= 0x20 && r != '"' && r != '\\' && r != utf8.RuneError {
			continue
		}
		if r == utf8.RuneError && text[i] >= 0xef { // U+FFFD itself
			continue
		}
		dst = append(dst, text[start:i]...)
		dst = appendEscape(dst, r)
		start = i + 1
	}
	return append(append(dst, text[start:]...), '"')
}

func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case utf8.RuneError:
		return append(dst, "\uFFFD"...)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}
