package e2e

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

// write writes a file and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestAFileIsAllTheConfiguration runs a saga with nothing but a file: no flag, no
// variable.
func TestAFileIsAllTheConfiguration(t *testing.T) {
	t.Parallel()
	port, err := server.FreePort(1)
	require.NoError(t, err)
	w := &world{t: t, database: testserver.Postgres(t), brokers: testserver.Kafka(t), prefix: "e2e." + strings.ToLower(rand.Text()[:8]) + "."}
	list, err := json.Marshal(w.brokers)
	require.NoError(t, err)
	file := write(t, "unwind.yaml", strings.Join([]string{
		"# one file for all commands", "database-url-file: " + write(t, "database", w.database+"\n"), "kafka-brokers: " + string(list),
		"topic-prefix: " + w.prefix, "command-partitions: 3", "listen: " + server.Address(port), "metrics-listen: off",
		"url: http://" + server.Address(port), "",
	}, "\n"))
	unwind := func(args ...string) { command(t, nil, unwindBinary, append(args, "--config", file)...) }
	unwind("config", "check")
	unwind("migrate", "up")
	unwind("topics", "apply")
	w.nodes = []*node{{process: launch(t, nil, unwindBinary, "serve", "--config", file), url: "http://" + server.Address(port)}}
	w.ready(0)
	unwind("def", "apply", write(t, "trip.yaml", definitions["trip"]))
	unwind("topics", "apply")
	w.employ(participants)
	unwind("saga", "start", "trip", "--input", `{"script":{}}`, "--wait", "end")
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	file := write(t, "unwind.yaml", strings.Join([]string{
		"database-url: postgres://unwind:s3cret@db/unwind", // 1
		"listen: 0.0.0.0",           // 2
		"writers: many",             // 3
		"kafka-broker: [a:9092]",    // 4
		"log: loud",                 // 5
		"insecure: perhaps",         // 6
		"replication-factor: three", // 7
		"log: info",                 // 8
	}, "\n"))
	cmd := exec.CommandContext(t.Context(), unwindBinary, "config", "check", "--config", file)
	cmd.Env = append(os.Environ(), "UNWIND_SCHEMAS=x", "UNWIND_COMMAND_PARTITIONS=-1", "UNWIND_PORT_8080_TCP=tcp://10.0.0.1:8080")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.NotContains(t, string(out), "s3cret")
	require.NotContains(t, string(out), "UNWIND_PORT_8080_TCP")
	for _, want := range []string{
		":8: log: is there twice, first at " + file + ":5",
		":1: database-url: a secret is not written where others can read it: give it as UNWIND_DATABASE_URL",
		":2: listen: \"0.0.0.0\": write it like 127.0.0.1:8080",
		":3: writers: want a whole number, found \"many\"",
		":4: kafka-broker: there is no such setting; did you mean kafka-brokers?",
		":6: insecure: want true or false, found \"perhaps\"",
		":7: replication-factor: want a whole number, found \"three\"",
		"UNWIND_SCHEMAS: no setting has this variable; did you mean UNWIND_SCHEMA?",
		"UNWIND_COMMAND_PARTITIONS: is -1, must be at least 1",
	} {
		require.Contains(t, string(out), want)
	}
	require.Len(t, strings.Split(strings.TrimSpace(string(out)), "\n"), 9, string(out))
}
