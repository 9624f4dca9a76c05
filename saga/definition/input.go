package definition

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
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

// ErrUnknownSignal says that no step of the definition awaits a signal.
var ErrUnknownSignal = errors.New("unknown signal")

// InputError lists what is wrong with a saga's input, or with a signal's payload.
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
	return checkDocument("input", input, f.schema)
}

// CheckSignal checks a signal and its payload as CheckInput does an input: by the
// schemas of all steps that await it. The error is an *InputError, or wraps
// ErrUnknownSignal.
func (f *File) CheckSignal(name string, payload []byte) error {
	schemas, ok := f.signals[name]
	if f.code && saga.IsName(name) { // what its function will await is not known
		return checkDocument("payload", payload, nil)
	}
	if !ok {
		return fmt.Errorf("%w: no step of %s awaits %.80q%s", ErrUnknownSignal, f.Definition.Name, name, hint(didYouMean(name, slices.Collect(maps.Keys(f.signals)))))
	}
	for _, schema := range schemas {
		if err := checkDocument("payload", payload, schema); err != nil {
			return err
		}
	}
	return nil
}

// CheckDocument checks a JSON text as CheckInput does, without a schema; name is what
// it is called in the problems. The error is an *InputError.
func CheckDocument(name string, data []byte) error { return checkDocument(name, data, nil) }

func hint(cure string) string {
	if cure == "" {
		return ""
	}
	return "; " + cure
}

// checkDocument checks a JSON text; name is what its paths begin with. Without a
// schema any JSON will do.
func checkDocument(name string, data []byte, schema *jsonschema.Schema) error {
	if len(data) > saga.MaxPayload {
		return badInput(name, fmt.Sprintf("has %d bytes, the most is %d: pass a reference", len(data), saga.MaxPayload))
	}
	root, err := parseJSON(data, name)
	var e *syntaxError
	switch {
	case errors.As(err, &e):
		return badInput(e.path, e.what)
	case err != nil:
		return badInput(name, err.Error())
	case schema == nil:
		return nil
	}
	err = schema.Validate(root.native())
	var invalid *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid):
		return &InputError{Problems: problems(invalid, name, root)}
	case err != nil:
		return badInput(name, err.Error())
	}
	return nil
}

func badInput(path, what string) error {
	return &InputError{Problems: []Problem{{path, what}}}
}

// problems lists the innermost findings of a validation.
func problems(e *jsonschema.ValidationError, name string, root *node) []Problem {
	var list []Problem
	english := message.NewPrinter(language.English)
	var visit func(*jsonschema.ValidationError)
	visit = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			list = append(list, Problem{locate(name, root, e.InstanceLocation), e.ErrorKind.LocalizedString(english)})
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

// locate writes a location as a path from the document's name.
func locate(path string, n *node, location []string) string {
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
