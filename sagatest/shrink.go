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
	shrinkTries = 150    // seeds that are tried for each number of sagas
	shrinkSagas = 3_000  // sagas that are tried for each number, all seeds together
	shrinkMost  = 60_000 // sagas that are tried at all: half a minute on one core
)

// Shrink looks for a smaller world in which what was broken in r is broken: first for
// fewer sagas, with seeds from r's own on, then without each kind of fault that is not
// needed. It returns the smallest that it has found, r as it is if none, after some ten
// seconds, or as soon as goOn, which may be nil and is told after each world how many
// were tried and what the smallest is, returns false. The same report gives the same one.
func Shrink(r Report, goOn func(tried int, smallest Report) bool) Report {
	s := search{smallest: r, goOn: goOn}
	for _, sagas := range []int{1, 2, 3, 5, 10, 20, 40} {
		options := r.options
		if options.Sagas = sagas; sagas >= r.options.Sagas || s.find(options) {
			break
		}
	}
	s.dropFaults()
	return s.smallest
}

// search is a search for a smaller world.
type search struct {
	smallest     Report
	goOn         func(int, Report) bool
	tried, sagas int
	over         bool
}

// find looks for a world with these options that breaks what the smallest breaks, which
// it is then.
func (s *search) find(options Options) bool {
	from, invariant := s.smallest.Seed, s.smallest.invariant()
	for i := range min(shrinkTries, shrinkSagas/options.Sagas) {
		if s.over {
			break
		}
		found := Simulate(from+uint64(i), options)
		broken := found.breaks(invariant)
		if broken {
			s.smallest = found
		}
		s.tried, s.sagas = s.tried+1, s.sagas+options.Sagas
		s.over = s.sagas >= shrinkMost || s.goOn != nil && !s.goOn(s.tried, s.smallest)
		if broken {
			return true
		}
	}
	return false
}

// dropFaults leaves out each kind of fault that is not needed, until all are.
func (s *search) dropFaults() {
	for before := len(faults) + 1; len(s.smallest.Faults) < before; {
		before = len(s.smallest.Faults)
		for _, f := range s.smallest.Faults {
			options := s.smallest.options
			options.Only = slices.DeleteFunc(slices.Clone(s.smallest.Faults), func(o Fault) bool { return o == f })
			s.find(options)
		}
	}
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
	test := "TestSimulation$"
	if r.options.Code {
		test = "TestSimulationOfCode"
	}
	line := fmt.Sprintf("go test ./sagatest -run %s -seed=%d -seeds=1", test, r.Seed)
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
