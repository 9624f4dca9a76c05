package definition

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/unwindhq/unwind/saga"
)

// Options say what a definition may refer to. The zero value is fine.
type Options struct {
	// Dir is where schema files are read from: the definition's folder. nil
	// refuses a schema that is a path.
	Dir fs.FS
	// Contracts are the known participants. Empty: participants, commands and
	// fields are not checked. They never change what an expression yields.
	Contracts []Contract
	// Partial says that Contracts are not all: a participant without one is not
	// checked. Default: its commands are faults.
	Partial bool
}

// File is a definition that was read and checked. It is immutable and safe for
// concurrent use.
type File struct {
	Definition saga.Definition // Definition is ready to compile; its Version is empty.
	Hash       string          // Hash is the SHA-256 of Canonical in hexadecimal.
	// Canonical is the definition as JSON with every default and file resolved.
	// Load reads it back to the same Hash.
	Canonical []byte
	// StartOn says which events start sagas; nil: none does.
	StartOn *Trigger

	code    bool                            // it is a Go function
	schema  *jsonschema.Schema              // the input's; nil accepts any JSON
	signals map[string][]*jsonschema.Schema // those of each signal's payload; one may be nil
	waited  []*jsonschema.Schema            // those of the steps' awaits; one may be nil
	awaits  []*Awaited
}

// Load reads one definition, YAML or JSON by its content; name is used in
// faults only. The error is saga.Faults with everything that is wrong, in the
// order of the file.
func Load(name string, data []byte, opts Options) (*File, error) {
	r := newReport(name)
	root, err := parse(data)
	if err != nil {
		r.syntax(err)
		return nil, r.err()
	}
	r.see(root, "")
	return load(r, root, opts)
}

// Build checks and binds a definition that is written in Go. The error is
// saga.Faults without files and lines.
func Build(spec Spec, opts Options) (*File, error) {
	r := newReport("")
	if spec.Unwind == "" {
		spec.Unwind = Version1
	}
	data, err := encode(spec)
	if err != nil {
		r.add("", "the definition can't be written as JSON: "+err.Error(), "use values that encoding/json can encode")
		return nil, r.err()
	}
	root, err := parseJSON(data, "")
	if err != nil {
		r.syntax(err)
		return nil, r.err()
	}
	return load(r, root, opts)
}

// load goes the one way from nodes to a File.
func load(r *report, root *node, opts Options) (*File, error) {
	f := &File{}
	spec := decoder{r}.spec(root)
	f.schemas(r, &spec, opts.Dir)
	resolve := &resolver{report: r}
	steps := resolve.resolve(&spec)
	f.Definition = saga.Definition{Name: spec.Saga, Title: spec.Title, Owner: spec.Owner, Steps: steps}
	if f.Definition.Deadline = resolve.duration("deadline", spec.Deadline, 0); f.Definition.Deadline > 0 {
		spec.Deadline = f.Definition.Deadline.String() // 1d and 24h are one deadline
	}
	f.Definition.Retention = resolve.retention(&spec)
	resolve.priority(&spec)
	f.Definition.LockTimeout = resolve.written("lockTimeout", &spec.LockTimeout)
	if spec.Input != nil {
		f.Definition.Schema, _ = spec.Input.Schema.(json.RawMessage)
	}
	if err := f.bind(r, &spec, opts); err != nil {
		return nil, err
	}
	r.structure(f.Definition)
	if err := r.err(); err != nil {
		return nil, err
	}
	canonical, err := encode(spec)
	if err != nil {
		return nil, fmt.Errorf("encode definition %s: %w", spec.Saga, err)
	}
	sum := sha256.Sum256(canonical)
	f.Canonical, f.Hash = canonical, hex.EncodeToString(sum[:])
	return f, nil
}

