package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/compose"
)

// TestComposeServices: every service of docker-compose.yml that runs this binary
// calls it rightly, with variables that the command reads, and names files that
// the image has.
func TestComposeServices(t *testing.T) {
	t.Parallel()
	d, services := composeServices(t)
	require.Len(t, services, 6)
	for _, s := range services {
		require.Empty(t, serviceFaults(s, d), s.Name)
	}
}

// composeServices are the services that run this binary.
func composeServices(t *testing.T) (*compose.Dockerfile, []compose.Service) {
	t.Helper()
	d, err := compose.ReadDockerfile("../../Dockerfile")
	require.NoError(t, err)
	f, err := compose.Load(t.Context(), "../../docker-compose.yml")
	require.NoError(t, err)
	return d, slices.DeleteFunc(f.Programs(), func(s compose.Service) bool { return s.Line(d)[0] != "/bin/unwind" })
}

// serviceFaults are those of a service's command line and environment.
func serviceFaults(s compose.Service, d *compose.Dockerfile) []string {
	get, unread := s.Reader()
	faults := lineFaults(get, s.Variables, s.Line(d)[1:])
	for _, name := range unread() {
		faults = append(faults, name+" is read by nobody")
	}
	if len(s.Health) > 2 {
		faults = append(faults, lineFaults(func(string) string { return "" }, nil, s.Health[2:])...)
	}
	for _, arg := range s.Line(d)[1:] {
		if strings.HasPrefix(arg, "/") && d.Source(arg) == "" {
			faults = append(faults, arg+" is not in the image")
		}
	}
	return faults
}

// lineFaults tries a command line as `unwind config check` does.
func lineFaults(get func(string) string, environ func() []string, args []string) []string {
	p := &program{out: io.Discard, errs: io.Discard, in: strings.NewReader(""), getenv: get, environ: environ, configDir: os.UserConfigDir}
	from, _, err := p.rootCommand().Find([]string{"config", "check"})
	if err != nil {
		return []string{err.Error()}
	}
	tried, err := p.try(from, args)
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	for _, f := range tried.faults() {
		faults = append(faults, f.Error())
	}
	if tried.cmd.HasSubCommands() {
		faults = append(faults, strings.Join(args, " ")+" names no command")
	}
	if err := validArgs(tried.cmd); err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

func validArgs(cmd *cobra.Command) error { return cmd.ValidateArgs(cmd.Flags().Args()) }

// TestComposeServicesFail: each rule is broken once.
func TestComposeServicesFail(t *testing.T) {
	t.Parallel()
	d, services := composeServices(t)
	for _, c := range []struct {
		service string
		change  func(*compose.Service)
		want    string
	}{
		{"migrate", func(s *compose.Service) { s.Command = []string{"migrate", "upp"} }, "names no command"},
		{"migrate", func(s *compose.Service) { s.Command = []string{"migrat", "up"} }, "there is no command"},
		{"migrate", func(s *compose.Service) { s.Command = []string{"migrate", "up", "now"} }, "now"},
		{"topics", func(s *compose.Service) { s.Command = []string{"topics", "apply", "--replicas", "1"} }, "there is no flag --replicas"},
		{"topics", func(s *compose.Service) { s.Environment["UNWIND_KAFKA_BROKER"] = "kafka:19092" }, "UNWIND_KAFKA_BROKER"},
		{"coordinator-1", func(s *compose.Service) { s.Environment["UNWIND_LISTN"] = "0.0.0.0:8080" }, "UNWIND_LISTN is read by nobody"},
		{"coordinator-1", func(s *compose.Service) { s.Environment["OTEL_EXPORTER_OTLP_END"] = "x" }, "OTEL_EXPORTER_OTLP_END is read by nobody"},
		{"coordinator-1", func(s *compose.Service) { s.Environment["OTEL_TRACES_EXPORTER"] = "jaeger" }, "OTEL_TRACES_EXPORTER"},
		{"coordinator-1", func(s *compose.Service) { s.Environment["UNWIND_WRITERS"] = "many" }, "UNWIND_WRITERS"},
		{"coordinator-2", func(s *compose.Service) {
			delete(s.Environment, "UNWIND_INSECURE")
			s.Environment["UNWIND_AUTH"] = "none"
		}, "can be reached from other machines"},
		{"coordinator-2", func(s *compose.Service) { s.Health = []string{"CMD", "/bin/unwind", "readyy"} }, "there is no command"},
		{"definitions", func(s *compose.Service) { s.Command = []string{"def", "apply", "/travel/trip.yaml"} }, "/travel/trip.yaml is not in the image"},
		{"definitions", func(s *compose.Service) { s.Command = []string{"def", "apply"} }, "found no argument"},
		{"migrate", func(s *compose.Service) { s.Environment["UNWIND_LISTEN"] = "0.0.0.0:1" }, "UNWIND_LISTEN is read by nobody"},
	} {
		i := slices.IndexFunc(services, func(s compose.Service) bool { return s.Name == c.service })
		s := services[i]
		s.Environment = maps.Clone(s.Environment)
		c.change(&s)
		require.Contains(t, strings.Join(serviceFaults(s, d), "\n"), c.want)
	}
	_, err := os.Stat(filepath.Join("../..", d.Source("/travel/travel.yaml")))
	require.NoError(t, err)
}
