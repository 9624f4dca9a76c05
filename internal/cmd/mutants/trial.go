package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long a test may take, compiling apart. A mutant that makes its
// test hang is caught as well: without it all tests of the package together have
// ended within the same time.
const patience = 20 * time.Second

// buildTime is how long a test may take to compile.
const buildTime = 5 * time.Minute

// errSurvived says that the test passed although its mutant was there.
var errSurvived = errors.New("the test passed with the mutant: it proves nothing about this promise; make the test, not the mutant, stronger")

// check finds out whether every old text is in its file exactly once, and names
// all those that are not.
func check(root string, list []mutant) error {
	var faults []error
	for _, m := range list {
		if _, err := m.mutate(root); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// mutate returns the file's content with the mutant in it.
func (m mutant) mutate(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return "", fmt.Errorf("mutant %s: %w; name the file that has its code now in internal/cmd/mutants/table.go", m.name, err)
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", fmt.Errorf("mutant %s: %s has %d times %q, want once; write in internal/cmd/mutants/table.go how the code says it now",
			m.name, m.file, n, m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// sound runs each test without a mutant, those of one package together: a test
// that fails by itself catches everything.
func sound(ctx context.Context, list []mutant) error {
	tests := map[string][]string{}
	var order []string
	for _, m := range list {
		if tests[m.pkg] == nil {
			order = append(order, m.pkg)
		}
		tests[m.pkg] = append(tests[m.pkg], m.test)
	}
	for _, pkg := range order {
		pattern := "^(" + strings.Join(tests[pkg], "|") + ")$"
		out, err := goTest(ctx, buildTime, pkg, "-run", pattern, "-timeout", patience.String(), "-v")
		if err != nil {
			return fmt.Errorf("%s fails without any mutant: %w\n%s", pkg, err, out)
		}
		for _, test := range tests[pkg] {
			if !strings.Contains(out, "--- PASS: "+test+" ") {
				return fmt.Errorf("%s did not run in %s (is it there, does it skip?)\n%s", test, pkg, out)
			}
		}
	}
	return nil
}

// try returns nil if the mutant's test failed: not its compilation, which comes
// first.
func try(ctx context.Context, m mutant) error {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return fmt.Errorf("make a folder for the mutant: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := m.overlay(dir)
	if err != nil {
		return err
	}
	binary := filepath.Join(dir, "mutant.test")
	if out, err := goTest(ctx, buildTime, m.pkg, "-overlay", overlay, "-c", "-o", binary); err != nil {
		return fmt.Errorf("does not compile: %w\n%s", err, out)
	}
	pkg := filepath.FromSlash(strings.TrimPrefix(m.pkg, "./"))
	out, err := command(ctx, 2*patience, pkg, binary, "-test.run", "^"+m.test+"$", "-test.timeout", patience.String(), "-test.failfast")
	switch {
	case err == nil:
		return errSurvived
	case ctx.Err() != nil:
		return ctx.Err()
	case !failed(out, m.test):
		return fmt.Errorf("ended without a failure of %s: %w\n%s", m.test, err, out)
	}
	return nil
}

// failed reports whether what a test binary has printed says that test failed, or
// that the program panicked or ran out of time with it.
func failed(out, test string) bool {
	return strings.Contains(out, "--- FAIL: "+test) || strings.Contains(out, "panic: ")
}

// overlay writes the mutated file and the overlay that puts it into the place of
// the original one, and returns the overlay's name.
func (m mutant) overlay(dir string) (string, error) {
	text, err := m.mutate(".")
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(filepath.FromSlash(m.file))
	if err != nil {
		return "", fmt.Errorf("find %s: %w", m.file, err)
	}
	mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	content, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	return overlay, errors.Join(os.WriteFile(mutated, []byte(text), 0o600), os.WriteFile(overlay, content, 0o600))
}

// goTest runs go test for a package.
func goTest(ctx context.Context, limit time.Duration, pkg string, args ...string) (string, error) {
	return command(ctx, limit, ".", "go", append(append([]string{"test", "-count=1"}, args...), pkg)...)
}

// command runs a program in dir and returns what it printed.
func command(ctx context.Context, limit time.Duration, dir, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.WaitDelay = dir, time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}
