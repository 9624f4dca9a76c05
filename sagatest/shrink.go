package sagatest

import (
	"fmt"
	"slices"
	"strings"
)

// A world draws from one source from its first to its last moment: any two runs that
// differ in anything part at once, so there is no part of a failing run that could be
// cut out, by rapid or otherwise, with the rest as it was. What can be had instead is
// another, smaller world in which the same invariant breaks: few sagas, few kinds of
// faults. Small worlds are so quick that thousands can be looked at.

// The search for a smaller world.
const (
	shrinkTries = 150   // seeds that are tried for each number of sagas
	shrinkSagas = 3_000 // sagas that are tried for each number, all seeds together
)

// Shrink looks for a smaller world in which what was broken in r is broken: first for
// fewer sagas, with seeds from r's own on, then without each kind of fault that is not
// needed. It returns r as it is if it finds none. The same report gives the same one.
func Shrink(r Report) Report {
	for _, sagas := range []int{1, 2, 3, 5, 10, 20, 40} {
		if sagas >= r.options.Sagas {
			break
		}
		options := r.options
		options.Sagas = sagas
		if found, ok := r.search(options); ok {
			return found.withoutFaults()
		}
	}
	return r.withoutFaults()
}

// search looks for a world with these options that breaks what r breaks.
func (r Report) search(options Options) (Report, bool) {
	for i := range min(shrinkTries, shrinkSagas/options.Sagas) {
		if found := Simulate(r.Seed+uint64(i), options); found.breaks(r.invariant()) {
			return found, true
		}
	}
	return r, false
}

// withoutFaults leaves out each kind of fault that is not needed, until all are.
func (r Report) withoutFaults() Report {
	for before := len(faults) + 1; len(r.Faults) < before; {
		before = len(r.Faults)
		for _, f := range r.Faults {
			options := r.options
			options.Only = slices.DeleteFunc(slices.Clone(r.Faults), func(o Fault) bool { return o == f })
			if less, ok := r.search(options); ok {
				r = less
			}
		}
	}
	return r
}

// invariant is the one that was broken first, such as "I3: ".
func (r Report) invariant() string {
	if len(r.Violations) == 0 {
		return ""
	}
	return invariantOf(r.Violations[0])
}

func (r Report) breaks(invariant string) bool {
	return slices.ContainsFunc(r.Violations, func(v string) bool { return invariantOf(v) == invariant })
}

// invariantOf is the beginning of a violation behind its time: "I3".
func invariantOf(violation string) string {
	_, what, _ := strings.Cut(violation, " ")
	invariant, _, _ := strings.Cut(what, ":")
	return invariant
}

// again is the command line that runs the world again.
func (r Report) again() string {
	line := fmt.Sprintf("go test ./sagatest -run TestSimulation -seed=%d -seeds=1", r.Seed)
	if r.options.Sagas != defaultSagas {
		line += fmt.Sprintf(" -sagas=%d", r.options.Sagas)
	}
	if r.options.Only != nil {
		names := []string{"none"}
		for _, f := range r.options.Only {
			names = append(names, string(f))
		}
		line += " -only=" + strings.Join(names[min(1, len(names)-1):], ",")
	}
	return line
}
