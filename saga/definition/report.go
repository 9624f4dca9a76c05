package definition

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/internal/nearest"
	"github.com/unwindhq/unwind/saga"
)

// report collects the faults of one file and knows the lines of its paths.
type report struct {
	file   string
	faults saga.Faults
	lines  map[string]int
}

func newReport(file string) *report {
	return &report{file: file, lines: map[string]int{}}
}

// see remembers the lines of n and of everything in it.
func (r *report) see(n *node, path string) {
	r.lines[path] = n.line
	for i, item := range n.items {
		if n.kind == listNode {
			r.see(item, at(path, i))
			continue
		}
		sub := join(path, n.fields[i].name)
		r.see(item, sub)
		r.lines[sub] = n.fields[i].line
	}
}

// line returns the line of path, or of the nearest thing around it.
func (r *report) line(path string) int {
	for path != "" {
		if line, ok := r.lines[path]; ok {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return r.lines[""]
}

func (r *report) add(path, problem, cure string) {
	r.faults = append(r.faults, saga.Fault{Path: path, Problem: problem, Cure: cure})
}

// syntax adds an error of parse.
func (r *report) syntax(err error) {
	var e *syntaxError
	if !errors.As(err, &e) {
		e = &syntaxError{what: err.Error()}
	}
	r.faults = append(r.faults, saga.Fault{Line: e.line, Path: e.path, Problem: e.what, Cure: e.cure})
}

// merge adds faults that others found, where nothing is known to be wrong yet.
func (r *report) merge(faults saga.Faults) {
	known := len(r.faults)
	for _, f := range faults {
		if !r.faulty(f.Path, known) {
			r.faults = append(r.faults, f)
		}
	}
}

// faulty reports whether one of the first faults lies at path or is about the
// whole object around it.
func (r *report) faulty(path string, first int) bool {
	return slices.ContainsFunc(r.faults[:first], func(f saga.Fault) bool {
		return f.Path == path || f.Path != "" && strings.HasPrefix(path, f.Path+".")
	})
}

// err returns the faults in the order of the file, nil without any.
func (r *report) err() error {
	if len(r.faults) == 0 {
		return nil
	}
	for i := range r.faults {
		f := &r.faults[i]
		if f.File = r.file; f.Line == 0 {
			f.Line = r.line(f.Path)
		}
	}
	slices.SortStableFunc(r.faults, func(a, b saga.Fault) int { return cmp.Compare(a.Line, b.Line) })
	return r.faults
}

// didYouMean returns a cure that names the closest of the words, or all of them
// if they are few.
func didYouMean(word string, words []string) string {
	if best := nearest.Word(word, words); best != "" {
		return "did you mean " + best + "?"
	}
	if len(words) == 0 {
		return ""
	}
	sorted := slices.DeleteFunc(slices.Sorted(slices.Values(words)), func(w string) bool { return w == "" })
	if len(sorted) > 12 {
		return "known are " + strings.Join(sorted[:12], ", ") + ", …"
	}
	return "known are " + strings.Join(sorted, ", ")
}

// camel turns any text into a name: reserve-stock into reserveStock.
func camel(text string) string {
	var b strings.Builder
	upper := false
	for _, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		switch {
		case !letter && (!digit || b.Len() == 0):
			upper = b.Len() > 0
			continue
		case b.Len() == 0:
			b.WriteString(strings.ToLower(string(r)))
		case upper:
			b.WriteString(strings.ToUpper(string(r)))
		default:
			b.WriteRune(r)
		}
		upper = false
	}
	return b.String()
}
