package sagatest

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/saga"
)

// Replayed runs histories again that node.Replay has recorded (its flag -record), or
// Played.Record, each as a test of its own, with the functions as they are now. A saga whose function would
// not do what it did fails, and says what differs: event 7 was do:chargeCard
// payments/charge, the code now wants do:reserveFlight airline/reserve. It fails t if a
// file cannot be read, or if the pattern (path.Match) chooses none. Keep a few recorded
// histories beside your code, of each version that has sagas.
func Replayed(t TB, files fs.FS, pattern string, code ...*saga.Code) {
	t.Helper()
	names, err := fs.Glob(files, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no recording is called %s: %v", pattern, err)
		return
	}
	for _, name := range names {
		replayed(t, files, name, code)
	}
}

func replayed(t TB, files fs.FS, name string, code recording.Codes) {
	t.Helper()
	file, err := files.Open(name)
	if err != nil {
		t.Fatalf("%s", err)
		return
	}
	defer func() { _ = file.Close() }() // it was only read
	for one, err := range recording.Read(file) {
		if err != nil {
			t.Fatalf("%s: %s", name, err)
			return
		}
		each(t, one.ID, func(t TB) {
			t.Helper()
			if d := code.Replay(one); d != nil {
				t.Errorf("%s", d)
			}
		})
	}
}

// each runs a part of a test as a test of its own, where there are any.
func each(t TB, name string, fn func(t TB)) {
	t.Helper()
	if parent, ok := t.(*testing.T); ok {
		parent.Run(name, func(t *testing.T) { fn(t) })
		return
	}
	fn(t)
}

// Record writes the played history as a line of a recording, as node.Replay does with
// those of a database: what Replayed runs again when the function has been changed.
func (p *Played) Record(w io.Writer) error {
	if err := json.NewEncoder(w).Encode(recording.Of("default", &p.State, p.History)); err != nil {
		return fmt.Errorf("record saga %s: %w", p.State.ID, err)
	}
	return nil
}
