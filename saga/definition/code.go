package definition

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// codeForm is the stored form of a saga that is code: what can be said of it
// without its function.
type codeForm struct {
	Unwind   string    `json:"unwind"`
	Saga     string    `json:"saga"`
	Code     string    `json:"code"` // its version: the function is in the programs that have it
	Title    string    `json:"title,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Deadline string    `json:"deadline,omitempty"`
	Steps    []codeUse `json:"steps,omitempty"`

	Schema    json.RawMessage `json:"schema,omitempty"`
	Retention string          `json:"retention,omitempty"`
}

// codeUse is a command that the function says it asks for. How long it waits and how
// often it tries is the function's, and may change.
type codeUse struct {
	Step           string `json:"step"`
	Kind           string `json:"kind,omitempty"`
	Command        string `json:"command"`
	Compensation   string `json:"compensation,omitempty"`
	NoCompensation string `json:"noCompensation,omitempty"`
}

func useOf(step *saga.Step) codeUse {
	use := codeUse{Step: step.Name, Command: step.Participant + "/" + step.Command, Compensation: step.Compensation, NoCompensation: step.Reason}
	if step.Kind != saga.Compensable {
		use.Kind = step.Kind.String()
	}
	return use
}

func (u *codeUse) step() saga.Step {
	participant, command := cutCommand(u.Command)
	step := saga.Step{Name: u.Step, Participant: participant, Command: command, Compensation: u.Compensation, Reason: u.NoCompensation}
	for _, kind := range []saga.Kind{saga.Pivot, saga.Retriable} {
		if u.Kind == kind.String() {
			step.Kind = kind
		}
	}
	return step
}

// OfCode returns the File of a saga that is code. Without a schema any JSON is an
// input of it: its function judges.
func OfCode(def saga.Definition) (*File, error) {
	form := codeForm{Unwind: Version1, Saga: def.Name, Code: def.Version, Title: def.Title, Owner: def.Owner}
	if def.Deadline > 0 {
		form.Deadline = def.Deadline.String()
	}
	for i := range def.Steps {
		form.Steps = append(form.Steps, useOf(&def.Steps[i]))
	}
	if def.Retention != saga.Standard {
		form.Retention = def.Retention.String()
	}
	file := &File{Definition: def, code: true}
	if len(def.Schema) > 0 {
		var err error
		if file.schema, err = compileSchema(def.Schema); err != nil {
			return nil, fmt.Errorf("definition %s: schema: not a JSON Schema: %w", def.Name, err)
		}
		form.Schema = def.Schema
	}
	canonical, err := json.Marshal(form)
	if err != nil {
		return nil, fmt.Errorf("encode definition %s: %w", def.Name, err)
	}
	sum := sha256.Sum256(canonical)
	file.Hash, file.Canonical = hex.EncodeToString(sum[:]), canonical
	return file, nil
}

// ReadCode reads what OfCode has written. ok is false for the form of a declared
// saga.
func ReadCode(canonical []byte) (file *File, ok bool) {
	var form codeForm
	decoder := json.NewDecoder(bytes.NewReader(canonical))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&form) != nil || form.Code == "" {
		return nil, false
	}
	def := saga.Definition{Name: form.Saga, Version: form.Code, Title: form.Title, Owner: form.Owner, Schema: form.Schema}
	def.Retention, _ = saga.ParseRetention(cmp.Or(form.Retention, saga.Standard.String()))
	if form.Deadline != "" {
		deadline, err := time.ParseDuration(form.Deadline)
		if err != nil {
			return nil, false
		}
		def.Deadline = deadline
	}
	for i := range form.Steps {
		def.Steps = append(def.Steps, form.Steps[i].step())
	}
	file, err := OfCode(def)
	return file, err == nil
}

// Fits holds a stored definition to contracts: what Load says of it with them, and of
// a saga that is code what its commands are. Participants without a contract are
// taken as they are. The error is saga.Faults, whose file is called as given.
func (f *File) Fits(called string, contracts ...Contract) error {
	if !f.code {
		_, err := Load(called, f.Canonical, Options{Contracts: contracts, Partial: true})
		return err
	}
	r := newReport(called)
	known := catalogue{binder: &binder{report: r}, contracts: contracts, partial: true}
	for i := range f.Definition.Steps {
		known.check(i, &f.Definition.Steps[i], nil)
	}
	return r.err()
}
