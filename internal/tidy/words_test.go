package tidy

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// words have no meaning of their own here, or another project's; the value is
// what to write instead.
var words = map[string]string{
	"workflow": "saga or definition", "task": "step", "job": "step", "manager": "the noun it keeps", "processor": "the noun it makes",
	"util": "the noun it serves", "utils": "the noun it serves", "rollback": "compensation or undo", "park": "held or attention",
}

// foreign are methods whose name another library's interface prescribes.
var foreign = []string{"Rollback"}

var (
	afterAcronym = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
	camel        = regexp.MustCompile(`[A-Z]*[a-z0-9]+|[A-Z]+`)
)

// checkWords finds avoided words in declared names and file names. Uses of
// other packages' names (tx.Rollback) are free.
func checkWords(s source) []fault {
	var faults []fault
	for _, name := range declaredNames(s.file) {
		if word := avoided(name.Name); word != "" {
			faults = append(faults, s.faultf(name.Pos(), "name %s: avoid %q, write %s", name.Name, word, words[word]))
		}
	}
	if word := avoided(strings.TrimSuffix(path.Base(s.path), ".go")); word != "" {
		faults = append(faults, s.faultf(s.file.Package, "file name: avoid %q, write %s", word, words[word]))
	}
	return faults
}

// avoided is the first avoided word in a camel-case name, or its plural.
func avoided(name string) string {
	for _, word := range camel.FindAllString(afterAcronym.ReplaceAllString(name, "${1}_$2"), -1) {
		word = strings.ToLower(word)
		if _, ok := words[word]; ok {
			return word
		}
		if one := strings.TrimSuffix(word, "s"); words[one] != "" {
			return one
		}
	}
	return ""
}

// declaredNames are the names that the file itself gives.
func declaredNames(file *ast.File) []*ast.Ident {
	names := []*ast.Ident{file.Name}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil || !slices.Contains(foreign, n.Name.Name) {
				names = append(names, n.Name)
			}
		case *ast.TypeSpec:
			names = append(names, n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			names = append(names, newNames(n.Tok.String(), n.Lhs...)...)
		case *ast.RangeStmt:
			names = append(names, newNames(n.Tok.String(), n.Key, n.Value)...)
		}
		return true
	})
	return names
}

func newNames(tok string, exprs ...ast.Expr) []*ast.Ident {
	var names []*ast.Ident
	for _, e := range exprs {
		if id, ok := e.(*ast.Ident); ok && tok == ":=" {
			names = append(names, id)
		}
	}
	return names
}

func TestWordsFail(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"type JobQueue int", "func runTask() {}", "var workflows = 1", "const a, parkSaga = 1, 2", "type a struct { LockManager int }",
		"type a interface { Rollback() }", "func f(task int) {}", "func f() { job := 1 }", "func f() { for _, task := range a {} }", "func HTTPUtil() {}",
	} {
		requireFaults(t, checkWords(snippet(t, "x/x.go", "package x\n"+text)), "x/x.go:2: name ")
	}
	requireFaults(t, checkWords(snippet(t, "util/x.go", "package util\n")), "name util: avoid")
	requireFaults(t, checkWords(snippet(t, "x/job_store.go", "package x\n")), `file name: avoid "job"`)
}

func TestWordsPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"func f() { tx.Rollback(ctx) }", "func (t fake) Rollback(ctx int) {}", "var spark, multitasking, parkingLot int",
		"func f() { a.task = 1 }", "import \"x/util\"",
	} {
		require.Empty(t, checkWords(snippet(t, "x/x.go", "package x\n"+text)), text)
	}
}
