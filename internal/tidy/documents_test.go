package tidy

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	mdLink   = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	codeSpan = regexp.MustCompile("`([^`]+)`")
	plain    = regexp.MustCompile(`^\.?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_.-]+)*/?$`)
	fence    = regexp.MustCompile("^\\s*```")
	heading  = regexp.MustCompile(`^#+ `)
	fileMap  = regexp.MustCompile(`(?i)^#+ .*file map`)
)

// checkLinks finds documents that point to files that do not exist: relative
// links, and code spans that are paths below one of our top-level entries.
func checkLinks(files tree) []fault {
	var faults []fault
	for _, name := range files.names() {
		if path.Ext(name) != ".md" {
			continue
		}
		for i, line := range outsideFences(string(files[name])) {
			for _, target := range brokenTargets(files, path.Dir(name), line) {
				faults = append(faults, fault{name, i + 1, "points to " + target + ", which does not exist: correct the path, or add the file"})
			}
		}
	}
	return faults
}

func brokenTargets(files tree, dir, line string) []string {
	var broken []string
	for _, m := range mdLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, "x"), -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if target == "" || strings.Contains(target, ":") {
			continue
		}
		if !files.has(path.Join(dir, target)) {
			broken = append(broken, target)
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
		span := strings.TrimSuffix(strings.TrimPrefix(m[1], "./"), "/...")
		top, _, isPath := strings.Cut(span, "/")
		if isPath && plain.MatchString(span) && files.has(top) && !files.has(span) {
			broken = append(broken, m[1])
		}
	}
	return broken
}

// checkMap holds ARCHITECTURE.md's file map (the section whose heading says
// so) to the tree: each path in it, written from the root, exists, and each
// top-level folder is in it.
func checkMap(files tree) []fault {
	const name = "ARCHITECTURE.md"
	text, ok := files[name]
	if !ok {
		return nil
	}
	named, start, in := map[string]int{}, 0, false
	for i, line := range strings.Split(string(text), "\n") {
		if heading.MatchString(line) {
			in = fileMap.MatchString(line)
			start = max(start, btoi(in)*(i+1))
		} else if in {
			for _, p := range mappedPaths(line) {
				named[strings.TrimSuffix(p, "/")] = i + 1
			}
		}
	}
	if start == 0 {
		return []fault{{name, 1, "has no section \"File map\": say in one table what lies where"}}
	}
	return append(missingPaths(files, name, named), unmapped(files, fault{path: name, line: start}, named)...)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mappedPaths are a line's code spans that are paths, or, in a fence without
// code spans, its first word if that is one.
func mappedPaths(line string) []string {
	var paths []string
	for _, m := range codeSpan.FindAllStringSubmatch(line, -1) {
		if plain.MatchString(m[1]) && strings.ContainsAny(m[1], "/") {
			paths = append(paths, m[1])
		}
	}
	words := strings.Fields(strings.TrimLeft(line, "│├└─ "))
	if len(words) > 0 && plain.MatchString(words[0]) && strings.Contains(words[0], "/") {
		paths = append(paths, words[0])
	}
	return paths
}

func missingPaths(files tree, name string, named map[string]int) []fault {
	var faults []fault
	for p, line := range named {
		if !files.has(p) {
			faults = append(faults, fault{name, line, "maps " + p + ", which does not exist: paths are written from the root"})
		}
	}
	slices.SortFunc(faults, func(a, b fault) int { return a.line - b.line })
	return faults
}

// unmapped finds top-level folders that the map does not name.
func unmapped(files tree, at fault, named map[string]int) []fault {
	tops := map[string]bool{}
	for p := range named {
		tops[strings.SplitN(p, "/", 2)[0]] = true
	}
	var faults []fault
	for _, name := range files.names() {
		top, _, inFolder := strings.Cut(name, "/")
		if inFolder && !strings.HasPrefix(top, ".") && !tops[top] {
			tops[top] = true
			faults = append(faults, fault{at.path, at.line, "the file map does not name " + top + "/: add its line"})
		}
	}
	return faults
}

// outsideFences are the text's lines, with those inside code fences emptied.
func outsideFences(text string) []string {
	lines, inside := strings.Split(text, "\n"), false
	for i, line := range lines {
		edge := fence.MatchString(line)
		if edge {
			inside = !inside
		}
		if edge || inside {
			lines[i] = ""
		}
	}
	return lines
}

func TestLinksFail(t *testing.T) {
	t.Parallel()
	files := tree{"docs/a.md": nil, "saga/state.go": nil}
	files["docs/a.md"] = []byte("[x](b.md) and [y](../saga/state.go#L3), [z](#here), [w](https://example.org/q)\n`saga/gone.go`, `./saga/...`, `saga/`, `payments/charge`, `GET /v1`\n```\n`saga/fenced.go`\n```\n")
	requireFaults(t, checkLinks(files), "docs/a.md:1: points to b.md", "docs/a.md:2: points to saga/gone.go")
}

func TestMapFails(t *testing.T) {
	t.Parallel()
	files := tree{"saga/state.go": nil, "kafka/reader.go": nil, ".ci/run": nil, "ARCHITECTURE.md": []byte("# Picture\n\n## File map\n| `saga/` | core |\n| `saga/gone/` | x |\n\n## After\n`nothing/`\n")}
	requireFaults(t, checkMap(files), "ARCHITECTURE.md:5: maps saga/gone", "ARCHITECTURE.md:3: the file map does not name kafka/")
	files["ARCHITECTURE.md"] = []byte("## File map\n```\nsaga/   core\n  kafka/reader.go   reads\n```\n")
	require.Empty(t, checkMap(files))
	files["ARCHITECTURE.md"] = []byte("# Picture\n")
	requireFaults(t, checkMap(files), `no section "File map"`)
	require.Empty(t, checkMap(tree{}))
}
