package tidy

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// module is the path of the project's Go module.
const module = "github.com/unwindhq/unwind"

// fault is one broken rule: where it is, what is wrong, and the cure.
type fault struct {
	path string
	line int
	what string
}

func (f fault) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.what) }

// source is one parsed Go file; path is relative to the root, with slashes.
type source struct {
	path string
	text []byte
	fset *token.FileSet
	file *ast.File
}

func parseSource(name string, text []byte) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return source{path: name, text: text, fset: fset, file: file}, err
}

// dir is the file's folder, "." for the root.
func (s source) dir() string { return path.Dir(s.path) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) line(p token.Pos) int { return s.fset.Position(p).Line }

func (s source) faultf(p token.Pos, format string, args ...any) fault {
	return fault{path: s.path, line: s.line(p), what: fmt.Sprintf(format, args...)}
}

// tree is the project: every file that git tracks or would track, by its path.
type tree map[string][]byte

// readTree reads the project. Without git (a source archive) it takes all files
// outside folders whose name begins with a dot.
func readTree(root string) (tree, error) {
	names, err := trackedNames(root)
	if err != nil {
		names, err = walkedNames(root)
	}
	if err != nil {
		return nil, err
	}
	files := tree{}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, not yet committed
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		files[name] = text
	}
	return files, nil
}

func trackedNames(root string) ([]string, error) {
	out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return nil, fmt.Errorf("list tracked files: %w", err)
	}
	names := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	slices.Sort(names)
	return slices.Compact(names), nil
}

func walkedNames(root string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() {
			rel, _ := filepath.Rel(root, p)
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	return names, err
}

// sources parses the tree's Go files, without those in testdata.
func (f tree) sources() ([]source, error) {
	var sources []source
	for _, name := range f.names() {
		if !strings.HasSuffix(name, ".go") || strings.Contains("/"+name, "/testdata/") {
			continue
		}
		s, err := parseSource(name, f[name])
		if err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// names are the tree's paths, sorted.
func (f tree) names() []string {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// has says whether a file or folder of that name exists.
func (f tree) has(name string) bool {
	name = path.Clean(name)
	if _, ok := f[name]; ok || name == "." {
		return true
	}
	for file := range f {
		if strings.HasPrefix(file, name+"/") {
			return true
		}
	}
	return false
}

// lineOf is the line, from 1, on which offset lies.
func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }

// snippet parses a small source for a proof that a check fails.
func snippet(t *testing.T, name, text string) source {
	t.Helper()
	s, err := parseSource(name, []byte(text))
	require.NoError(t, err)
	return s
}

// requireFaults asserts that there is one fault for each of wants, in order,
// and that it contains that text.
func requireFaults(t *testing.T, got []fault, wants ...string) {
	t.Helper()
	require.Len(t, got, len(wants), "%v", got)
	for i, want := range wants {
		require.Contains(t, got[i].String(), want)
	}
}
