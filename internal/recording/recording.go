// Package recording keeps histories of sagas so that they can be run again elsewhere,
// one JSON object a line, and runs the histories of sagas that are code again to find
// what a change of the code would do to them.
package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/unwindhq/unwind/saga"
)

// Saga is a saga as it was when its history was read.
type Saga struct {
	ID         string       `json:"saga"`            // ID is the saga's.
	Namespace  string       `json:"namespace"`       // Namespace is its tenant.
	Definition string       `json:"definition"`      // Definition is its definition's name.
	Version    string       `json:"version"`         // Version is what it is pinned to.
	Ended      bool         `json:"ended,omitempty"` // Ended: it goes on no more.
	State      []byte       `json:"state"`           // State is what its history leads to, as it is stored.
	History    saga.History `json:"history"`         // History are its events up to that state.
}

// Of returns the recording of a state and the history that has led to it.
func Of(namespace string, s *saga.State, history saga.History) Saga {
	return Saga{
		ID: s.ID.String(), Namespace: namespace, Definition: s.Definition, Version: s.Version, Ended: s.Status.Ended(),
		State: saga.AppendState(nil, s), History: history,
	}
}

// maxLine is the longest line that Read takes, in bytes.
const maxLine = 256 << 20

// Read reads a recording, saga by saga. After an error it ends.
func Read(r io.Reader) iter.Seq2[Saga, error] {
	return func(yield func(Saga, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		for n := 1; lines.Scan(); n++ {
			var s Saga
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				yield(s, fmt.Errorf("line %d of the recording: %w", n, err))
				return
			}
			if !yield(s, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Saga{}, fmt.Errorf("read the recording: %w", err))
		}
	}
}

// Difference is what a function would not do as it did.
type Difference struct {
	Saga       string `json:"saga"`       // Saga is the saga's id.
	Definition string `json:"definition"` // Definition is its definition's name.
	Version    string `json:"version"`    // Version is what it is pinned to.
	Text       string `json:"text"`       // Text says what differs: event 7 was do:chargeCard payments/charge, the code now wants …
}

// String says it in one line.
func (d Difference) String() string {
	return fmt.Sprintf("saga %s, %s %s: %s", d.Saga, d.Definition, d.Version, d.Text)
}

// Report is what a program says of the sagas of its functions: the last line of what
// node.ReplayMain prints with -json, and what unwind def replay reads.
type Report struct {
	Definitions []string     `json:"definitions"`     // Definitions are the names of the functions whose sagas were run again.
	Sagas       int          `json:"sagas"`           // Sagas is how many that were.
	Events      int          `json:"events"`          // Events is how many events they have.
	Differences int          `json:"differences"`     // Differences is how many of them are not what they were.
	Found       []Difference `json:"found,omitempty"` // Found says what differs.
}

// Codes are the functions of a program.
type Codes []*saga.Code

// limit is how long one history may take. A function that waits for nothing would
// take for ever; 50,000 events take a fifth of a second.
const limit = 30 * time.Second

// Replay runs a saga's history again. It returns nil if the function does what it did.
func (c Codes) Replay(s Saga) *Difference {
	differs := &Difference{Saga: s.ID, Definition: s.Definition, Version: s.Version}
	code := c.find(s.Definition, s.Version)
	switch {
	case code == nil && s.Ended:
		return nil
	case code == nil:
		differs.Text = "it goes on, and this program has no function of that version: keep it until none is left"
		return differs
	}
	ended := make(chan error, 1)
	go func() { ended <- replay(code, s) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err == nil {
			return nil
		}
		differs.Text = told(err, s.ID)
	case <-timer.C:
		differs.Text = fmt.Sprintf("the code has run for %s without waiting for anything", limit)
	}
	return differs
}

// told says what differs without what the reader knows already.
func told(err error, id string) string {
	text := strings.TrimPrefix(strings.Replace(err.Error(), " of saga "+id, "", 1), "replay ")
	where, what, changed := strings.Cut(text, saga.ErrCodeChanged.Error()+": ")
	switch {
	case !changed:
		return text
	case strings.HasPrefix(what, "event ") || strings.HasPrefix(what, "with event "):
		return what
	}
	return where + what
}

// find returns the function of a version, nil if there is none.
func (c Codes) find(name, version string) *saga.Code {
	for _, code := range c {
		if def := code.Definition(); def.Name == name && def.Version == version {
			return code
		}
	}
	return nil
}

// errState says that the steps are what they were, and yet the state is another.
var errState = errors.New("the history leads to another state than it did: what is undone after what has changed")

func replay(code *saga.Code, s Saga) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	id, err := saga.ParseID(s.ID)
	if err != nil {
		return err
	}
	state, err := code.Replay(id, s.History)
	if err == nil && !bytes.Equal(saga.AppendState(nil, &state), s.State) {
		err = errState
	}
	return err
}
