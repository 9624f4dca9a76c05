package definition

import (
	"bytes"
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
	Unwind   string `json:"unwind"`
	Saga     string `json:"saga"`
	Code     string `json:"code"` // its version: the function is in the programs that have it
	Title    string `json:"title,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Deadline string `json:"deadline,omitempty"`
}

// OfCode returns the File of a saga that is code. Any JSON is an input of it: its
// function judges.
func OfCode(def saga.Definition) (*File, error) {
	form := codeForm{Unwind: Version1, Saga: def.Name, Code: def.Version, Title: def.Title, Owner: def.Owner}
	if def.Deadline > 0 {
		form.Deadline = def.Deadline.String()
	}
	canonical, err := json.Marshal(form)
	if err != nil {
		return nil, fmt.Errorf("encode definition %s: %w", def.Name, err)
	}
	sum := sha256.Sum256(canonical)
	return &File{Definition: def, Hash: hex.EncodeToString(sum[:]), Canonical: canonical, code: true}, nil
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
	def := saga.Definition{Name: form.Saga, Version: form.Code, Title: form.Title, Owner: form.Owner}
	if form.Deadline != "" {
		deadline, err := time.ParseDuration(form.Deadline)
		if err != nil {
			return nil, false
		}
		def.Deadline = deadline
	}
	file, err := OfCode(def)
	return file, err == nil
}
