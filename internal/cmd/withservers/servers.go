package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/unwindhq/unwind/internal/server"
	"github.com/unwindhq/unwind/internal/testserver"
)

// stopTimeout limits the servers' stop; they are killed after that.
const stopTimeout = 30 * time.Second

// servers are the servers that this command has started.
type servers struct {
	dir         string
	postgres    *server.Postgres
	kafka       *server.Kafka
	environment []string // "NAME=value" for the command
}

// startServers starts what the environment does not name already, both at a
// time. The result must be stopped, also after an error.
func startServers(ctx context.Context) (*servers, error) {
	dir, err := testserver.TempDir()
	if err != nil {
		return &servers{}, err
	}
	s := &servers{dir: dir}
	var wait sync.WaitGroup
	var pgErr, kafkaErr, jaegerErr error
	if os.Getenv(testserver.EnvDatabaseURL) == "" {
		wait.Go(func() { s.postgres, pgErr = testserver.StartPostgres(ctx, s.path("postgres")) })
	}
	if os.Getenv(testserver.EnvKafkaBrokers) == "" {
		wait.Go(func() { s.kafka, kafkaErr = testserver.StartKafka(ctx, s.path("kafka")) })
	}
	// Not started here: only few tests want one. But its first build outlasts a test.
	wait.Go(func() { jaegerErr = server.BuildJaeger(ctx, "", os.Stderr) })
	wait.Wait()
	if s.postgres != nil {
		s.environment = append(s.environment, testserver.EnvDatabaseURL+"="+s.postgres.URL())
	}
	if s.kafka != nil {
		s.environment = append(s.environment, testserver.EnvKafkaBrokers+"="+strings.Join(s.kafka.Brokers(), ","))
	}
	return s, errors.Join(tolerate("PostgreSQL", pgErr), tolerate("Kafka", kafkaErr), tolerate("Jaeger", jaegerErr))
}

func (s *servers) path(name string) string { return filepath.Join(s.dir, name) }

// tolerate turns a missing server into a loud line, except in CI.
func tolerate(what string, err error) error {
	if err == nil || testserver.InCI() {
		return err
	}
	testserver.NotRun(os.Stderr, "all tests on a real "+what, what, err)
	return nil
}

// stop ends the servers and removes their files. Kafka is stopped in good
// order, not killed: its first clean stop makes later starts quicker.
func (s *servers) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var faults []error
	if s.kafka != nil {
		faults = append(faults, s.kafka.Stop(ctx))
	}
	if s.postgres != nil {
		faults = append(faults, s.postgres.Stop(ctx))
	}
	if s.dir != "" {
		faults = append(faults, server.RemovePostgres(s.path("postgres")), os.RemoveAll(s.dir))
	}
	if err := errors.Join(faults...); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "withservers:", err)
	}
}
