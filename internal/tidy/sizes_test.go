package tidy

import (
	"bytes"
	"go/ast"
	"go/format"
	"strings"
	"testing"
)

const (
	maxFunctionLines = 70
	maxFileLines     = 500
	maxParameters    = 5
)

// checkSizes finds functions and files that are too long to be read at once.
func checkSizes(s source) []fault {
	var faults []fault
	if n := bytes.Count(s.text, []byte("\n")); n > maxFileLines {
		faults = append(faults, s.faultf(s.file.Package, "file has %d lines, at most %d: move one noun into a file of its own", n, maxFileLines))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.line(f.End()) - s.line(f.Pos()) + 1; n > maxFunctionLines {
			faults = append(faults, s.faultf(f.Pos(), "%s has %d lines, at most %d: name its parts and call them", f.Name.Name, n, maxFunctionLines))
		}
	}
	return faults
}

// checkParameters finds functions that ask for too much.
func checkParameters(s source) []fault {
	var faults []fault
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Type.Params.NumFields() > maxParameters {
			faults = append(faults, s.faultf(f.Pos(), "%s has %d parameters, at most %d: pass a struct",
				f.Name.Name, f.Type.Params.NumFields(), maxParameters))
		}
	}
	return faults
}

// checkFormat finds files that gofmt would change.
func checkFormat(s source) []fault {
	want, err := format.Source(s.text)
	if err != nil || bytes.Equal(want, s.text) {
		return nil
	}
	line := 1
	for line <= bytes.Count(s.text, []byte("\n")) && sameLine(s.text, want, line-1) {
		line++
	}
	return []fault{{path: s.path, line: line, what: "not formatted: run gofmt -w " + s.path}}
}

func sameLine(a, b []byte, i int) bool {
	as, bs := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	return i < len(as) && i < len(bs) && bytes.Equal(as[i], bs[i])
}

func TestSizesFail(t *testing.T) {
	t.Parallel()
	body := "package x\n\nfunc long() {\n" + strings.Repeat("\t_ = 1\n", maxFunctionLines-1) + "}\n"
	requireFaults(t, checkSizes(snippet(t, "x/x.go", body)), "x/x.go:3: long has 71 lines")
	requireFaults(t, checkSizes(snippet(t, "x/x.go", strings.Replace(body, "\t_ = 1\n", "", 1))))
	requireFaults(t, checkSizes(snippet(t, "x/x.go", "package x\n"+strings.Repeat("\n", maxFileLines))), "file has 501 lines")
}

func TestParametersFail(t *testing.T) {
	t.Parallel()
	requireFaults(t, checkParameters(snippet(t, "x/x.go", "package x\nfunc five(a, b, c int, d, e string) {}\n")))
	requireFaults(t, checkParameters(snippet(t, "x/x.go", "package x\nfunc six(a, b, c int, d, e string, _ ...int) {}\n")), "x/x.go:2: six has 6")
}

func TestFormatFails(t *testing.T) {
	t.Parallel()
	requireFaults(t, checkFormat(snippet(t, "x/x.go", "package x\n\nvar a = 1\n")))
	requireFaults(t, checkFormat(snippet(t, "x/x.go", "package x\n\nvar a  = 1\n")), "x/x.go:3: not formatted")
}
