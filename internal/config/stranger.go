package config

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/unwindhq/unwind/internal/nearest"
)

// prefix begins our variables.
const prefix = "UNWIND_"

// injected are the variables that Kubernetes makes of a service whose name begins
// with unwind; nobody wrote them.
var injected = regexp.MustCompile(`^UNWIND_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// Strangers reports every variable of an environment, of KEY=value, that begins
// with UNWIND_ and belongs to nothing: no setting, none of also, none of the
// tests' UNWIND_TEST_…, none that Kubernetes makes of a service.
func Strangers(environ []string, schema []Setting, also ...string) []*Fault {
	known := slices.Clone(also)
	for _, s := range schema {
		known = append(known, s.Variable)
	}
	var faults []*Fault
	for _, pair := range environ {
		variable, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(variable, prefix) || strings.HasPrefix(variable, prefix+"TEST_") || slices.Contains(known, variable) || injected.MatchString(variable) {
			continue
		}
		cure := "; unwind config template lists all"
		if best := nearest.Word(variable, known); best != "" {
			cure = "; did you mean " + best + "?"
		}
		faults = append(faults, faultf(Source(variable), "", "no setting has this variable%s", cure))
	}
	slices.SortFunc(faults, func(a, b *Fault) int { return cmp.Compare(a.Source, b.Source) })
	return faults
}
