package saga_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDocumentNamesEveryScenario holds docs/semantics.md to the scenarios and
// tests that there are: none is missing, and none of its names is empty talk.
func TestTheDocumentNamesEveryScenario(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/semantics.md")
	require.NoError(t, err)
	var scenarios, tests []string
	for _, name := range regexp.MustCompile("`([A-Za-z0-9-]+)`").FindAllStringSubmatch(string(text), -1) {
		switch {
		case strings.HasPrefix(name[1], "Test"):
			tests = append(tests, name[1])
		case strings.Contains(name[1], "-") || len(paths(t, name[1])) > 0:
			scenarios = append(scenarios, name[1])
		}
	}
	var all []string
	for _, path := range paths(t, "*") {
		all = append(all, strings.TrimSuffix(filepath.Base(path), ".txt"))
	}
	slices.Sort(scenarios)
	slices.Sort(all)
	require.Equal(t, all, slices.Compact(scenarios))
	code := testCode(t)
	for _, name := range tests {
		require.Contains(t, code, "func "+name+"(t ", "there is no such test")
	}
}

func paths(t *testing.T, name string) []string {
	t.Helper()
	found, err := filepath.Glob("testdata/" + name + ".txt")
	require.NoError(t, err)
	return found
}

// testCode is the text of every test of the module.
func testCode(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		b.Write(text)
		return err
	}))
	return b.String()
}
