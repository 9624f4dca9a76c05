package tidy

import (
	"go/ast"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// library is a rule on who may import a module or package from outside.
type library struct {
	path  string   // the import path and all below it
	tests bool     // test files may import it wherever they are
	in    []string // folders whose code may import it; "x/..." takes those below too
}

// libraries keeps each outside dependency behind the package that exists for
// it, so that replacing one is the work of one folder.
var libraries = []library{
	{"github.com/jackc/pgx", true, []string{
		"saga/sagapg", "saga/participant", "outbox", "outbox/inbox", "internal/postgres", "internal/lease", "internal/hold", "internal/quota", "internal/fleet", "internal/registry", "internal/batch", "internal/schedule", "internal/access", "internal/app", "client", "migrations", "deadletter/office", "internal/metrics",
		"internal/testserver", "internal/embedded/...", "internal/bench", "internal/cmd/...", "cmd/...", "bench/...", "examples/...", "internal/project/template", "e2e/...",
	}},
	{"github.com/IBM/sarama", true, []string{"kafka"}},
	{"github.com/ThreeDotsLabs/watermill", true, []string{"kafka", "saga/participant", "deadletter", "examples/..."}},
	{"github.com/adhocore/gronx", true, []string{"internal/cron"}},
	{"github.com/sony/gobreaker", false, []string{"breaker"}},
	{"go.opentelemetry.io", true, []string{"tracing", "cmd/..."}},
	{"github.com/prometheus", true, []string{"internal/metrics"}},
	{"github.com/compose-spec/compose-go", false, []string{"internal/compose"}},
	{"github.com/twmb/franz-go", true, []string{"internal/embedded/..."}},
	{"github.com/fergusstrange/embedded-postgres", false, []string{"internal/embedded/..."}},
	{"github.com/spf13/cobra", false, []string{"cmd/..."}},
	{"github.com/spf13/pflag", true, []string{"cmd/...", "internal/config"}},
	{"go.yaml.in/yaml", true, []string{"saga/definition", "internal/config", "internal/contexts"}},
	{"github.com/danielgtaylor/huma", false, []string{"internal/rest"}},
	{"cel.dev", false, []string{"saga/definition"}},
	{"github.com/santhosh-tekuri/jsonschema", true, []string{"saga/definition"}},
	{"github.com/pressly/goose", false, []string{"migrations"}},
	{"golang.org/x/time", true, []string{"internal/quota"}},
	{"golang.org/x/tools", false, []string{"internal/vet", "cmd/unwindvet"}},
	{"testing", true, []string{"sagatest/...", "internal/testserver", "internal/document"}},
	{"github.com/stretchr/testify", true, []string{"sagatest/...", "internal/testserver", "internal/document"}},
	{"pgregory.net/rapid", true, []string{"sagatest/..."}},
	{"go.uber.org/goleak", true, nil},
	{"golang.org/x/net", true, nil},
}

// layers says which of our packages a folder's code (not its tests) must not
// import: the core knows nobody, adapters do not know each other, and nobody
// knows the programs.
var layers = []struct {
	from []string
	not  []string
	why  string
}{
	{[]string{"internal/record", "internal/bucket", "internal/pace", "internal/postgres", "internal/cron", "compensation", "breaker"}, []string{"..."}, "leaf packages import nothing of ours"},
	{[]string{"kafka"}, []string{"saga/...", "outbox/...", "client", "migrations", "internal/lease", "internal/rest"}, "the Kafka adapter knows records only"},
	{[]string{"outbox", "outbox/inbox", "internal/lease", "migrations"}, []string{"saga/...", "kafka", "outbox/outboxkafka", "client"}, "the outbox is usable without sagas and without Kafka"},
	{[]string{"outbox/outboxkafka"}, []string{"saga/...", "migrations"}, "the outbox's adapter joins outbox and kafka, no more"},
	{[]string{"saga/definition"}, []string{"saga/coordinator", "saga/sagapg", "saga/participant", "kafka", "outbox/..."}, "definitions are data: they know the core only"},
	{[]string{"saga/coordinator"}, []string{"kafka", "saga/sagapg", "saga/participant", "outbox/outboxkafka", "migrations", "internal/rest"}, "the coordinator knows its ports, not the adapters"},
	{[]string{"saga/sagapg"}, []string{"kafka", "outbox/outboxkafka", "saga/participant", "internal/rest"}, "adapters do not import each other"},
	{[]string{"saga/participant"}, []string{"saga/coordinator", "saga/sagapg", "internal/rest"}, "a participant is not part of the coordinator"},
	{[]string{"internal/rest"}, []string{"saga/sagapg", "kafka", "outbox/outboxkafka"}, "adapters do not import each other"},
	{[]string{"internal/intake"}, []string{"saga/sagapg", "kafka", "outbox/...", "internal/rest"}, "a start is the same whatever way it comes in"},
	{[]string{"saga/...", "outbox/...", "kafka", "client", "internal/rest"}, []string{"tracing"}, "traces are told from outside: only the wiring, programs and examples know of them"},
	{[]string{"tracing"}, []string{"saga/sagapg", "kafka", "outbox/...", "internal/rest"}, "tracing knows the core and its ports, not the adapters"},
	{[]string{"e2e/checker/rules"}, []string{"..."}, "the rules judge the engine: they share nothing with it"},
	{[]string{"e2e/checker"}, []string{"saga/...", "compensation", "breaker", "client", "deadletter/...", "internal/..."}, "the checker judges the engine: it shares nothing with it but the way to the records"},
	{[]string{"examples/..."}, []string{"internal/..."}, "an example that imports internal packages cannot be copied"},
	{[]string{
		"saga/...", "outbox/...", "kafka", "client", "compensation", "deadletter", "breaker", "tracing", "migrations", "sagatest/...",
		"internal/...", "examples/...",
	}, []string{"cmd/..."}, "programs wire packages, never the other way round"},
}

// checkLibraries finds imports of outside packages where they do not belong.
func checkLibraries(s source) []fault {
	var faults []fault
	for _, imp := range s.file.Imports {
		for _, rule := range libraries {
			if !below(importPath(imp), rule.path) || rule.tests && s.isTest() || matches(s.dir(), rule.in) {
				continue
			}
			faults = append(faults, s.faultf(imp.Pos(), "%s must not import %s (only %s may): go through that package, or add the folder to libraries in internal/tidy with its reason",
				s.dir(), importPath(imp), strings.Join(rule.in, ", ")))
		}
	}
	return faults
}

// checkLayers finds imports of our own packages against the direction of the
// architecture.
func checkLayers(s source) []fault {
	if s.isTest() {
		return nil
	}
	var faults []fault
	for _, imp := range s.file.Imports {
		ours, ok := strings.CutPrefix(importPath(imp), module+"/")
		if !ok {
			continue
		}
		for _, rule := range layers {
			if matches(s.dir(), rule.from) && matches(ours, rule.not) {
				faults = append(faults, s.faultf(imp.Pos(), "%s must not import %s: %s", s.dir(), ours, rule.why))
			}
		}
	}
	return faults
}

func importPath(imp *ast.ImportSpec) string {
	p, _ := strconv.Unquote(imp.Path.Value)
	return p
}

// below says whether p is root or lies below it.
func below(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// matches says whether one of the patterns names dir: a folder, "x/..." for x
// and all below it, "..." for all.
func matches(dir string, patterns []string) bool {
	for _, p := range patterns {
		root, deep := strings.CutSuffix(p, "/...")
		if dir == p || p == "..." || deep && below(dir, root) {
			return true
		}
	}
	return false
}

func importing(t *testing.T, name string, paths ...string) source {
	t.Helper()
	text := "package x\n"
	for _, p := range paths {
		text += "import _ " + strconv.Quote(p) + "\n"
	}
	return snippet(t, name, text)
}

func TestLibrariesFail(t *testing.T) {
	t.Parallel()
	for _, rule := range libraries {
		requireFaults(t, checkLibraries(importing(t, "elsewhere/x.go", "fmt", rule.path+"/v2")), "elsewhere/x.go:3: elsewhere must not import "+rule.path)
		require.Equal(t, rule.tests, len(checkLibraries(importing(t, "elsewhere/x_test.go", rule.path))) == 0)
		for _, dir := range rule.in {
			require.Empty(t, checkLibraries(importing(t, strings.ReplaceAll(dir, "/...", "/below")+"/x.go", rule.path)), dir)
		}
	}
	require.Empty(t, checkLibraries(importing(t, "elsewhere/x.go", "testing2")), "only whole path elements match")
}

func TestLayersFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, imports string }{
		{"kafka/x.go", "saga/sagapg"},
		{"saga/sagapg/x.go", "kafka"},
		{"saga/coordinator/x.go", "saga/sagapg"},
		{"outbox/inbox/x.go", "saga"},
		{"internal/record/x.go", "internal/bucket"},
		{"internal/rest/x.go", "cmd/unwind"},
		{"examples/travel/flights/x.go", "internal/embedded"},
	} {
		requireFaults(t, checkLayers(importing(t, c.file, module+"/"+c.imports)), " must not import "+c.imports)
		require.Empty(t, checkLayers(importing(t, strings.Replace(c.file, ".go", "_test.go", 1), module+"/"+c.imports)))
	}
	require.Empty(t, checkLayers(importing(t, "saga/participant/x.go", module+"/kafka", module+"/outbox/inbox", module+"/saga")))
}
