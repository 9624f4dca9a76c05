package sagatest

import (
	"io/fs"
	"testing"

	"github.com/unwindhq/unwind/internal/recording"
	"github.com/unwindhq/unwind/saga"
)

// Replayed runs histories again that node.Replay has recorded (its flag -record), each
// as a test of its own, with the functions as they are now. A saga whose function would
// not do what it did fails, and says what differs: event 7 was do:chargeCard
// payments/charge, the code now wants do:reserveFlight airline/reserve. It fails t if a
// file cannot be read, or if the pattern (path.Match) chooses none. Keep a few recorded
// histories beside your code, of each version that has sagas.
func Replayed(t *testing.T, files fs.FS, pattern string, code ...*saga.Code) {
	t.Helper()
	names, err := fs.Glob(files, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no recording is called %s: %v", pattern, err)
	}
	for _, name := range names {
		replayed(t, files, name, code)
	}
}

func replayed(t *testing.T, files fs.FS, name string, code recording.Codes) {
	t.Helper()
	file, err := files.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	for one, err := range recording.Read(file) {
		if err != nil {
			t.Fatalf("%s: %s", name, err)
		}
		t.Run(one.ID, func(t *testing.T) {
			if d := code.Replay(one); d != nil {
				t.Error(d)
			}
		})
	}
}
