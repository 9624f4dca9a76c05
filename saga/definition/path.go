package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// lookup is an expression that only looks something up: input.lines[0].sku. It
// copies the bytes it finds.
type lookup struct {
	step  string // empty: the input
	elems []elem
}

// elem is one step of a path: a field or an index.
type elem struct {
	name     string
	index    int
	isIndex  bool
	optional bool // .?name, has() or [?i]
}

// String returns the path as an expression would spell it.
func (p *lookup) String() string { return spell(rootName(p.step), p.elems) }

func spell(root string, elems []elem) string {
	var b strings.Builder
	b.WriteString(root)
	for _, e := range elems {
		switch {
		case e.isIndex:
			b.WriteString("[" + strconv.Itoa(e.index) + "]")
		case isIdentifier(e.name):
			b.WriteString("." + e.name)
		default:
			b.WriteString("[" + strconv.Quote(e.name) + "]")
		}
	}
	return b.String()
}

func isIdentifier(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// find returns the bytes at the path.
func (p *lookup) find(r *reader) ([]byte, error) {
	d, err := r.document(p.step)
	if err != nil {
		return nil, err
	}
	if d.absent {
		return nil, fmt.Errorf("step %s has no output: it was skipped or is not over", p.step)
	}
	c := cursor{data: d.raw}
	for i := range p.elems {
		if err := c.descend(p.elems[i]); err != nil {
			return nil, fmt.Errorf("%s %w", spell(rootName(p.step), p.elems[:i]), err)
		}
	}
	leaf, err := c.leaf(len(p.elems) == 0)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON that can be read: %w", p, err)
	}
	return leaf, nil
}

func (p *lookup) appendJSON(dst []byte, r *reader) ([]byte, error) {
	leaf, err := p.find(r)
	return append(dst, leaf...), err
}

func (p *lookup) appendPlain(dst []byte, r *reader) ([]byte, error) {
	leaf, err := p.find(r)
	if err != nil {
		return dst, err
	}
	switch leaf[0] {
	case '"':
		var s string
		if err := json.Unmarshal(leaf, &s); err != nil {
			return dst, fmt.Errorf("%s is not a text that can be read: %w", p, err)
		}
		return append(dst, s...), nil
	case '{', '[', 'n':
		return dst, fmt.Errorf("%s is %s and can't stand inside a text", p, describe(leaf[0]))
	}
	return append(dst, leaf...), nil
}

// describe names the kind of a JSON value by its first byte.
func describe(b byte) string {
	switch b {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// descend moves to a field or an element of the value at the cursor. It reads the
// object to its end: a field that is there twice is an error, as it is for CEL.
func (c *cursor) descend(e elem) error {
	b := c.peek()
	switch {
	case b == 0:
		return errors.New("is empty")
	case e.isIndex && b != '[':
		return fmt.Errorf("is %s, not a list", describe(b))
	case e.isIndex:
		return c.element(e.index)
	case b != '{':
		return fmt.Errorf("is %s, not an object", describe(b))
	}
	return c.member(e.name)
}

var errBroken = errors.New("is broken JSON")

func (c *cursor) member(name string) error {
	found := -1
	c.pos++
	for first := true; c.peek() != '}'; first = false {
		if !first {
			if c.peek() != ',' {
				return errBroken
			}
			c.pos++
		}
		same, err := c.isName(name)
		if err != nil || c.peek() != ':' {
			return errBroken
		}
		c.pos++
		c.space()
		switch {
		case same && found >= 0:
			return fmt.Errorf("has the field %s twice", name)
		case same:
			found = c.pos
		}
		if c.skip() != nil {
			return errBroken
		}
	}
	if found < 0 {
		return fmt.Errorf("has no field %s", name)
	}
	c.pos = found
	return nil
}

// isName reads a field's name and compares it.
func (c *cursor) isName(name string) (bool, error) {
	if c.peek() != '"' {
		return false, errBroken
	}
	raw, plain, err := c.quoted()
	if err != nil {
		return false, err
	}
	if plain {
		return string(raw[1:len(raw)-1]) == name, nil
	}
	var s string
	err = json.Unmarshal(raw, &s)
	return s == name, err
}

func (c *cursor) element(index int) error {
	c.pos++
	for i := 0; ; i++ {
		if b := c.peek(); b == ']' && i == 0 {
			return fmt.Errorf("has no element %d", index)
		}
		if i == index {
			return nil
		}
		if c.skip() != nil {
			return errBroken
		}
		switch c.peek() {
		case ',':
			c.pos++
			c.space()
		case ']':
			return fmt.Errorf("has no element %d: it has %d", index, i+1)
		default:
			return errBroken
		}
	}
}

// skip moves behind the value at the cursor without looking into it closely.
func (c *cursor) skip() error {
	switch c.peek() {
	case 0, ',', ':', '}', ']':
		return errBroken
	case '"':
		_, _, err := c.quoted()
		return err
	case '{', '[':
		return c.skipNested()
	}
	for c.pos < len(c.data) && strings.IndexByte(",]} \t\r\n", c.data[c.pos]) < 0 {
		c.pos++
	}
	return nil
}

func (c *cursor) skipNested() error {
	depth := 0
	for c.pos < len(c.data) {
		switch c.data[c.pos] {
		case '"':
			if _, _, err := c.quoted(); err != nil {
				return err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if c.pos++; depth == 0 {
			return nil
		}
	}
	return errBroken
}

// leaf returns the bytes of the value at the cursor, which must be valid JSON;
// whole says that nothing may follow.
func (c *cursor) leaf(whole bool) ([]byte, error) {
	if c.peek(); c.pos == len(c.data) {
		return nil, errors.New("it is empty")
	}
	start := c.pos
	if err := c.skip(); err != nil {
		return nil, err
	}
	leaf := c.data[start:c.pos]
	if !saga.ValidJSON(leaf) || whole && c.end() != nil {
		return nil, errBroken
	}
	return leaf, nil
}
