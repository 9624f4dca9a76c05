package saga

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ID identifies one saga: a UUIDv7 (RFC 9562) whose time part comes from the
// database's clock. Its text form, lower case with hyphens, is the key of every
// message of the saga.
type ID [16]byte

// String returns the canonical 36 characters.
func (id ID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// MarshalText implements encoding.TextMarshaler with the canonical text, so that
// logs and JSON show an id as people know it.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; see ParseID.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// IsZero reports whether id is unset.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID reads the canonical text form and nothing else: another spelling of
// the same bytes would hash to another bucket.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, fmt.Errorf("saga id %.50q: want 36 characters like 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", text)
	}
	compact := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if strings.ToLower(compact) != compact {
		return id, fmt.Errorf("saga id %q: want lower-case hexadecimal", text)
	}
	if _, err := hex.Decode(id[:], []byte(compact)); err != nil {
		return id, fmt.Errorf("saga id %q: want hexadecimal digits", text)
	}
	return id, nil
}

// Direction says which way a command goes.
type Direction uint8

// The two directions of a command.
const (
	Do   Direction = 1 // Do carries the step out.
	Undo Direction = 2 // Undo compensates it.
)

// String returns "do" or "undo", the words on the wire.
func (d Direction) String() string {
	switch d {
	case Do:
		return "do"
	case Undo:
		return "undo"
	}
	return "none"
}

// ParseDirection is the inverse of Direction.String.
func ParseDirection(text string) (Direction, error) {
	switch text {
	case "do":
		return Do, nil
	case "undo":
		return Undo, nil
	}
	return 0, fmt.Errorf("direction %.20q: want do or undo", text)
}

// StepRef names one run of a step: the step, the item of its forEach and the
// visit. Text form: ship, ship[3], ship[3]#2.
type StepRef struct {
	Name  string // Name is the step's name in the definition.
	Item  int    // Item is 0 for the step itself, n for item n-1 of a forEach.
	Visit int    // Visit is 0 for the first time the saga reaches the step, n for the n+1st.
}

// String returns step[index]#visit, the parts at their zero left out.
func (r StepRef) String() string {
	text := r.Name
	if r.Item > 0 {
		text += "[" + strconv.Itoa(r.Item-1) + "]"
	}
	if r.Visit > 0 {
		text += "#" + strconv.Itoa(r.Visit+1)
	}
	return text
}

var errStepRef = errors.New("want a step like ship, ship[3] or ship[3]#2")

// ParseStepRef is the inverse of StepRef.String. It accepts only the canonical
// form.
func ParseStepRef(text string) (StepRef, error) {
	ref := StepRef{Name: text}
	if name, visit, ok := strings.Cut(text, "#"); ok {
		n, err := strconv.Atoi(visit)
		if err != nil {
			return StepRef{}, fmt.Errorf("step %.80q: %w", text, errStepRef)
		}
		ref.Name, ref.Visit = name, n-1
	}
	if name, item, ok := strings.Cut(ref.Name, "["); ok {
		n, err := strconv.Atoi(strings.TrimSuffix(item, "]"))
		if err != nil {
			return StepRef{}, fmt.Errorf("step %.80q: %w", text, errStepRef)
		}
		ref.Name, ref.Item = name, n+1
	}
	if !IsName(ref.Name) || ref.String() != text {
		return StepRef{}, fmt.Errorf("step %.80q: %w", text, errStepRef)
	}
	return ref, nil
}

// IsName reports whether text may name a saga, step, participant or command:
// [a-z][A-Za-z0-9]*, at most 64 characters, so that CEL and Kafka can read it.
func IsName(text string) bool {
	if text == "" || len(text) > MaxName || text[0] < 'a' || text[0] > 'z' {
		return false
	}
	for i := 1; i < len(text); i++ {
		c := text[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// MaxName is the longest name, in bytes.
const MaxName = 64

// CommandID is the idempotency key of a command, end to end: every attempt of a
// command carries the same one, and participants treat its text as opaque.
type CommandID struct {
	Saga      ID        // Saga is the saga that sent the command.
	Step      StepRef   // Step is the run of the step.
	Direction Direction // Direction is do or undo.
}

// String returns saga / step[index]#visit / do|undo, without spaces.
func (c CommandID) String() string {
	return c.Saga.String() + "/" + c.Step.String() + "/" + c.Direction.String()
}

// ParseCommandID is the inverse of CommandID.String.
func ParseCommandID(text string) (CommandID, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return CommandID{}, fmt.Errorf("command id %.150q: want saga/step/do or saga/step/undo", text)
	}
	var id CommandID
	var errs [3]error
	id.Saga, errs[0] = ParseID(parts[0])
	id.Step, errs[1] = ParseStepRef(parts[1])
	id.Direction, errs[2] = ParseDirection(parts[2])
	if err := errors.Join(errs[:]...); err != nil {
		return CommandID{}, fmt.Errorf("command id %.150q: %w", text, err)
	}
	return id, nil
}
