package saga_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/unwindhq/unwind/saga"
)

// path is a test expression: input.a.b, step.a.b, item.a.b or index; what is not there
// is null.
type path string

func (p path) root() string {
	root, _, _ := strings.Cut(string(p), ".")
	return root
}

func (p path) String() string { return string(p) }

func (p path) Reads() saga.Reads {
	switch p.root() {
	case "input":
		return saga.Reads{Input: true}
	case "item", "index", "cause":
		return saga.Reads{}
	}
	return saga.Reads{Steps: []string{p.root()}}
}

func (p path) Eval(scope saga.Scope) (json.RawMessage, error) {
	var value json.RawMessage
	var err error
	if ending, ok := scope.(saga.Ending); ok && p == "cause" {
		return json.Marshal(ending.End().Cause)
	}
	switch p.root() {
	case "input":
		value, err = scope.Input()
	case "item":
		value, _, err = scope.Item()
	case "index":
		_, index, missing := scope.Item()
		value, err = json.RawMessage(strconv.Itoa(index)), missing
	default:
		value, _, err = scope.Output(p.root())
	}
	if err != nil {
		return nil, err
	}
	for _, field := range strings.Split(string(p), ".")[1:] {
		var object map[string]json.RawMessage
		if len(value) > 0 {
			if err := json.Unmarshal(value, &object); err != nil {
				return nil, fmt.Errorf("%s: %w", p, err)
			}
		}
		value = object[field]
	}
	if len(bytes.TrimSpace(value)) == 0 {
		return json.RawMessage("null"), nil
	}
	return value, nil
}

// broken fails with a sentence, reads nothing and is never settled.
type broken struct{ calls *int }

func (b broken) String() string    { return "broken" }
func (b broken) Reads() saga.Reads { return saga.Reads{} }

// Eval answers another value each time: a mapping that is not deterministic.
func (b broken) Eval(saga.Scope) (json.RawMessage, error) {
	*b.calls++
	return json.RawMessage(fmt.Sprint(*b.calls)), nil
}
