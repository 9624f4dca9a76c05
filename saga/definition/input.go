package definition

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/unwindhq/unwind/saga"
)

// MaxDepth is how deep a JSON text that is read may be nested.
const MaxDepth = 64

// MaxProblems is how many problems an InputError lists.
const MaxProblems = 20

// ErrInvalidInput is what errors.Is finds in an InputError.
var ErrInvalidInput = errors.New("invalid input")

// InputError lists what is wrong with a saga's input.
type InputError struct {
	Problems []Problem // Problems are in the order of their paths, at most MaxProblems.
}

// Problem is one thing that is wrong with an input.
type Problem struct {
	Path string // Path says where, such as input.lines[2].sku.
	What string // What says what is wrong.
}

// Error returns one line for each problem.
func (e *InputError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Path + ": " + p.What
	}
	return strings.Join(lines, "\n")
}

// Is makes errors.Is(err, ErrInvalidInput) true.
func (e *InputError) Is(target error) bool { return target == ErrInvalidInput }

// CheckInput checks a saga's input: at most saga.MaxPayload bytes of JSON, no
// deeper than MaxDepth, no field twice, as the schema says. The error is an
// *InputError. input is only read; numbers of any size are kept.
func (f *File) CheckInput(input []byte) error {
	if len(input) > saga.MaxPayload {
		return badInput("input", fmt.Sprintf("has %d bytes, the most is %d: pass a reference", len(input), saga.MaxPayload))
	}
	root, err := parseJSON(input, "input")
	var e *syntaxError
	switch {
	case errors.As(err, &e):
		return badInput(e.path, e.what)
	case err != nil:
		return badInput("input", err.Error())
	case f.schema == nil:
		return nil
	}
	err = f.schema.Validate(root.native())
	var invalid *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid):
		return &InputError{Problems: problems(invalid, root)}
	case err != nil:
		return badInput("input", err.Error())
	}
	return nil
}

func badInput(path, what string) error {
	return &InputError{Problems: []Problem{{path, what}}}
}

// problems lists the innermost findings of a validation.
func problems(e *jsonschema.ValidationError, root *node) []Problem {
	var list []Problem
	english := message.NewPrinter(language.English)
	var visit func(*jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			list = append(list, Problem{locate(root, e.InstanceLocation), e.ErrorKind.LocalizedString(english)})
		}
		for _, cause := range e.Causes {
			visit(cause)
		}
	}
	visit(e)
	slices.SortFunc(list, func(a, b Problem) int {
		return strings.Compare(a.Path+"\x00"+a.What, b.Path+"\x00"+b.What)
	})
	list = slices.Compact(list)
	return list[:min(len(list), MaxProblems)]
}

// locate writes a location as a path from input.
func locate(n *node, location []string) string {
	path := "input"
	for _, name := range location {
		if n != nil && n.kind == listNode {
			path += "[" + name + "]"
			n = nil
			continue
		}
		path = join(path, name)
		if n != nil {
			n = n.get(name)
		}
	}
	return path
}

// noLoader refuses schemas that are somewhere else.
type noLoader struct{}

// Load returns an error.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of this schema: only #/… can be referred to", url)
}

// schemaURL is what a schema is called while it is compiled.
const schemaURL = "unwind:schema"

// compileSchema compiles a schema that stands for itself; formats are asserted.
func compileSchema(raw []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.AssertFormat()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	schema, err := c.Compile(schemaURL)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), schemaURL+"#", ""))
	}
	return schema, nil
}
