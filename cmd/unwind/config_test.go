package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/config"
	"github.com/unwindhq/unwind/internal/document"
)

// written writes a configuration file.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unwind.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func root() *cobra.Command {
	return (&program{getenv: func(string) string { return "" }}).rootCommand()
}

// TestASettingIsTheSameEverywhere: one name has one type and one secrecy in all
// commands, so that one file is good for all of them.
func TestASettingIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	first := map[string]string{}
	walk(root(), func(cmd *cobra.Command) {
		for _, s := range config.Schema([]config.Use{{Command: cmd.CommandPath(), Flags: cmd.LocalFlags()}}) {
			kind := fmt.Sprintf("%s, secret %v, hidden %v", s.Type, s.Secret, s.Hidden)
			if first[s.Name] == "" {
				first[s.Name] = kind
			}
			require.Equal(t, first[s.Name], kind, "%s of %s", s.Name, cmd.CommandPath())
		}
	})
	require.Contains(t, first, "database-url")
}

// TestEverySettingOfServeIsOne: whoever adds a flag to serve makes it a setting.
func TestEverySettingOfServeIsOne(t *testing.T) {
	t.Parallel()
	serve, _, err := root().Find([]string{"serve"})
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range schema(root()) {
		known[s.Name] = true
	}
	serve.Flags().VisitAll(func(flag *pflag.Flag) {
		require.True(t, known[flag.Name], "--%s of serve: declare it with fromEnv, secret or password", flag.Name)
	})
}

func TestTheTemplateIsAConfiguration(t *testing.T) {
	t.Parallel()
	code, template, errs := unwind(t.Context(), nil, "config", "template")
	require.Equal(t, exitOK, code, errs)
	env := []string{"UNWIND_DATABASE_URL=postgres://u:s3cret@127.0.0.1/d"}
	code, out, errs := unwind(t.Context(), env, "config", "check", "--config", written(t, template))
	require.Equal(t, exitOK, code, out+errs)
	var lines []string
	for line := range strings.SplitSeq(template, "\n") {
		if rest, ok := strings.CutPrefix(line, "#"); ok && !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "database-url") {
			lines = append(lines, rest)
		}
	}
	require.Greater(t, len(lines), 10)
	code, out, errs = unwind(t.Context(), env, "config", "check", "--config", written(t, strings.Join(lines, "\n")))
	require.Equal(t, exitOK, code, out+errs)
}

func TestShowMasksSecrets(t *testing.T) {
	t.Parallel()
	env := []string{"UNWIND_DATABASE_URL=postgres://u:s3cret@127.0.0.1/d", "UNWIND_API_KEY=s3cret", "UNWIND_KAFKA_PASSWORD=s3cret"}
	file := written(t, "kafka-brokers: [a:9092, b:9092]\nwriters: 4\n")
	for _, line := range []string{
		"config show --config " + file, "config show -o json", "config show -o yaml --config " + file, "config show saga list",
		"config show serve --writers 5 --log loud", "config check serve",
	} {
		_, out, errs := unwind(t.Context(), env, strings.Fields(line)...)
		require.NotContains(t, out+errs, "s3cret", line)
	}
	_, out, _ := unwind(t.Context(), env, "config", "show", "--config", file, "serve", "--writers", "5")
	for _, want := range []string{
		`database-url +postgres://u:\*\*\*\*@127.0.0.1/d +UNWIND_DATABASE_URL`, `kafka-brokers +a:9092,b:9092 +` + file + ":1",
		`writers +5 +--writers`, `schema +unwind +default`, `kafka-password +\*\*\*\* +UNWIND_KAFKA_PASSWORD`,
	} {
		require.Regexp(t, want, out)
	}
	_, again, _ := unwind(t.Context(), nil, "config", "show", "-o", "yaml", "serve", "--writers", "5")
	_, back, _ := unwind(t.Context(), nil, "config", "show", "--config", written(t, again))
	require.Regexp(t, `writers +5 +/.*unwind.yaml`, back, "what show writes as YAML is a file")
}

func TestACommandReadsItsSettingsFromTheFile(t *testing.T) {
	t.Parallel()
	file := written(t, "url: "+fake(t)+"\nlisten: 127.0.0.1:1\n")
	code, _, errs := unwind(t.Context(), nil, "def", "list", "--config", file)
	require.Equal(t, exitOK, code, errs)
	code, _, errs = unwind(t.Context(), []string{"UNWIND_CONFIG=" + file}, "def", "list")
	require.Equal(t, exitOK, code, errs)
	code, _, errs = unwind(t.Context(), []string{"UNWIND_CONFIG=/no/such.yaml"}, "def", "list")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "read the configuration: open /no/such.yaml")
	code, _, errs = unwind(t.Context(), []string{"UNWIND_CONFIG=/no/such.yaml"}, "version")
	require.Equal(t, exitOK, code, errs)
	code, _, errs = unwind(t.Context(), nil, "def", "list", "--config", written(t, "urls: x"))
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "unwind.yaml:1: urls: there is no such setting; did you mean url?")
	code, _, errs = unwind(t.Context(), nil, "config", "check", "brew")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, `there is no command "brew"`)
}

// TestTheDocumentListsEverySetting holds docs/configuration.md's table to the
// flags; go test ./cmd/unwind -run TheDocument -update writes it anew.
func TestTheDocumentListsEverySetting(t *testing.T) {
	t.Parallel()
	document.Table(t, "../../docs/configuration.md", "settings", settingsTable(), *update)
}

func settingsTable() string {
	var b bytes.Buffer
	b.WriteString("| setting | default | read by | meaning |\n|---|---|---|---|\n")
	for _, s := range schema(root()) {
		name, value := s.Name, "`"+s.Default+"`"
		if s.Secret {
			name = s.Variable
		}
		if s.Default == "" {
			value = ""
		}
		if !s.Hidden {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, value, strings.Join(s.Commands, ", "), strings.ReplaceAll(s.Usage, "|", `\|`))
		}
	}
	return b.String()
}
