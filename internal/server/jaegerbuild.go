package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// JaegerVersion is the Jaeger release that StartJaeger builds and runs.
const JaegerVersion = "1.76.0"

const (
	jaegerModule = "github.com/jaegertracing/jaeger"
	// jaegerSum is the module's checksum, as go.sum would hold it.
	jaegerSum = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g="
)

// ErrNoGo says that Jaeger is not built yet and nothing can build it.
var ErrNoGo = errors.New("go is needed once, to build Jaeger " + JaegerVersion)

// BuildJaeger builds Jaeger into dir unless it is there, so that StartJaeger is
// quick; an empty dir is StartJaeger's default. It takes some minutes.
func BuildJaeger(ctx context.Context, dir string, progress io.Writer) error {
	_, err := ensureJaeger(ctx, jaegerDir(dir), progress)
	return err
}

func jaegerDir(dir string) string {
	if dir == "" {
		return CacheDir("jaeger-" + JaegerVersion)
	}
	return dir
}

// ensureJaeger builds Jaeger into dir unless it is there and returns the binary.
// Other processes that want the same wait for it.
func ensureJaeger(ctx context.Context, dir string, progress io.Writer) (string, error) {
	binary := program(dir, "jaeger")
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	lock, err := WaitLock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil // the one we waited for has done it
	}
	what := "building Jaeger " + JaegerVersion + " into " + dir + " (once, some minutes)"
	if err := Progress(progress, what, ProgressInterval, func() error { return buildJaeger(ctx, binary) }); err != nil {
		return "", fmt.Errorf("build Jaeger %s: %w", JaegerVersion, err)
	}
	return binary, nil
}

// buildJaeger builds the module from a copy: the module cache is not to be
// written to, and a main package of another module cannot be built with its own
// versions from here.
func buildJaeger(ctx context.Context, binary string) error {
	source, err := os.MkdirTemp("", "unwind-jaeger-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(source) }() // what is left lies in the temporary folder
	module, err := downloadJaeger(ctx)
	if err != nil {
		return err
	}
	root := filepath.Join(source, "jaeger")
	if err := os.CopyFS(root, os.DirFS(module)); err != nil {
		return fmt.Errorf("copy the module: %w", err)
	}
	fresh := binary + ".new" // renamed when complete
	if _, err := goTool(ctx, root, "build", "-trimpath", "-ldflags", "-s -w", "-o", fresh, "./cmd/all-in-one"); err != nil {
		return err
	}
	return os.Rename(fresh, binary)
}

// downloadJaeger returns the folder of the module, whose bytes are those that
// jaegerSum was written down for.
func downloadJaeger(ctx context.Context) (string, error) {
	out, err := goTool(ctx, os.TempDir(), "mod", "download", "-json", jaegerModule+"@v"+JaegerVersion)
	if err != nil {
		return "", err
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(out, &module); err != nil {
		return "", fmt.Errorf("read what go mod download says: %w", err)
	}
	if module.Sum != jaegerSum {
		return "", fmt.Errorf("the module's checksum is %s, not %s: do not trust it", module.Sum, jaegerSum)
	}
	return module.Dir, nil
}

// goTool runs the go command, untouched by the workspace and flags of whoever
// calls, and returns its output.
func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, ErrNoGo
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	var out, faults bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &faults
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, strings.TrimSpace(faults.String()))
	}
	return out.Bytes(), nil
}
