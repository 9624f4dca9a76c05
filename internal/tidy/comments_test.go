package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkComments finds exported names without a doc comment that begins with
// the name. Methods of unexported types and test files are exempt.
func checkComments(s source) []fault {
	if s.isTest() {
		return nil
	}
	var faults []fault
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) && !startsWith(d.Doc, d.Name.Name) {
				faults = append(faults, s.undocumented(d.Name))
			}
		case *ast.GenDecl:
			faults = append(faults, checkSpecs(s, d)...)
		}
	}
	return faults
}

func checkSpecs(s source, d *ast.GenDecl) []fault {
	var faults []fault
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			faults = append(faults, checkType(s, d, spec)...)
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && !documentedValue(d, spec, name.Name) {
					faults = append(faults, s.undocumented(name))
				}
			}
		}
	}
	return faults
}

func checkType(s source, d *ast.GenDecl, spec *ast.TypeSpec) []fault {
	if !spec.Name.IsExported() {
		return nil
	}
	var faults []fault
	if !startsWith(spec.Doc, spec.Name.Name) && (d.Lparen.IsValid() || !startsWith(d.Doc, spec.Name.Name)) {
		faults = append(faults, s.undocumented(spec.Name))
	}
	switch t := spec.Type.(type) {
	case *ast.StructType:
		if strings.HasSuffix(spec.Name.Name, "Config") {
			faults = append(faults, checkFields(s, spec.Name.Name, t)...)
		}
	case *ast.InterfaceType:
		for _, m := range t.Methods.List {
			if len(m.Names) == 1 && m.Names[0].IsExported() && !startsWith(m.Doc, m.Names[0].Name) {
				faults = append(faults, s.undocumented(m.Names[0]))
			}
		}
	}
	return faults
}

// checkFields finds fields of a Config that do not say what they mean.
func checkFields(s source, owner string, t *ast.StructType) []fault {
	var faults []fault
	for _, f := range t.Fields.List {
		if f.Doc != nil || f.Comment != nil {
			continue
		}
		for _, name := range f.Names {
			if name.IsExported() {
				faults = append(faults, s.faultf(name.Pos(), "%s.%s has no comment: say what it means, its unit and its default", owner, name.Name))
			}
		}
	}
	return faults
}

func (s source) undocumented(name *ast.Ident) fault {
	return s.faultf(name.Pos(), "exported %s needs a doc comment that begins with %q and states its contract", name.Name, name.Name)
}

// documentedValue takes a value's own comment, one behind it on its line, or
// its group's comment if that names the value.
func documentedValue(d *ast.GenDecl, spec *ast.ValueSpec, name string) bool {
	if spec.Comment != nil || startsWith(spec.Doc, name) {
		return true
	}
	if spec.Doc != nil {
		return mentions(spec.Doc, name)
	}
	return mentions(d.Doc, name)
}

func mentions(doc *ast.CommentGroup, name string) bool {
	return doc != nil && regexp.MustCompile(`\b`+name+`\b`).MatchString(doc.Text())
}

func startsWith(doc *ast.CommentGroup, name string) bool {
	return doc != nil && regexp.MustCompile(`^`+name+`\b`).MatchString(doc.Text())
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && n.Pos() != token.NoPos {
			exported = id.IsExported()
			return false
		}
		_, indexed := n.(*ast.IndexExpr) // a generic receiver: its first part is the type
		return !exported || indexed
	})
	return exported
}

// checkPackageDocs finds packages without a package comment.
func checkPackageDocs(files tree) []fault {
	sources, err := files.sources()
	if err != nil {
		return []fault{{what: err.Error()}}
	}
	first, documented := map[string]source{}, map[string]bool{}
	var dirs []string
	for _, s := range sources {
		if _, seen := first[s.dir()]; !seen {
			first[s.dir()] = s
			dirs = append(dirs, s.dir())
		}
		documented[s.dir()] = documented[s.dir()] || packageDoc(s)
	}
	var faults []fault
	for _, dir := range dirs {
		if !documented[dir] {
			s := first[dir]
			faults = append(faults, s.faultf(s.file.Package, "package %s has no comment: write a doc.go beginning with \"Package %s\" (a program: \"Command %s\")",
				dir, strings.TrimSuffix(s.file.Name.Name, "_test"), path.Base(dir)))
		}
	}
	return faults
}

func packageDoc(s source) bool {
	if s.file.Name.Name == "main" {
		return startsWith(s.file.Doc, "Command") || startsWith(s.file.Doc, "Package")
	}
	return startsWith(s.file.Doc, "Package "+s.file.Name.Name)
}

func TestCommentsFail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"func Bare() {}":                                     "exported Bare needs",
		"// Gives a thing.\nfunc Bare() {}":                  "exported Bare needs",
		"type Bare struct{}":                                 "exported Bare needs",
		"const Bare = 1":                                     "exported Bare needs",
		"// Some are here.\nvar (\n\tBare = 1\n)":            "exported Bare needs",
		"// T is.\ntype T int\nfunc (t *T) Bare() {}":        "exported Bare needs",
		"// T is.\ntype T[A any] int\nfunc (T[A]) Bare() {}": "exported Bare needs",
		"// T is.\ntype T interface{ Bare() }":               "exported Bare needs",
		"// AConfig is.\ntype AConfig struct{ Bare int }":    "AConfig.Bare has no comment",
	} {
		requireFaults(t, checkComments(snippet(t, "x/x.go", "package x\n"+text)), want)
	}
}

func TestCommentsPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"// Good gives a thing.\nfunc Good() {}",
		"type small int\nfunc (s small) String() string { return \"\" }",
		"// One and Two are numbers.\nconst (\n\tOne = 1\n\tTwo = 2\n)",
		"const One = 1 // the first",
		"// AConfig is.\ntype AConfig struct {\n\t// Wait is a wait.\n\tWait int\n\tn int\n}",
	} {
		require.Empty(t, checkComments(snippet(t, "x/x.go", "package x\n"+text)), text)
	}
}

func TestPackageDocsFail(t *testing.T) {
	t.Parallel()
	requireFaults(t, checkPackageDocs(tree{
		"a/a.go": []byte("package a\n"),
		"b/b.go": []byte("// Package b is here.\npackage b\n"),
		"c/c.go": []byte("// Something else.\npackage c\n"),
		"d/d.go": []byte("// Command d runs.\npackage main\n"),
	}), "a/a.go:1: package a has no comment", "c/c.go:2: package c has no comment")
}
