package vet

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

// TestRefuses wants a finding, with its cure, on each line that says so, and no other.
func TestRefuses(t *testing.T) {
	t.Parallel()
	analysistest.Run(t, analysistest.TestData(), Analyzer, "refuses")
}

// TestAllows wants no finding.
func TestAllows(t *testing.T) {
	t.Parallel()
	analysistest.Run(t, analysistest.TestData(), Analyzer, "allows")
}
