package tidy

import (
	"go/ast"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The core decides; it has no clock, no randomness, no goroutines and no I/O.
var (
	core        = []string{"saga", "saga/code", "compensation"}
	coreImports = []string{module + "/internal/record", module + "/internal/bucket", module + "/compensation", module + "/saga"} // compensation itself is a leaf: see layers
	coreBanned  = []string{"context", "crypto/rand", "database", "io/fs", "log", "math/rand", "net", "os", "path/filepath", "reflect", "runtime", "sync", "syscall", "unsafe"}
	coreExcept  = map[string][]string{ // its Context is a context.Context, which any goroutine may ask; where it has panicked; which types are no JSON
		"saga/code": {"context", "sync/atomic", "runtime", "reflect"},
	}
	clockReaders = []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
)

// checkCore finds what makes the core's answers depend on anything but its
// arguments.
func checkCore(s source) []fault {
	if s.isTest() || !slices.Contains(core, s.dir()) {
		return nil
	}
	var faults []fault
	for _, imp := range s.file.Imports {
		if p := importPath(imp); bannedInCore(p) && !slices.Contains(coreExcept[s.dir()], p) {
			faults = append(faults, s.faultf(imp.Pos(), "the core must not import %s: it takes values and gives values; do this in the caller", p))
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			faults = append(faults, s.faultf(g.Pos(), "go statement in the core: its answers must not depend on scheduling"))
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && isName(sel.X, "time") && slices.Contains(clockReaders, sel.Sel.Name) {
			faults = append(faults, s.faultf(sel.Pos(), "time.%s in the core: time arrives inside events", sel.Sel.Name))
		}
		return true
	})
	return faults
}

func bannedInCore(p string) bool {
	if slices.Contains(coreImports, p) {
		return false
	}
	outside := strings.Contains(strings.SplitN(p, "/", 2)[0], ".")
	if outside {
		return true
	}
	return slices.ContainsFunc(coreBanned, func(root string) bool { return below(p, root) })
}

// checkBanned finds init functions, and sleeps in tests.
func checkBanned(s source) []fault {
	var faults []fault
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			faults = append(faults, s.faultf(f.Pos(), "init function: build the value in a constructor, or in its var declaration"))
		}
	}
	if !s.isTest() {
		return faults
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && isName(sel.X, "time") && sel.Sel.Name == "Sleep" {
			faults = append(faults, s.faultf(sel.Pos(), "time.Sleep in a test: wait for the condition with a deadline (require.Eventually), or use testing/synctest"))
		}
		return true
	})
	return faults
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func TestCoreFails(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"context", "net/http", "os", "database/sql", "log/slog", "math/rand/v2", "sync/atomic", "github.com/a/b", module + "/outbox"} {
		requireFaults(t, checkCore(importing(t, "saga/x.go", p)), "saga/x.go:2: the core must not import "+p)
		require.Empty(t, checkCore(importing(t, "saga/x_test.go", p)))
		require.Empty(t, checkCore(importing(t, "saga/coordinator/x.go", p)))
	}
	requireFaults(t, checkCore(importing(t, "saga/code/x.go", "sync")), "must not import sync")
	require.Empty(t, checkCore(importing(t, "saga/code/x.go", "context", "sync/atomic")))
	requireFaults(t, checkLayers(importing(t, "compensation/x.go", module+"/saga")), "must not import saga")
	require.Empty(t, checkCore(importing(t, "saga/x.go", "time", "encoding/json", "math/bits", module+"/compensation", module+"/internal/record")))
	for _, call := range clockReaders {
		requireFaults(t, checkCore(snippet(t, "compensation/x.go", "package x\nvar f = time."+call)), "compensation/x.go:2: time."+call)
	}
	requireFaults(t, checkCore(snippet(t, "saga/x.go", "package x\nfunc f() {\n\tgo f()\n}")), "saga/x.go:3: go statement")
}

func TestBannedFail(t *testing.T) {
	t.Parallel()
	requireFaults(t, checkBanned(snippet(t, "x/x.go", "package x\nfunc init() {}")), "x/x.go:2: init function")
	require.Empty(t, checkBanned(snippet(t, "x/x.go", "package x\ntype a int\nfunc (a) init() { time.Sleep(1) }")))
	requireFaults(t, checkBanned(snippet(t, "x/x_test.go", "package x\nfunc f() { time.Sleep(1) }")), "time.Sleep in a test")
}
