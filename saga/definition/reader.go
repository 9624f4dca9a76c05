package definition

import (
	"encoding/json"
	"fmt"
	"strconv"

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
	step    string // empty: the input; eventDocument: the event
	fetched bool
	absent  bool
	raw     json.RawMessage
	decoded ref.Val
}

// eventDocument stands for the event where a step's name stands for its output. No
// step has such a name.
const eventDocument = "$event"

// document returns the input (step is empty), the event or a step's output.
func (r *reader) document(step string) (*document, error) {
	d := r.find(step)
	if d.fetched {
		return d, nil
	}
	if step == "" || step == eventDocument {
		raw, err := r.scope.Input()
		if err != nil {
			return nil, fmt.Errorf("read the input: %w", err)
		}
		d.raw, d.fetched = raw, true
		return d, nil
	}
	if step == itemDocument || step == indexDocument {
		item, index, err := r.scope.Item()
		if d.raw, d.fetched = item, true; step == indexDocument {
			d.raw = strconv.AppendInt(nil, int64(index), 10)
		}
		return d, err
	}
	raw, ok, err := r.scope.Output(step)
	if err != nil {
		return nil, fmt.Errorf("read the output of step %s: %w", step, err)
	}
	d.raw, d.absent, d.fetched = raw, !ok, true
	return d, nil
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
	if d.step == "" || d.step == eventDocument {
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
	switch step {
	case "":
		return "input"
	case eventDocument:
		return "event"
	case itemDocument:
		return "item"
	case indexDocument:
		return "index"
	}
	return "steps." + step + ".output"
}
