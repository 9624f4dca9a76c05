package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/document"
)

var update = flag.Bool("update", false, "write the document's table anew")

const root = "../../.."

// A refactoring that moves what a mutant changes is told so at once.
func TestEveryMutantFindsItsCode(t *testing.T) {
	t.Parallel()
	require.NoError(t, check(root, mutants))
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mutants {
		require.False(t, seen[m.name], m.name)
		require.NotEqual(t, m.old, m.new, m.name)
		seen[m.name] = true
	}
}

func TestEveryNamedTestIsThere(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(m.pkg), "*_test.go"))
		require.NoError(t, err)
		var all strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			all.Write(text)
		}
		require.Contains(t, all.String(), "func "+m.test+"(", "%s: no such test in %s", m.name, m.pkg)
	}
}

func TestFaultsOfTheTableAreReportedTogether(t *testing.T) {
	t.Parallel()
	err := check(root, []mutant{
		{name: "moved", file: "saga/nowhere.go", old: "x"},
		{name: "rewritten", file: "saga/decide.go", old: "no such text"},
		{name: "twice", file: "saga/decide.go", old: "return"},
	})
	require.ErrorContains(t, err, "mutant moved")
	require.ErrorContains(t, err, `mutant rewritten: saga/decide.go has 0 times "no such text", want once`)
	require.ErrorContains(t, err, "mutant twice")
	_, err = choose([]string{"unheard-of"})
	require.ErrorContains(t, err, `there is no mutant "unheard-of"`)
}

// A mutant that is harmless survives; one that does not compile is not caught.
func TestOnlyAFailingTestCatches(t *testing.T) {
	t.Chdir(root)
	m := mutant{
		name: "harmless", file: "compensation/order.go", old: "package compensation", new: "package compensation // harmless",
		pkg: "./saga", test: "TestWords",
	}
	require.ErrorIs(t, try(t.Context(), m), errSurvived)
	m.new = "package compensation\n\nvar _ int = nonsense"
	err := try(t.Context(), m)
	require.ErrorContains(t, err, "does not compile")
	require.Equal(t, exitTrouble, result{err: err}.code())
}

// TestTheDocumentListsEveryMutant holds the table of docs/reliability.md to the
// program's; go test ./internal/cmd/mutants -run TheDocument -update writes it
// anew.
func TestTheDocumentListsEveryMutant(t *testing.T) {
	t.Parallel()
	document.Table(t, filepath.Join(root, "docs", "reliability.md"), "mutants", mutantTable(), *update)
}

func mutantTable() string {
	var b strings.Builder
	b.WriteString("| | mutant | what it does | where | caught by |\n|---|---|---|---|---|\n")
	for _, m := range mutants {
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` | `%s` %s |\n", m.invariant, m.name, m.fault, m.file, strings.TrimPrefix(m.pkg, "./"), m.test)
	}
	return b.String()
}
