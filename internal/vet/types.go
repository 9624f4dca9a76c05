package vet

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// takesContext reports whether a parameter is a *code.Context.
func (c checker) takesContext(f *ast.FuncType) bool {
	for _, p := range f.Params.List {
		if isContext(c.TypesInfo.TypeOf(p.Type)) {
			return true
		}
	}
	return false
}

// isContext reports whether e has a Context as its value.
func (c checker) isContext(e ast.Expr) bool {
	v, ok := c.TypesInfo.Types[e]
	if id, isName := e.(*ast.Ident); isName && !ok { // names that are defined have no value there
		_, ok = c.TypesInfo.Uses[id].(*types.Var)
		return ok && isContext(c.TypesInfo.TypeOf(id))
	}
	return ok && v.IsValue() && isContext(v.Type)
}

func isContext(t types.Type) bool {
	p, ok := types.Unalias(t).(*types.Pointer)
	return ok && isNamed(p.Elem(), codePath, "Context")
}

// isNamed reports whether t is that type.
func isNamed(t types.Type, path, name string) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && isObject(named.Obj(), path, name)
}

// called is the function whose call e is; nil if it is none.
func (c checker) called(e ast.Expr) types.Object {
	if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
		return c.callee(call)
	}
	return nil
}

func (c checker) callee(n *ast.CallExpr) types.Object { return typeutil.Callee(c.TypesInfo, n) }

func (c checker) isPackage(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	if !ok {
		return false
	}
	_, ok = c.TypesInfo.Uses[id].(*types.PkgName)
	return ok
}

// isFunc reports whether obj is that function, not a method.
func isFunc(obj types.Object, path, name string) bool {
	f, ok := obj.(*types.Func)
	return ok && f.Signature().Recv() == nil && isObject(f, path, name)
}

// isMethod reports whether obj is a method of that name.
func isMethod(obj types.Object, path, name string) bool {
	f, ok := obj.(*types.Func)
	return ok && f.Signature().Recv() != nil && isObject(f, path, name)
}

// root is the variable that is, or holds, what is written to; nil if it is none.
func (c checker) root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			if e = x.X; c.isPackage(x.X) {
				return x.Sel
			}
		case *ast.Ident:
			return x
		default:
			return nil
		}
	}
}

func isObject(obj types.Object, path, name string) bool {
	return obj.Name() == name && obj.Pkg() != nil && obj.Pkg().Path() == path
}

// isReference reports whether e is a function that is not called here.
func isReference(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncLit, *ast.Ident:
		return true
	case *ast.SelectorExpr:
		_, ok := e.X.(*ast.Ident)
		return ok
	default:
		return false
	}
}

// is reports whether the type below t is a T.
func is[T types.Type](t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(T)
	return ok
}

// full is what obj is called in the code: time.Now, (sync.Mutex).Lock.
func full(obj types.Object) string {
	if recv := receiver(obj); recv != "" {
		return "(" + obj.Pkg().Name() + "." + recv + ")." + obj.Name()
	}
	return obj.Pkg().Name() + "." + obj.Name()
}

// receiver is the name of the type that obj is a method of.
func receiver(obj types.Object) string {
	f, ok := obj.(*types.Func)
	if !ok || f.Signature().Recv() == nil {
		return ""
	}
	t := f.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return "" // a method of an interface without a name
}
