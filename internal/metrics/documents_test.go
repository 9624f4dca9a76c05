package metrics

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

// row is a family's line in docs/metrics.md.
func row(f *family) string {
	labels := make([]string, len(f.labels))
	for i, l := range f.labels {
		labels[i] = "`" + l + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", f.name, f.kind, strings.Join(labels, " "), f.help)
}

// TestTheTableIsComplete: the table in the document is this one.
func TestTheTableIsComplete(t *testing.T) {
	t.Parallel()
	want := make([]string, 0, len(families))
	for i := range families {
		want = append(want, row(&families[i]))
	}
	var got []string
	for line := range strings.SplitSeq(read(t, "docs/metrics.md"), "\n") {
		if strings.HasPrefix(line, "| `unwind_") {
			got = append(got, line)
		}
	}
	require.Equal(t, strings.Join(want, "\n"), strings.Join(got, "\n"))
}

// TestEveryNameExists: in documents and alerts.
func TestEveryNameExists(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for i := range families {
		known[families[i].name] = true
		if families[i].kind == histogram {
			for _, end := range []string{"_bucket", "_sum", "_count"} {
				known[families[i].name+end] = true
			}
		}
	}
	for _, file := range []string{"docs/metrics.md", "deploy/prometheus/alerts.yml"} {
		names := regexp.MustCompile(`\bunwind_[a-z_]+`).FindAllString(read(t, file), -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			require.True(t, known[name], "%s names %s, which nobody measures", file, name)
		}
	}
}

func TestEveryAlertHasItsAdvice(t *testing.T) {
	t.Parallel()
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Labels           struct{ Severity string }
				Annotations      struct{ Summary, Description string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &rules))
	require.Len(t, rules.Groups, 1)
	documents := read(t, "docs/metrics.md")
	for _, r := range rules.Groups[0].Rules {
		require.Contains(t, r.Expr, "unwind_", r.Alert)
		require.NotEmpty(t, r.For, r.Alert)
		require.NotEmpty(t, r.Annotations.Summary, r.Alert)
		require.NotEmpty(t, r.Annotations.Description, r.Alert)
		words := map[string]string{"page": "Page.", "warn": "Warn."}
		require.Contains(t, documents, "\n### "+r.Alert+"\n\n"+words[r.Labels.Severity], "what to do")
	}
	require.Equal(t, len(rules.Groups[0].Rules), strings.Count(documents, "\n### Unwind"))
}

func TestPrometheusFindsTheAlerts(t *testing.T) {
	t.Parallel()
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/prometheus/prometheus.yml")), &config))
	require.Equal(t, []string{"alerts.yml"}, config.RuleFiles)
	require.Equal(t, []string{"coordinator-1:9464", "coordinator-2:9464"}, config.ScrapeConfigs[0].StaticConfigs[0].Targets)
}

// read reads a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../" + name)
	require.NoError(t, err)
	return string(data)
}
