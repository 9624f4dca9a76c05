package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/unwindhq/unwind/internal/testserver"
)

// The programs under test, built once by TestMain.
var unwindBinary, participantBinary, checkerBinary, codeBinary string

// -unwind tests a given binary, such as a release's.
var given = flag.String("unwind", "", "the unwind binary to test; built from this tree if empty")

// buildTime bounds the build of the programs.
const buildTime = 5 * time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// Sagas wait more than they compute, so tests run side by side; but each world has
	// its processes, and with too many of them on two cores timeouts mean nothing.
	_ = flag.Set("test.parallel", "8") // it exists
	dir, err := os.MkdirTemp("", "unwind-e2e-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = build(dir)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return testserver.Main(m)
}

func build(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	unwindBinary, participantBinary = filepath.Join(dir, "unwind"), filepath.Join(dir, "participant")
	checkerBinary, codeBinary = filepath.Join(dir, "checker"), filepath.Join(dir, "codenode")
	programs := map[string]string{unwindBinary: "../cmd/unwind", participantBinary: "./participant", checkerBinary: "./checker", codeBinary: "./codenode"}
	if *given != "" {
		delete(programs, unwindBinary)
		unwindBinary = *given
	}
	for binary, pkg := range programs {
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}
