package definition

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types/ref"

	"github.com/unwindhq/unwind/saga"
)

// reader fetches each document once for one Eval and decodes it once, and only
// if CEL needs it.
type reader struct {
	scope   saga.Scope
	shape   *shape // the input's schema, which types its numbers
	items   *shape // the same of an item
	input   document
	outputs []document
}

// document is the input or a step's output.
type document struct {
	step    string // empty: the input; factPrefix and a name: what else there is
	fetched bool
	absent  bool
	raw     json.RawMessage
	decoded ref.Val
}

// factPrefix begins what stands for event, item, output and the like where a step's
// name stands for its output. No step has such a name.
const factPrefix = "$"

// document returns the input (step is empty), a fact or a step's output.
func (r *reader) document(step string) (*document, error) {
	d := r.find(step)
	if d.fetched {
		return d, nil
	}
	if strings.HasPrefix(step, factPrefix) {
		raw, err := r.fact(step)
		d.raw, d.fetched = raw, err == nil
		return d, err
	}
	if step == "" {
		raw, err := r.scope.Input()
		if err != nil {
			return nil, fmt.Errorf("read the input: %w", err)
		}
		d.raw, d.fetched = raw, true
		return d, nil
	}
	raw, ok, err := r.scope.Output(step)
	if err != nil {
		return nil, fmt.Errorf("read the output of step %s: %w", step, err)
	}
	d.raw, d.absent, d.fetched = raw, !ok, true
	return d, nil
}

// fact returns what is neither the input nor a step's output. The scope of an event
// has that in the place of an input.
func (r *reader) fact(name string) (json.RawMessage, error) {
	switch name {
	case factPrefix + "event":
		return r.scope.Input()
	case itemDocument:
		item, _, err := r.scope.Item()
		return item, err
	case indexDocument:
		_, index, err := r.scope.Item()
		return strconv.AppendInt(nil, int64(index), 10), err
	}
	ending, ok := r.scope.(saga.Ending)
	if !ok {
		return nil, fmt.Errorf("read %s: the saga has not ended", rootName(name))
	}
	end := ending.End()
	switch name {
	case factPrefix + "status":
		return appendText(nil, end.Status), nil
	case factPrefix + "cause":
		return appendText(nil, end.Cause), nil
	}
	if end.Output == nil {
		return json.RawMessage("null"), nil
	}
	return end.Output, nil
}

// value returns a document for CEL.
func (r *reader) value(step string) (ref.Val, error) {
	d, err := r.document(step)
	if err != nil {
		return nil, err
	}
	return r.decode(d)
}

func (r *reader) find(step string) *document {
	if step == "" {
		return &r.input
	}
	for i := range r.outputs {
		if r.outputs[i].step == step {
			return &r.outputs[i]
		}
	}
	r.outputs = append(r.outputs, document{step: step})
	return &r.outputs[len(r.outputs)-1]
}

// decode returns the document for CEL.
func (r *reader) decode(d *document) (ref.Val, error) {
	if d.decoded != nil {
		return d.decoded, nil
	}
	var s *shape
	if d.step == "" {
		s = r.shape
	}
	if d.step == itemDocument {
		s = r.items
	}
	v, err := decodeValue(d.raw, s)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON that can be read: %w", rootName(d.step), err)
	}
	d.decoded = v
	return v, nil
}

// rootName is how an expression calls a document.
func rootName(step string) string {
	if step == "" {
		return "input"
	}
	if fact, ok := strings.CutPrefix(step, factPrefix); ok {
		return fact
	}
	return "steps." + step + ".output"
}
