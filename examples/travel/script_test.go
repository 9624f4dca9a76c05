package travel

import (
	"testing"

	"github.com/unwindhq/unwind/sagatest"
)

// TestScripts plays the scenes of the .test.yaml files.
func TestScripts(t *testing.T) { sagatest.Scripts(t, Files(), "*.test.yaml") }
