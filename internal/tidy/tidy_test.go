package tidy

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The rules, by what they look at.
var (
	sourceRules = map[string]func(source) []fault{
		"sizes":      checkSizes,
		"format":     checkFormat,
		"comments":   checkComments,
		"libraries":  checkLibraries,
		"core":       checkCore,
		"layers":     checkLayers,
		"banned":     checkBanned,
		"words":      checkWords,
		"parameters": checkParameters,
	}
	treeRules = map[string]func(tree) []fault{
		"packages": checkPackageDocs,
		"text":     checkText,
		"weight":   checkWeight,
		"links":    checkLinks,
		"map":      checkMap,
	}
)

// TestTree holds the whole project to the rules.
func TestTree(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	files, err := readTree(root)
	require.NoError(t, err)
	require.Contains(t, files, "go.mod", "the tree's root")
	sources, err := files.sources()
	require.NoError(t, err)
	require.NotEmpty(t, sources)

	for name, check := range sourceRules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range sources {
				report(t, check(s))
			}
		})
	}
	for name, check := range treeRules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report(t, check(files))
		})
	}
}

func report(t *testing.T, faults []fault) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}
