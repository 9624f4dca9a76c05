package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"

	"golang.org/x/tools/go/analysis"
)

const (
	codePath  = "github.com/unwindhq/unwind/saga/code"
	localPath = "github.com/unwindhq/unwind/saga/sagapg"
)

// Analyzer reports what a saga function must not do.
var Analyzer = &analysis.Analyzer{
	Name: "unwindvet",
	Doc:  "find what makes a saga function (one that takes a *code.Context) answer differently when it is run again",
	URL:  "https://pkg.go.dev/github.com/unwindhq/unwind/cmd/unwindvet",
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	c := checker{Pass: pass}
	for _, file := range pass.Files {
		ast.Inspect(file, c.find)
	}
	return nil, nil //nolint:nilnil // the analyzer has no result
}

// checker looks at one package.
type checker struct {
	*analysis.Pass
	once bool // where a function is not run again
}

// find looks for saga functions; what is inside one is visit's.
func (c checker) find(n ast.Node) bool {
	switch f := n.(type) {
	case *ast.FuncDecl:
		if f.Body != nil && c.takesContext(f.Type) {
			ast.Inspect(f.Body, c.visit)
			return false
		}
	case *ast.FuncLit:
		if c.takesContext(f.Type) {
			ast.Inspect(f.Body, c.visit)
			return false
		}
	}
	return true
}

// visit looks at one node of a saga function and says whether to look inside.
func (c checker) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		c.Reportf(n.Pos(), "go statement in a saga function: branches that are run again in the same order are started with code.Go")
	case *ast.SelectStmt:
		if !c.pollsDone(n) {
			c.Reportf(n.Pos(), "select in a saga function: wait for the first of several futures with code.First, which ends when the saga turns back, as c.Done does")
		}
		return c.clauses(n)
	case *ast.SendStmt:
		c.channel(n.Arrow, "send")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.receive(n)
		}
	case *ast.RangeStmt:
		c.loop(n)
	case *ast.CallExpr:
		return c.call(n)
	case *ast.FuncLit:
		c.branch(n)
	case *ast.IfStmt:
		return c.condition(n)
	case *ast.AssignStmt:
		for _, to := range n.Lhs {
			c.written(to)
		}
	case *ast.IncDecStmt:
		c.written(n.X)
	case *ast.Ident:
		c.used(n)
	}
	return true
}

// branch refuses a function with a Context of its own that asks with another one: it would
// wait in the place of another branch.
func (c checker) branch(f *ast.FuncLit) {
	if !c.takesContext(f.Type) {
		return
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && c.isContext(sel.X) && harmlessOfContext[sel.Sel.Name] {
			return false
		}
		id, ok := n.(*ast.Ident)
		if ok && c.isContext(id) && outside(c.TypesInfo.Uses[id], f) {
			c.Reportf(id.Pos(), "%s is the Context of another branch: use the one that this function is given", id.Name)
		}
		return true
	})
}

func outside(obj types.Object, f *ast.FuncLit) bool {
	return obj != nil && (obj.Pos() < f.Pos() || obj.Pos() > f.End())
}

// condition looks at an if statement: in if !c.Replaying() something may be said, and
// nothing asked for.
func (c checker) condition(n *ast.IfStmt) bool {
	not, ok := ast.Unparen(n.Cond).(*ast.UnaryExpr)
	if !ok || not.Op != token.NOT || n.Init != nil {
		return true
	}
	if !isMethod(c.called(not.X), codePath, "Replaying") {
		return true
	}
	if c.asks(n.Body, harmlessOfContext) {
		c.Reportf(n.Pos(), "the saga asks for something the first time only, and for something else when it is run again: ask outside of it")
	}
	once := c
	once.once = true
	ast.Inspect(n.Body, once.visit)
	if n.Else != nil {
		ast.Inspect(n.Else, c.visit)
	}
	return false
}

func (c checker) channel(at token.Pos, what string) {
	c.Reportf(at, "channel %s in a saga function: hand values over by a future of code.Go, or wait with code.Await", what)
}

// receive refuses to wait for a channel. What ends a context ends every other wait, too.
func (c checker) receive(n *ast.UnaryExpr) {
	if c.isDone(n.X) {
		c.Reportf(n.OpPos, "a receive from Done in a saga function blocks it for good: wait with code.Await, c.Sleep or c.Until, which end when the saga turns back, or ask c.Err()")
		return
	}
	c.channel(n.OpPos, "receive")
}

