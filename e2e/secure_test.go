package e2e

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/unwindhq/unwind/internal/testserver"
	"github.com/unwindhq/unwind/saga"
)

// TestSecured runs sagas where nothing goes in clear: Kafka by SCRAM over TLS,
// Postgres by password over verified TLS. The programs get their passwords by
// file only, and show them to nobody.
func TestSecured(t *testing.T) {
	t.Parallel()
	b, db := testserver.SecureKafka(t), testserver.SecurePostgres(t)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
		return path
	}
	w := &world{
		t: t, database: db.Full(t), brokers: []string{b.Open},
		prefix: "e2e." + strings.ToLower(rand.Text()[:8]) + ".", taps: map[string]*tap{},
	}
	escaped := strings.NewReplacer(`\`, `\\`, `:`, `\:`).Replace(db.Password)
	w.extra = []string{ // the last of a name counts
		"UNWIND_DATABASE_URL=" + db.Address + "?sslmode=verify-full&sslrootcert=" + url.QueryEscape(db.CAFile),
		"UNWIND_DATABASE_PASSWORD_FILE=" + file("database", db.Password),
		"PGPASSFILE=" + file("pgpass", "*:*:*:*:"+escaped), // for the participants
		"UNWIND_KAFKA_BROKERS=" + b.SASL, "UNWIND_KAFKA_TLS=true", "UNWIND_KAFKA_TLS_CA_FILE=" + b.CAFile,
		"UNWIND_KAFKA_SASL=scram-sha-512", "UNWIND_KAFKA_USER=" + b.User, "UNWIND_KAFKA_PASSWORD_FILE=" + file("kafka", b.Password),
	}
	w.raise(t, 1)
	w.ended(t, w.start(t, "trip", script{}), saga.Completed)
	w.ended(t, w.start(t, "trip", script{"payments": {"reject"}}), saga.Compensated)
	for _, p := range []*process{w.nodes[0].process, w.hands} {
		for _, password := range []string{b.Password, db.Password, url.QueryEscape(db.Password)} {
			require.NotContains(t, p.output(), password)
			require.NotContains(t, strings.Join(p.cmd.Args, " "), password)
		}
	}
}

// TestUnprotectedConnectionsAreRefused is what the first try without certificates
// is told.
func TestUnprotectedConnectionsAreRefused(t *testing.T) {
	t.Parallel()
	for want, env := range map[string][]string{
		"PLAIN to kafka.example.com:9093 without TLS": {
			"UNWIND_DATABASE_URL=postgres://ada@localhost/x", "UNWIND_KAFKA_BROKERS=kafka.example.com:9093",
			"UNWIND_KAFKA_SASL=plain", "UNWIND_KAFKA_USER=ada", "UNWIND_KAFKA_PASSWORD=hunter2",
		},
		"sslmode=verify-full": {"UNWIND_DATABASE_URL=postgres://ada:hunter2@db.example.com/x"},
	} {
		p := launch(t, env, unwindBinary, "serve")
		<-p.ended
		require.Equal(t, 2, p.cmd.ProcessState.ExitCode(), p.output())
		require.Contains(t, p.output(), want)
		require.NotContains(t, p.output(), "hunter2")
	}
}
