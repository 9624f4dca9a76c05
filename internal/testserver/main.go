// Package testserver gives tests real servers: PostgreSQL, Kafka and Jaeger.
//
// With UNWIND_TEST_DATABASE_URL and UNWIND_TEST_KAFKA_BROKERS set, those
// servers are used. Otherwise the package starts its own, once per test
// process and only when a test asks. A package whose tests use it has
//
//	func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }
//
// Where a server cannot be had (no JDK, no network for a download), the test is
// skipped and says so on standard error; with CI=true it fails instead.
package testserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/unwindhq/unwind/internal/embedded/download"
	"github.com/unwindhq/unwind/internal/server"
)

// The environment variables that name servers to use instead of own ones.
const (
	// EnvDatabaseURL holds a PostgreSQL URL whose user may create databases.
	EnvDatabaseURL = "UNWIND_TEST_DATABASE_URL"
	// EnvKafkaBrokers holds Kafka addresses separated by commas.
	EnvKafkaBrokers = "UNWIND_TEST_KAFKA_BROKERS"
)

const (
	// startTimeout limits a server's start, the first download of Kafka included.
	startTimeout = 10 * time.Minute
	// stopTimeout limits a server's stop; it is killed after that.
	stopTimeout = 30 * time.Second
)

// testSettings trade safety against a power cut, which tests do not have, for speed.
var testSettings = map[string]string{
	"fsync":           "off",
	"max_connections": "600",
}

// shared holds the servers that all tests of this process use. It is a global
// because a test binary has no other place that outlives its tests.
var shared servers

// servers are the shared servers of one test process.
type servers struct {
	mu       sync.Mutex
	dir      string
	postgres *server.Postgres
	kafka    *server.Kafka
	jaeger   *server.Jaeger
	pgErr    error
	kafkaErr error

	jaegerErr error

	secure    *SecureBroker
	secureErr error
}

// Main runs the tests of m, stops the servers that were started for them and
// returns the exit code for os.Exit. An interrupt stops the servers, too.
func Main(m *testing.M) int {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; ok {
			shared.stop()
			os.Exit(1)
		}
	}()
	code := m.Run()
	signal.Stop(signals)
	close(signals)
	shared.stop()
	return code
}

// startPostgres returns the shared server, started at the first call.
func (s *servers) startPostgres() (*server.Postgres, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postgres != nil || s.pgErr != nil {
		return s.postgres, s.pgErr
	}
	var dir string
	if dir, s.pgErr = s.folder("postgres"); s.pgErr == nil {
		s.postgres, s.pgErr = StartPostgres(context.Background(), dir)
	}
	return s.postgres, s.pgErr
}

// startKafka returns the shared broker, started at the first call.
func (s *servers) startKafka() (*server.Kafka, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kafka != nil || s.kafkaErr != nil {
		return s.kafka, s.kafkaErr
	}
	var dir string
	if dir, s.kafkaErr = s.folder("kafka"); s.kafkaErr == nil {
		s.kafka, s.kafkaErr = StartKafka(context.Background(), dir)
	}
	return s.kafka, s.kafkaErr
}

// startJaeger returns the shared Jaeger, started at the first call.
func (s *servers) startJaeger() (*server.Jaeger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jaeger != nil || s.jaegerErr != nil {
		return s.jaeger, s.jaegerErr
	}
	var dir string
	if dir, s.jaegerErr = s.folder("jaeger"); s.jaegerErr == nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		s.jaeger, s.jaegerErr = server.StartJaeger(ctx, server.JaegerConfig{Dir: dir, Progress: os.Stderr})
	}
	return s.jaeger, s.jaegerErr
}

// folder returns a folder in this process's temporary folder, created at the first call.
func (s *servers) folder(name string) (string, error) {
	if s.dir == "" {
		dir, err := TempDir()
		if err != nil {
			return "", err
		}
		s.dir = dir
	}
	return filepath.Join(s.dir, name), nil
}

// stop ends the servers and removes their files.
func (s *servers) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if s.jaeger != nil {
		s.jaeger.Kill()
	}
	if s.kafka != nil {
		report(s.kafka.Stop(ctx))
	}
	if s.secure != nil {
		s.secure.kafka.Kill() // its data is removed next
		report(s.secure.kafka.Stop(ctx))
	}
	if s.postgres != nil {
		report(s.postgres.Stop(ctx))
	}
	if s.dir != "" {
		report(errors.Join(server.RemovePostgres(filepath.Join(s.dir, "postgres")), os.RemoveAll(s.dir)))
	}
	s.jaeger, s.kafka, s.secure, s.postgres, s.dir = nil, nil, nil, nil, ""
}

// TempDir creates a temporary folder that an unprivileged server can enter.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "unwind-test-"+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("create a folder for test servers: %w", err)
	}
	return dir, os.Chmod(dir, 0o755)
}

// StartPostgres starts a server with settings for tests in dir: quick, not safe
// against a power cut. Where none is installed, one is downloaded. The caller
// stops it.
func StartPostgres(ctx context.Context, dir string) (*server.Postgres, error) {
	return startPostgres(ctx, server.PostgresConfig{Dir: dir})
}

// startPostgres starts a server with settings for tests.
func startPostgres(ctx context.Context, config server.PostgresConfig) (*server.Postgres, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	binDir, err := server.FindPostgres(ctx)
	if errors.Is(err, server.ErrNoPostgres) {
		var downloadErr error
		if binDir, downloadErr = download.Postgres(ctx, os.Stderr); downloadErr != nil {
			return nil, errors.Join(err, downloadErr)
		}
	}
	config.BinDir, config.Settings, config.Log = binDir, testSettings, logger()
	return server.StartPostgres(ctx, config)
}

// StartKafka starts a broker in dir. The caller stops it.
func StartKafka(ctx context.Context, dir string) (*server.Kafka, error) {
	return startKafka(ctx, server.KafkaConfig{Dir: dir})
}

func startKafka(ctx context.Context, config server.KafkaConfig) (*server.Kafka, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	config.Progress, config.Log = os.Stderr, logger()
	return server.StartKafka(ctx, config)
}

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// report prints a failure of the cleaning up: it must be seen, but is no test's fault.
func report(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "testserver:", err)
	}
}

// Unavailable ends a test whose server cannot be started: loudly, and in CI as
// a failure. It is the only skip in the project.
func Unavailable(t testing.TB, what string, err error) {
	t.Helper()
	if InCI() {
		t.Fatalf("%s is needed and cannot be started: %v", what, err)
	}
	NotRun(os.Stderr, t.Name(), what, err)
	t.Skipf("NOT RUN: %s cannot be started: %v", what, err)
}

// NotRun writes the line that says that something was not run for want of a server.
func NotRun(w io.Writer, name, what string, err error) {
	_, _ = fmt.Fprintf(w, "NOT RUN: %s: %s cannot be started: %s\n", name, what, strings.TrimSpace(err.Error()))
}

// InCI reports whether this is a CI run, where nothing may be left out.
func InCI() bool { return os.Getenv("CI") == "true" }