// isDone reports whether e is the channel of a context.
func (c checker) isDone(e ast.Expr) bool {
	f := c.called(e)
	return isMethod(f, "context", "Done") || isMethod(f, codePath, "Done")
}

// pollsDone reports whether a select only asks whether a context is over: its channel is
// closed where the function waits, not while it runs.
func (c checker) pollsDone(s *ast.SelectStmt) bool {
	polls, waits := 0, true
	for _, clause := range s.Body.List {
		clause, _ := clause.(*ast.CommClause)
		if clause.Comm == nil {
			waits = false
			continue
		}
		stmt, _ := clause.Comm.(*ast.ExprStmt)
		if stmt == nil {
			return false
		}
		receive, _ := ast.Unparen(stmt.X).(*ast.UnaryExpr)
		if receive == nil || !c.isDone(receive.X) {
			return false
		}
		polls++
	}
	return polls == 1 && !waits
}

// clauses looks at the bodies of a select; its channels have been reported with it.
func (c checker) clauses(s *ast.SelectStmt) bool {
	for _, clause := range s.Body.List {
		if clause, ok := clause.(*ast.CommClause); ok {
			for _, stmt := range clause.Body {
				ast.Inspect(stmt, c.visit)
			}
		}
	}
	return false
}

// loop looks at what is ranged over. A map is fine as long as nothing is asked for
// in its order.
func (c checker) loop(s *ast.RangeStmt) {
	if s.Tok == token.ASSIGN {
		c.written(s.Key)
		c.written(s.Value)
	}
	t := c.TypesInfo.TypeOf(s.X)
	if is[*types.Chan](t) {
		c.channel(s.For, "range")
	}
	if (is[*types.Map](t) || c.keysOfMap(s.X)) && c.asks(s.Body, harmlessOfContext) {
		c.Reportf(s.For, "the saga asks for something in the order of a map, which differs each time: range over slices.Sorted(maps.Keys(…))")
	}
}

// keysOfMap reports whether e is a call of maps.Keys, maps.Values or maps.All.
func (c checker) keysOfMap(e ast.Expr) bool {
	f := c.called(e)
	return isFunc(f, "maps", "Keys") || isFunc(f, "maps", "Values") || isFunc(f, "maps", "All")
}

// harmlessOfContext are the Context's methods that ask for nothing.
var harmlessOfContext = map[string]bool{
	"ID": true, "Now": true, "HistoryLength": true, "Err": true, "Done": true, "Deadline": true, "Value": true,
	"Replaying": true,
}

// drawsOfContext are those, and those whose results are the same whenever what was taken
// from the history is run again.
var drawsOfContext = with(harmlessOfContext, "NewID", "Uint64", "Float64")

func with(names map[string]bool, more ...string) map[string]bool {
	all := maps.Clone(names)
	for _, name := range more {
		all[name] = true
	}
	return all
}

// asks reports whether something in n may ask for anything: whether it has the
// Context do more than what is harmless, such as to tell the saga's id, or hands it on as
// more than a context.Context.
func (c checker) asks(n ast.Node, harmless map[string]bool) (found bool) {
	handed := map[ast.Expr]bool{} // as a context.Context
	ast.Inspect(n, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			c.handsOn(call, handed)
		}
		if e, ok := n.(ast.Expr); ok && handed[e] {
			return false
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && c.isContext(sel.X) && harmless[sel.Sel.Name] {
			return false
		}
		if e, ok := n.(ast.Expr); ok && c.isContext(e) {
			found = true
		}
		return !found
	})
	return found
}

// handsOn adds those of a call's arguments that it takes as a context.Context.
func (c checker) handsOn(call *ast.CallExpr, handed map[ast.Expr]bool) {
	f, ok := types.Unalias(c.TypesInfo.TypeOf(call.Fun)).Underlying().(*types.Signature)
	if !ok {
		return // a conversion
	}
	for i, arg := range call.Args {
		if i < f.Params().Len() && isNamed(f.Params().At(i).Type(), "context", "Context") {
			handed[arg] = true
		}
	}
}

