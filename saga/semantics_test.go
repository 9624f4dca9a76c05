package saga_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// TestEveryPitfallIsAnswered: the table of traps has each number once, with an answer and
// with what shows it, and the scenarios that carry a number stand in its row.
func TestEveryPitfallIsAnswered(t *testing.T) {
	t.Parallel()
	const pitfalls = 35
	text, err := os.ReadFile("../docs/semantics.md")
	require.NoError(t, err)
	rows := map[int]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9]+) \| [^|]+ \| [^|]{20,} \| ([^|]+) \|$`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(row[1])
		require.NoError(t, err)
		require.NotContains(t, rows, n, "twice")
		require.Regexp(t, "`[A-Za-z0-9-]+`", row[2], "pitfall %d is shown by nothing", n)
		rows[n] = row[2]
	}
	require.Len(t, rows, pitfalls)
	for n := 1; n <= pitfalls; n++ {
		require.Contains(t, rows, n)
		for _, other := range regexp.MustCompile("`pitfall([0-9]{2})-").FindAllStringSubmatch(rows[n], -1) {
			require.Equal(t, fmt.Sprintf("%02d", n), other[1], "a scenario of another number")
		}
		if prefix := fmt.Sprintf("pitfall%02d-", n); len(paths(t, prefix+"*")) > 0 {
			require.Contains(t, rows[n], "`"+prefix, "its scenarios are not named")
		}
	}
}
