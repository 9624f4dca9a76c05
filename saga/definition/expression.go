package definition

import (
	"encoding/json"
	"fmt"

	"github.com/unwindhq/unwind/saga"
)

// expression is a bound saga.Expr: JSON with holes. What is static is encoded
// once; a hole that is a path copies bytes; only the others run CEL.
type expression struct {
	where   string // where it is written, for errors: step charge, input
	source  string
	reads   saga.Reads
	boolean bool // it must yield true or false
	parts   []part
	size    int    // a guess of the result's size
	shape   *shape // the input's
	items   *shape // an item's
}

var _ saga.Expr = (*expression)(nil)

// part appends its piece of the result.
type part interface {
	appendTo(dst []byte, r *reader) ([]byte, error)
}

// static is JSON that is always the same.
type static []byte

func (s static) appendTo(dst []byte, _ *reader) ([]byte, error) { return append(dst, s...), nil }

// String returns the expression as it was written; an input's tree as JSON.
func (e *expression) String() string { return e.source }

// Reads says what Eval may ask the scope for.
func (e *expression) Reads() saga.Reads { return e.reads }

// Eval computes the expression. It is safe for concurrent use.
func (e *expression) Eval(scope saga.Scope) (json.RawMessage, error) {
	r := &reader{scope: scope, shape: e.shape, items: e.items}
	dst := make([]byte, 0, e.size)
	for _, p := range e.parts {
		var err error
		if dst, err = p.appendTo(dst, r); err != nil {
			return nil, fmt.Errorf("%s%w", e.where, err)
		}
		if len(dst) > saga.MaxPayload {
			return nil, fmt.Errorf("%s: the result is larger than %d bytes: pass a reference", e.where, saga.MaxPayload)
		}
	}
	if text := string(dst); e.boolean && text != "true" && text != "false" {
		return nil, fmt.Errorf("%s: %s yielded %.40s; want true or false", e.where, e.source, dst)
	}
	return dst, nil
}

// finish merges neighbouring static parts and guesses the size.
func (e *expression) finish() {
	merged := e.parts[:0]
	for _, p := range e.parts {
		if s, ok := p.(static); ok && len(merged) > 0 {
			if last, ok := merged[len(merged)-1].(static); ok {
				merged[len(merged)-1] = append(last, s...)
				continue
			}
		}
		merged = append(merged, p)
	}
	e.parts = merged
	for _, p := range e.parts {
		if s, ok := p.(static); ok {
			e.size += len(s)
		} else {
			e.size += 24
		}
	}
}

// hole is one ${…}: it says which expression failed.
type hole struct {
	where  string // where in the input, such as .cents
	source string
	value  value
}

// value is what a hole holds: a path or a CEL program.
type value interface {
	// appendJSON appends the value as JSON.
	appendJSON(dst []byte, r *reader) ([]byte, error)
	// appendPlain appends the value as it reads inside a text.
	appendPlain(dst []byte, r *reader) ([]byte, error)
}

func (h *hole) appendTo(dst []byte, r *reader) ([]byte, error) {
	dst, err := h.value.appendJSON(dst, r)
	return dst, h.wrap(err)
}

func (h *hole) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: ${%s}: %w", h.where, h.source, err)
}

// mixed is a text with holes.
type mixed []any // string or *hole

func (m mixed) appendTo(dst []byte, r *reader) ([]byte, error) {
	var text []byte
	for _, piece := range m {
		h, ok := piece.(*hole)
		if !ok {
			text = append(text, piece.(string)...)
			continue
		}
		var err error
		if text, err = h.value.appendPlain(text, r); err != nil {
			return dst, h.wrap(err)
		}
		if len(text) > saga.MaxPayload {
			break // Eval refuses it
		}
	}
	return appendText(dst, string(text)), nil
}
