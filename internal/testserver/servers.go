package testserver

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/server"
)

// databasePrefix starts the names of tests' databases.
const databasePrefix = "unwind_test_"

// Postgres returns the URL of a fresh, empty database of t's own on the shared
// server. It is dropped when t ends, with all connections to it.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := os.Getenv(EnvDatabaseURL)
	if admin == "" {
		postgres, err := shared.startPostgres()
		if err != nil {
			Unavailable(t, "PostgreSQL", err)
		}
		admin = postgres.URL()
	}
	name := databasePrefix + strings.ToLower(rand.Text())
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	address, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("read %s as a URL: %v", EnvDatabaseURL, err)
	}
	address.Path = "/" + name
	return address.String()
}

// execute runs one statement on a connection of its own. The names in it are
// this package's, so nothing needs quoting.
func execute(t testing.TB, databaseURL, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		t.Fatalf("connect to the test server: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Kafka returns the addresses of the shared broker. Topics are not created by
// use; a test creates its own, with names that no other test uses.
func Kafka(t testing.TB) []string {
	t.Helper()
	if brokers := os.Getenv(EnvKafkaBrokers); brokers != "" {
		return strings.Split(brokers, ",")
	}
	kafka, err := shared.startKafka()
	if err != nil {
		Unavailable(t, "Kafka", err)
	}
	return kafka.Brokers()
}

// Jaeger returns the shared Jaeger. It is always this process's own; its first start
// on a machine builds it, which takes some minutes.
func Jaeger(t testing.TB) *server.Jaeger {
	t.Helper()
	jaeger, err := shared.startJaeger()
	if err != nil {
		Unavailable(t, "Jaeger", err)
	}
	return jaeger
}

// killedSession is how long a killed broker may have to wait for itself.
const killedSession = 3 * time.Second

// RestartableKafka returns a broker of t's own, which t may kill, stop and
// start again. It is stopped when t ends.
func RestartableKafka(t testing.TB) *server.Kafka {
	t.Helper()
	dir := folder(t)
	kafka, err := startKafka(t.Context(), server.KafkaConfig{Dir: dir, Session: killedSession})
	if err != nil {
		Unavailable(t, "Kafka", err)
	}
	t.Cleanup(func() {
		kafka.Kill() // its data is removed next: a clean stop would only take longer
		report(kafka.Stop(context.Background()))
	})
	return kafka
}

// RestartablePostgres returns a server of t's own, which t may kill, stop and
// start again. It is stopped when t ends. What it committed survives a kill.
func RestartablePostgres(t testing.TB) *server.Postgres {
	t.Helper()
	dir := folder(t)
	t.Cleanup(func() { report(server.RemovePostgres(dir)) })
	postgres, err := StartPostgres(t.Context(), dir)
	if err != nil {
		Unavailable(t, "PostgreSQL", err)
	}
	t.Cleanup(func() {
		postgres.Kill() // as above
		report(postgres.Stop(context.Background()))
	})
	return postgres
}

// folder returns a folder for a server of t's own, removed when t ends. It is
// not t.TempDir, which an unprivileged server cannot enter.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := TempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { report(os.RemoveAll(dir)) })
	return filepath.Join(dir, "server")
}
