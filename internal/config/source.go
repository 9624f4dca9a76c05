package config

import (
	"errors"
	"fmt"
)

// Source says where a value was written: --writers, UNWIND_WRITERS,
// unwind.yaml:7; "default" is nowhere.
type Source string

// Default is the source of what nobody gave.
const Default Source = "default"

// Fault is one thing that is wrong with the settings.
type Fault struct {
	Source  Source `json:"source"`            // Source says where, such as unwind.yaml:7.
	Setting string `json:"setting,omitempty"` // Setting is the name; empty if it is about none.
	Problem string `json:"problem"`           // Problem says what is wrong and what to do; no secret is in it.
}

// Error returns source: setting: problem.
func (f *Fault) Error() string {
	switch {
	case f.Setting == "" && f.Source == "":
		return f.Problem
	case f.Setting == "":
		return string(f.Source) + ": " + f.Problem
	case f.Source == Default || f.Source == "":
		return "--" + f.Setting + " or " + Variable(f.Setting) + ": " + f.Problem
	case f.Source == Source("--"+f.Setting) || f.Source == Source(Variable(f.Setting)):
		return string(f.Source) + ": " + f.Problem
	}
	return string(f.Source) + ": " + f.Setting + ": " + f.Problem
}

func faultf(source Source, setting, format string, args ...any) *Fault {
	return &Fault{Source: source, Setting: setting, Problem: fmt.Sprintf(format, args...)}
}

// Value is what a layer says of a setting.
type Value struct {
	Text   string   // Text is one value, as the flag takes it.
	Items  []string // Items are those of a list that was written as one; List says so.
	List   bool     // List chooses Items instead of Text.
	Source Source   // Source says where it was written.
	Open   bool     // Open says that others can read it there: secrets are refused.
	Fault  string   // Fault says that no flag can take it, and why; empty if one may.
}

// Layer gives values to settings.
type Layer interface {
	// Value returns what the layer says of a setting, if it says anything.
	Value(name string) (Value, bool)
}

// Environment is the layer of the environment's variables.
type Environment func(variable string) string

// Value implements Layer. An empty variable says nothing.
func (e Environment) Value(name string) (Value, bool) {
	text := e(Variable(name))
	return Value{Text: text, Source: Source(Variable(name))}, text != ""
}

// Sources say where each setting of a command got its value.
type Sources map[string]Source

// Of returns a setting's source.
func (s Sources) Of(name string) Source {
	if source, ok := s[name]; ok {
		return source
	}
	return Default
}

// Fault blames a setting where its value was written.
func (s Sources) Fault(name, problem string) *Fault {
	return &Fault{Source: s.Of(name), Setting: name, Problem: problem}
}

// Faults are the faults that err joins; what is no *Fault becomes one.
func Faults(err error) []*Fault {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Fault
		for _, one := range joined.Unwrap() {
			all = append(all, Faults(one)...)
		}
		return all
	}
	if fault, ok := errors.AsType[*Fault](err); ok {
		return []*Fault{fault}
	}
	return []*Fault{{Problem: err.Error()}}
}
