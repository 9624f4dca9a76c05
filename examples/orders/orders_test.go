package orders

import (
	"os"
	"testing"

	"github.com/unwindhq/unwind/sagatest"
)

func TestScenes(t *testing.T) { sagatest.Scripts(t, os.DirFS("."), "*.test.yaml") }
