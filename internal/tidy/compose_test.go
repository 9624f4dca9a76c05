package tidy

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
)

const composeFile = "docker-compose.yml"

// compose is the part of a compose file that the rules look at.
type compose struct {
	Services map[string]composeService `yaml:"services"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type composeService struct {
	Image       string    `yaml:"image"`
	Build       yaml.Node `yaml:"build"`
	Ports       []string  `yaml:"ports"`
	Volumes     []string  `yaml:"volumes"`
	DependsOn   yaml.Node `yaml:"depends_on"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

var (
	pinned   = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9][A-Za-z0-9.-]*$`)
	loopback = regexp.MustCompile(`^127\.0\.0\.1:[0-9]+:[0-9]+$`)
)

// checkCompose finds what makes the compose file surprise people: images that
// change by themselves, ports open to the network, data that is lost, services
// of which nobody knows whether they are up.
func checkCompose(files tree) []fault {
	text, ok := files[composeFile]
	if !ok {
		return []fault{{composeFile, 1, "is missing: the README names it"}}
	}
	var c compose
	if err := yaml.Unmarshal(text, &c); err != nil {
		return []fault{{composeFile, 1, err.Error()}}
	}
	var faults []fault
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		for _, what := range append(serviceFaults(c.Services[name]), volumeFaults(c, name, used)...) {
			faults = append(faults, fault{composeFile, serviceLine(text, name), "service " + name + ": " + what})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Volumes)) {
		if !used[name] {
			faults = append(faults, fault{composeFile, 1, "volume " + name + " is declared, but no service uses it"})
		}
	}
	return faults
}

func serviceFaults(s composeService) []string {
	var faults []string
	if s.Build.IsZero() && !pinned.MatchString(s.Image) {
		faults = append(faults, fmt.Sprintf("image %q: pin it to a version, such as postgres:17.5", s.Image))
	}
	if len(s.Healthcheck.Test) == 0 {
		faults = append(faults, "no healthcheck: say how to know that it serves")
	}
	for _, port := range s.Ports {
		if !loopback.MatchString(port) {
			faults = append(faults, fmt.Sprintf("port %q: bind it to loopback, 127.0.0.1:HOST:CONTAINER", port))
		}
	}
	return faults
}

// volumeFaults finds volumes and services that a service names but nobody
// declares; it notes the volumes in used.
func volumeFaults(c compose, name string, used map[string]bool) []string {
	var faults []string
	for _, v := range c.Services[name].Volumes {
		source, _, _ := strings.Cut(v, ":")
		if strings.HasPrefix(source, ".") {
			continue
		}
		used[source] = true
		if _, ok := c.Volumes[source]; !ok {
			faults = append(faults, fmt.Sprintf("volume %q is not declared under volumes", source))
		}
	}
	for _, other := range dependencies(c.Services[name].DependsOn) {
		if _, ok := c.Services[other]; !ok {
			faults = append(faults, fmt.Sprintf("depends on %q, which is no service", other))
		}
	}
	return faults
}

// dependencies reads both forms of depends_on, a list and a map.
func dependencies(n yaml.Node) []string {
	var list []string
	if n.Decode(&list) == nil {
		return list
	}
	var byName map[string]any
	if n.Decode(&byName) == nil {
		return slices.Sorted(maps.Keys(byName))
	}
	return nil
}

func serviceLine(text []byte, name string) int {
	at := bytes.Index(text, []byte("\n  "+name+":"))
	return lineOf(text, at+1)
}

func TestComposeFails(t *testing.T) {
	t.Parallel()
	good := "services:\n  pg:\n    image: postgres:17.5\n    ports: [\"127.0.0.1:5432:5432\"]\n    volumes: [\"data:/var/lib\"]\n    healthcheck: {test: [CMD, pg_isready]}\nvolumes:\n  data: {}\n"
	require.Empty(t, checkCompose(tree{composeFile: []byte(good)}))
	for _, c := range [][3]string{
		{"postgres:17.5", "postgres:latest", ":2: service pg: image"},
		{"postgres:17.5", "postgres", "image"},
		{"127.0.0.1:", "", `port "5432:5432": bind it`},
		{"127.0.0.1:", "0.0.0.0:", "bind it to loopback"},
		{"test: [CMD, pg_isready]", "", "no healthcheck"},
		{"data:/var", "lost:/var", `volume "lost" is not declared`},
		{"    healthcheck", "    depends_on: [gone]\n    healthcheck", `depends on "gone"`},
		{"    healthcheck", "    depends_on: {gone: {condition: x}}\n    healthcheck", `depends on "gone"`},
		{"  data: {}", "  data: {}\n  other: {}", "volume other is declared"},
	} {
		faults := checkCompose(tree{composeFile: []byte(strings.Replace(good, c[0], c[1], 1))})
		require.NotEmpty(t, faults, c)
		require.Contains(t, faults[0].String(), c[2])
	}
	requireFaults(t, checkCompose(tree{}), "is missing")
	requireFaults(t, checkCompose(tree{composeFile: []byte("services: [")}), composeFile+":1")
}
