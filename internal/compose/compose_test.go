package compose

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

func exists(path string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(path)))
	return !errors.Is(err, fs.ErrNotExist)
}

// read reads the repository's files.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(data)
}

func goVersion(t *testing.T) string {
	t.Helper()
	return regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
}

func TestComposeFileIsSound(t *testing.T) {
	t.Parallel()
	d, err := ReadDockerfile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	require.Empty(t, d.Faults(goVersion(t), exists))
	f, err := Load(t.Context(), filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	require.Empty(t, f.Faults(d, exists))
	var order []string
	for _, s := range f.Programs() {
		order = append(order, s.Name)
	}
	require.Equal(t, "migrate topics coordinator-1 coordinator-2 definitions travel-topics flights hotels payments load", strings.Join(order, " "))
}

// TestComposeFails: each rule is broken once.
func TestComposeFails(t *testing.T) {
	t.Parallel()
	d, err := ReadDockerfile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	text := read(t, "docker-compose.yml")
	for _, c := range [][3]string{
		{"postgres:17.5", "postgres:latest", `service postgres: image "postgres:latest": pin it`},
		{"postgres:17.5", "postgres", "pin it"},
		{"127.0.0.1:5432:5432", "5432:5432", "port 5432: bind it to loopback"},
		{"127.0.0.1:5432:5432", "0.0.0.0:5432:5432", "bind it to loopback"},
		{"127.0.0.1:8081:8080", "127.0.0.1:8080:8080", "port 8080: coordinator-1 publishes it, too"},
		{"127.0.0.1:8081:8080", "127.0.0.1:8081:8082", "leads to 8082, which is not among the ports of expose"},
		{"[/bin/hotels]", "[/bin/hostels]", "service hotels: /bin/hostels is no program of the image"},
		{"[CMD, /bin/unwind, ready]", "[CMD, /bin/curl, ready]", "healthcheck: /bin/curl is no program"},
		{"[CMD, /bin/unwind, ready]", "[CMD-SHELL, /bin/unwind ready]", "begin it with CMD"},
		{"    healthcheck: {disable: true} # it serves", "    # it serves", "service load: no healthcheck"},
		{"read_only: true", "read_only: false", "give it no right that it does not need"},
		{"cap_drop: [ALL]", "cap_drop: [NET_RAW]", "give it no right"},
		{`["no-new-privileges:true"]`, `["no-new-privileges:false"]`, "give it no right"},
		{"memory: 512M", "pids: 100", "limit its memory"},
		{"postgres: {condition: service_healthy}", "postgres: {condition: service_started}", "service migrate: depends on postgres with service_started: write service_healthy"},
		{"migrate: {condition: service_completed_successfully}", "migrate: {condition: service_started}", "write service_completed_successfully"},
		{"flights: {condition: service_started}", "flights: {condition: service_healthy}", "write service_started"},
		{"kafka:19092\n", "kafka:29092\n", "kafka:29092: kafka does not expose 29092"},
		{"kafka:19092\n", "broker:19092\n", "broker:19092: there is no service broker"},
		{"@postgres:5432", "@database:5432", "there is no service database"},
		{"http://coordinator-1:8080,", "http://coordinator-3:8080,", "service load: coordinator-3:8080: there is no service"},
		{"UNWIND_LISTEN: 0.0.0.0:8080", "UNWIND_LISTEN: 0.0.0.0:8090", "0.0.0.0:8090: coordinator-1 does not expose 8090"},
		{`"http://127.0.0.1:14269/"`, `"http://127.0.0.1:14270/"`, "nothing of it listens on 127.0.0.1:14270"},
		{"1@127.0.0.1:9093", "1@127.0.0.1:9099", "nothing of it listens on 127.0.0.1:9099"},
		{"./deploy/prometheus/alerts.yml", "./deploy/prometheus/alarms.yml", "mounts deploy/prometheus/alarms.yml, which does not exist"},
		{"alerts.yml:ro", "alerts.yml", "mounts deploy/prometheus/alerts.yml to write to"},
		{"  prometheus:\n", "  prometheus:\n  other:\n", "volume other is declared, but no service uses it"},
	} {
		require.Contains(t, text, c[0])
		at := strings.LastIndex(text, c[0]) // anchors come first, the volumes last
		changed := text[:at] + c[1] + text[at+len(c[0]):]
		f, err := parse(t.Context(), root, []byte(changed))
		require.NoError(t, err, c)
		faults := f.Faults(d, exists)
		require.NotEmpty(t, faults, c)
		require.Contains(t, strings.Join(faults, "\n"), c[2])
	}
}

// TestLoaderRefuses: what compose itself would refuse is refused.
func TestLoaderRefuses(t *testing.T) {
	t.Parallel()
	text := read(t, "docker-compose.yml")
	for _, c := range [][3]string{
		{"      postgres: {condition: service_healthy}", "      postgre: {condition: service_healthy}", "postgre"},
		{"    image: postgres:17.5", "    imagine: postgres:17.5", "imagine"},
		{"  postgres:\n  kafka:\n  prometheus:\n", "  postgres:\n  prometheus:\n", "undefined volume kafka"},
		{"condition: service_healthy", "condition: service_well", "service_well"},
	} {
		require.Contains(t, text, c[0])
		_, err := parse(t.Context(), root, []byte(strings.Replace(text, c[0], c[1], 1)))
		require.Error(t, err, c)
	}
	_, err := Load(t.Context(), "none.yml")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
