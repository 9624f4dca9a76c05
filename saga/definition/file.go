package definition

import (
	"errors"
	"io/fs"

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
}

// File is a definition that was read and checked. It is immutable and safe for
// concurrent use.
type File struct {
	Definition saga.Definition // Definition is ready to compile; its Version is empty.
	Hash       string          // Hash is the SHA-256 of Canonical in hexadecimal.
	// Canonical is the definition as JSON with every default and file resolved.
	// Load reads it back to the same Hash.
	Canonical []byte
}

// Load reads one definition, YAML or JSON by its content; name is used in
// faults only. The error is saga.Faults with everything that is wrong, in the
// order of the file.
func Load(name string, data []byte, opts Options) (*File, error) {
	return nil, errors.ErrUnsupported
}

// Build checks and binds a definition that is written in Go. The error is
// saga.Faults without files and lines.
func Build(spec Spec, opts Options) (*File, error) {
	return nil, errors.ErrUnsupported
}

// CheckInput checks a saga's input: at most saga.MaxPayload bytes of JSON, no
// deeper than MaxDepth, no field twice, as the schema says. The error is an
// *InputError. input is only read; numbers of any size are kept.
func (f *File) CheckInput(input []byte) error {
	return errors.ErrUnsupported
}

// MaxDepth is how deep a JSON text that is read may be nested.
const MaxDepth = 64
