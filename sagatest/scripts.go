package sagatest

import (
	"io/fs"

	"github.com/unwindhq/unwind/sagatest/script"
)

// Scripts plays the scripts that a pattern chooses (path.Match), each scene as a test of
// its own. It fails t if a file has faults, or if the pattern chooses none. See package
// script for what a script says; the files that it names are looked for in files, too.
func Scripts(t TB, files fs.FS, pattern string) {
	t.Helper()
	names, err := fs.Glob(files, pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no script is called %s: %v", pattern, err)
		return
	}
	for _, name := range names {
		results, err := script.Play(files, name, nil)
		if err != nil {
			t.Errorf("%s cannot be played:\n%s", name, err)
		}
		for _, r := range results {
			each(t, r.Scene, func(t TB) {
				t.Helper()
				if r.Failed() {
					t.Errorf("%s", r)
				}
			})
		}
	}
}
