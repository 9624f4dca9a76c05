package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/unwindhq/unwind/internal/nearest"
)

// MaxFile is the largest configuration file, in bytes.
const MaxFile = 1 << 20

// File is the layer of a configuration file: YAML fields named like the
// settings, each with one plain value or a list of them. Its zero value says
// nothing.
type File struct {
	keys   []string // in the order of the file
	values map[string]Value
}

// Read reads and parses a configuration file, as Parse does.
func Read(path string) (*File, error) {
	file, err := os.Open(path)
	if err != nil {
		return &File{}, fmt.Errorf("read the configuration: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return &File{}, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse parses a configuration file; name is repeated in faults. It reports
// every key that is there twice at once, each as a *Fault, and returns what
// could be read even then.
func Parse(name string, data []byte) (*File, error) {
	f := &File{values: map[string]Value{}}
	if len(data) > MaxFile {
		return f, faultf(Source(name), "", "has more than %d bytes", MaxFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return f, nil // an empty file says nothing
	case err != nil:
		return f, faultf(Source(name), "", "not YAML: %v", err)
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		return f, faultf(Source(name), "", "one document of settings is all there may be")
	}
	if len(document.Content) == 0 {
		return f, nil
	}
	return f, f.read(name, document.Content[0])
}

func (f *File) read(name string, root *yaml.Node) error {
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return faultf(at(name, root), "", "want settings, one a line, such as: listen: 127.0.0.1:8080")
	}
	var faults []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, source := root.Content[i].Value, at(name, root.Content[i])
		switch first, twice := f.values[key]; {
		case root.Content[i].Kind != yaml.ScalarNode:
			faults = append(faults, faultf(source, "", "a setting's name must be plain text"))
		case twice:
			faults = append(faults, faultf(source, key, "is there twice, first at %s: keep one of the two", first.Source))
		default:
			f.keys = append(f.keys, key)
			f.values[key] = valueOf(root.Content[i+1], source)
		}
	}
	return errors.Join(faults...)
}

func at(name string, node *yaml.Node) Source { return Source(name + ":" + strconv.Itoa(node.Line)) }

// valueOf keeps what is written, not what YAML takes it for: a flag reads it.
func valueOf(node *yaml.Node, source Source) Value {
	v := Value{Source: source, Open: true}
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		v.Fault = "anchors and aliases are not supported: write the value out"
	case node.Kind == yaml.MappingNode:
		v.Fault = "has fields: write one value, or a list"
	case node.Kind == yaml.SequenceNode:
		v.List = true
		for _, item := range node.Content {
			if !plain(item) {
				v.Fault = "an item of the list is not plain text"
			}
			v.Items = append(v.Items, item.Value)
		}
	case !plain(node):
		v.Fault = "has no value: write one, or remove the line"
	default:
		v.Text = node.Value
	}
	return v
}

// plain says whether a node is one value.
func plain(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() != "!!null" && node.Anchor == ""
}

// Value implements Layer.
func (f *File) Value(name string) (Value, bool) {
	v, ok := f.values[name]
	return v, ok
}

// Unknown reports every key that is no setting, each as a *Fault.
func (f *File) Unknown(schema []Setting) error {
	var faults []error
	for _, key := range f.keys {
		names := namesOf(schema)
		if slices.Contains(names, key) {
			continue
		}
		faults = append(faults, faultf(f.values[key].Source, key, "there is no such setting%s", f.cure(key, names)))
	}
	return errors.Join(faults...)
}

func (f *File) cure(key string, names []string) string {
	switch best := nearest.Word(key, names); {
	case best != "":
		return "; did you mean " + best + "?"
	case strings.Contains(f.values[key].Fault, "fields"):
		return "; names are not nested: write kafka-brokers, not brokers below kafka"
	}
	return "; unwind config template lists all"
}

func namesOf(schema []Setting) []string {
	names := make([]string, len(schema))
	for i, s := range schema {
		names[i] = s.Name
	}
	return names
}