// call looks at a call and says whether to look at all of its parts.
func (c checker) call(n *ast.CallExpr) bool {
	f := c.callee(n)
	if b, ok := f.(*types.Builtin); ok {
		c.builtin(b.Name(), n)
		return true
	}
	if looks, ok := c.looks(f); ok {
		c.mayOnlyLook(n, looks)
		return true
	}
	side := isFunc(f, codePath, "SideEffect")
	if !side && !isFunc(f, localPath, "Local") {
		return true
	}
	for _, arg := range n.Args {
		if !isReference(arg) {
			ast.Inspect(arg, c.visit)
		} else if lit, ok := arg.(*ast.FuncLit); ok && side && c.asks(lit.Body, harmlessOfContext) {
			c.Reportf(lit.Pos(), "this side effect uses the saga's Context, and is not run again: ask before it, and use what came of it here")
		}
	}
	return false
}

// looks says what the functions are that are handed to f and may not ask for anything;
// ok is false if there are none.
func (c checker) looks(f types.Object) (what []look, ok bool) {
	switch {
	case isFunc(f, codePath, "Query"):
		return []look{{"query", harmlessOfContext, false}}, true
	case isFunc(f, codePath, "Update"):
		return []look{{"validator", harmlessOfContext, true}, {"update's handler", drawsOfContext, false}}, true
	case isMethod(f, codePath, "Until"), isMethod(f, codePath, "When"):
		return []look{{"condition", harmlessOfContext, true}}, true
	}
	return nil, false
}

// look is a function that may not ask for anything.
type look struct {
	what     string
	harmless map[string]bool // what it may have the Context do
	only     bool            // it may not write either
}

// mayOnlyLook refuses those of n's functions that do more; for the rest they are like
// the function that they are in.
func (c checker) mayOnlyLook(n *ast.CallExpr, looks []look) {
	for _, arg := range n.Args {
		lit, ok := arg.(*ast.FuncLit)
		if !ok && len(looks) > 1 && isNil(arg) {
			looks = looks[1:]
		}
		if !ok {
			continue
		}
		l := looks[0]
		looks = looks[min(1, len(looks)-1):]
		if c.asks(lit.Body, l.harmless) {
			c.Reportf(lit.Pos(), "this %s uses the saga's Context, and may ask for nothing: let the function ask, and look at its variables here", l.what)
		}
		if l.only {
			c.writes(lit, l.what)
		}
	}
}

func isNil(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "nil"
}

// writes refuses a function that writes to a variable of the one that it is in: it is
// not run again, or more often than is known.
func (c checker) writes(lit *ast.FuncLit, what string) {
	written := func(e ast.Expr) {
		id := c.root(e)
		if v, ok := c.TypesInfo.Uses[id].(*types.Var); ok && v.Pkg() == c.Pkg && (v.Pos() < lit.Pos() || v.Pos() > lit.End()) {
			c.Reportf(e.Pos(), "this %s writes %s, and may only look: change it in the update's handler or in the function", what, id.Name)
		}
	}
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, to := range n.Lhs {
				written(to)
			}
		case *ast.IncDecStmt:
			written(n.X)
		}
		return true
	})
}

// builtin looks at calls of print, println, close, make, delete and clear.
func (c checker) builtin(name string, n *ast.CallExpr) {
	switch {
	case name == "print", name == "println":
		if !c.once {
			c.Reportf(n.Pos(), "%s in a saga function: it is said again each time that the function is run again; write if !c.Replaying() { … } around it", name)
		}
	case name == "close":
		c.channel(n.Pos(), "close")
	case name == "make" && is[*types.Chan](c.TypesInfo.TypeOf(n)):
		c.channel(n.Pos(), "make")
	case name == "delete", name == "clear":
		c.written(n.Args[0])
	}
}

// written reports a package's variable that is, or holds, what is written to.
func (c checker) written(e ast.Expr) {
	id := c.root(e)
	if id == nil {
		return
	}
	if v, ok := c.TypesInfo.ObjectOf(id).(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
		c.Reportf(id.Pos(), "a saga function writes the package's variable %s, again each time that it is run: keep it in the function, or write it in a step", v.Name())
	}
}

// used reports what a name stands for, if it is refused.
func (c checker) used(id *ast.Ident) {
	obj := c.TypesInfo.Uses[id]
	if obj == nil || obj.Pkg() == nil || obj.Pkg() == c.Pkg {
		return
	}
	if cure := refused(obj, c.once); cure != "" {
		c.Reportf(id.Pos(), "%s in a saga function: %s", full(obj), cure)
	}
}