// bind binds every expression and checks the steps against the contracts.
func (f *File) bind(r *report, spec *Spec, opts Options) error {
	written, def := spec.Steps, &f.Definition
	b, err := newBinder(r, written, shapeOf(def.Schema))
	if err != nil {
		return err
	}
	known := catalogue{binder: b, contracts: opts.Contracts, partial: opts.Partial}
	known.results()
	for i := range def.Steps {
		if written[i].When != "" {
			if e := b.when(i); e != nil {
				def.Steps[i].When = e
			}
		}
		if each := written[i].ForEach; each != "" && def.Steps[i].ForEach != nil {
			if e := b.forEach(i, each); e != nil {
				def.Steps[i].ForEach.List = e
			}
		}
		var tree *node
		if raw, ok := written[i].Input.(json.RawMessage); ok {
			if tree, err = parseJSON(raw, ""); err != nil {
				return fmt.Errorf("read back the input of step %s: %w", written[i].Step, err)
			}
			def.Steps[i].Input = b.input(i, tree)
		}
		if s := written[i].Sleep; s != nil && s.Until != "" {
			def.Steps[i].Sleep.Until = b.until(i, s.Until)
		}
		if a := written[i].Await; a != nil && a.Topic+a.Match != "" {
			def.Steps[i].Await.Event = f.match(b, i)
		}
		known.check(i, &def.Steps[i], tree)
	}
	if spec.StartOn != nil {
		if f.StartOn, err = b.trigger(spec.StartOn); err != nil {
			return err
		}
	}
	return b.whole(spec, def)
}

// Topics lists the topics whose events the definition waits for, sorted, each once.
func (f *File) Topics() []string {
	var names []string
	if f.StartOn != nil {
		names = append(names, f.StartOn.Topic)
	}
	for _, a := range f.awaits {
		names = append(names, a.Topic)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// structure adds what the core has to say. What follows from a kind, or
// from a step's name, is left out while that is faulty.
func (r *report) structure(def saga.Definition) {
	_, err := saga.Compile(def)
	var faults saga.Faults
	_ = errors.As(err, &faults) // no other error comes from there
	kind, name := hasFault(r.faults, "].kind"), hasFault(r.faults, "].step") || hasFault(faults, "].step")
	r.merge(slices.DeleteFunc(faults, func(f saga.Fault) bool {
		return kind && dependsOnKind(f.Path) || name && strings.HasSuffix(f.Path, "].after")
	}))
}

func hasFault(faults saga.Faults, option string) bool {
	return slices.ContainsFunc(faults, func(f saga.Fault) bool { return strings.HasSuffix(f.Path, option) })
}

func dependsOnKind(path string) bool {
	for _, option := range []string{"].kind", "ompensation", "].undo", "retry.attempts", "].when"} {
		if strings.HasSuffix(path, option) {
			return true
		}
	}
	return false
}

// schemas reads and compiles the schemas of the input, the signals and the events.
func (f *File) schemas(r *report, spec *Spec, dir fs.FS) {
	if spec.Input != nil {
		f.schema = r.schema("input.schema", &spec.Input.Schema, dir)
	}
	f.signals, f.waited = map[string][]*jsonschema.Schema{}, make([]*jsonschema.Schema, len(spec.Steps))
	for i := range spec.Steps {
		a := spec.Steps[i].Await
		if a == nil {
			continue
		}
		schema := r.schema(at("steps", i)+".await.schema", &a.Schema, dir)
		for _, name := range a.Signal {
			f.signals[name] = append(f.signals[name], schema)
		}
		f.waited[i] = schema
	}
}

// schema reads and compiles a schema and puts it in the place of its file's name.
func (r *report) schema(path string, place *any, dir fs.FS) *jsonschema.Schema {
	if *place == nil {
		return nil
	}
	if name, ok := (*place).(string); ok {
		raw, err := readSchema(dir, name)
		if err != nil {
			r.add(path, err.Error(), "write the path of a .json file relative to the definition")
			return nil
		}
		*place = raw
	}
	raw, _ := (*place).(json.RawMessage)
	schema, err := compileSchema(raw)
	if err != nil {
		r.add(path, "not a JSON Schema: "+err.Error(), "")
	}
	return schema
}

// readSchema reads a schema file and returns it compact.
func readSchema(dir fs.FS, name string) (json.RawMessage, error) {
	switch {
	case !strings.HasSuffix(name, ".json"):
		return nil, fmt.Errorf("%q is not a .json file", name)
	case dir == nil:
		return nil, fmt.Errorf("the schema file %q can't be read here: only a schema that is written out", name)
	}
	data, err := fs.ReadFile(dir, path.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if len(data) > MaxFile {
		return nil, fmt.Errorf("the schema %s has %d bytes, the most is %d", name, len(data), MaxFile)
	}
	n, err := parseJSON(data, "")
	if err != nil {
		return nil, fmt.Errorf("the schema %s is not JSON: %w", name, err)
	}
	return n.appendJSON(nil), nil
}

// encode writes v as compact JSON, < and > as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
