package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/embedded"
	"github.com/unwindhq/unwind/kafka"
)

// stopTime bounds the orderly end of the own Postgres.
const stopTime = 15 * time.Second

// WorldConfig configures a World. Its zero value starts everything in
// embedded.DefaultDir.
type WorldConfig struct {
	// Dir is the folder of the state of own servers; default embedded.DefaultDir.
	Dir string
	// DatabaseURL, if given, is used and no Postgres is started.
	DatabaseURL string
	// Brokers, if given, are used and no Kafka is started.
	Brokers []string
	// Listen is the address of the REST API. Default 127.0.0.1:0, a free port.
	Listen string
	// Partitions is how many partitions a command topic gets; default 3.
	Partitions int32
	// NoSync leaves it to the system when the own Kafka's records reach the disk.
	NoSync bool
	// Version is the program's, for people.
	Version string
	// Progress receives lines while server binaries are downloaded; nil: none.
	Progress io.Writer
	// Log receives what is worth knowing; nil discards it.
	Log *slog.Logger
}

func (c WorldConfig) withDefaults() WorldConfig {
	if c.Dir == "" {
		c.Dir = embedded.DefaultDir
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Partitions == 0 {
		c.Partitions = 3
	}
	return c
}

// World is a Postgres, a Kafka and a coordinator.
type World struct {
	cfg      WorldConfig
	postgres *embedded.Postgres
	kafka    *embedded.Kafka
	admin    *kafka.Admin
	app      *app.App
}

// Open starts the servers. The caller ends them with Close. It returns
// embedded.ErrInUse if another process runs in Dir.
func Open(ctx context.Context, cfg WorldConfig) (*World, error) {
	w := &World{cfg: cfg.withDefaults()}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) open(ctx context.Context) error {
	// Not the group's context: it ends with the group, and the servers stay.
	var group errgroup.Group
	group.Go(func() (err error) {
		w.postgres, err = embedded.StartPostgres(ctx, embedded.Config{
			Dir: w.cfg.Dir, URL: w.cfg.DatabaseURL, Progress: w.cfg.Progress, Log: w.cfg.Log,
		})
		return err
	})
	group.Go(func() (err error) {
		w.kafka, err = embedded.StartKafka(ctx, embedded.KafkaConfig{
			Dir: w.cfg.Dir, Brokers: w.cfg.Brokers, NoSync: w.cfg.NoSync, Log: w.cfg.Log,
		})
		return err
	})
	err := group.Wait()
	if err != nil {
		return err
	}
	if w.admin, err = kafka.NewAdmin(kafka.Config{Brokers: w.Brokers(), Log: w.cfg.Log}); err != nil {
		return err
	}
	w.app, err = app.New(app.Config{
		DatabaseURL: w.DatabaseURL(), Brokers: w.Brokers(), Listen: w.cfg.Listen, Partitions: w.cfg.Partitions,
		Migrate: true, CreateTopics: true, Version: w.cfg.Version, Log: w.cfg.Log,
	})
	return err
}

// DatabaseURL returns the address of Postgres.
func (w *World) DatabaseURL() string { return w.postgres.URL() }

// Brokers returns the addresses of Kafka.
func (w *World) Brokers() []string { return w.kafka.Brokers() }

// CreateTopics creates what the coordinator and the participants need in Kafka.
// What is there already stays.
func (w *World) CreateTopics(ctx context.Context, participants ...string) error {
	plan := app.Topics{Partitions: w.cfg.Partitions}.Plan(participants...)
	if err := w.admin.Create(ctx, plan...); err != nil {
		return fmt.Errorf("create the topics: %w", err)
	}
	return nil
}

// Run runs the coordinator until ctx ends. Run it once.
func (w *World) Run(ctx context.Context) error { return w.app.Run(ctx) }

// Ready is closed once sagas can be started; never if Run fails before.
func (w *World) Ready() <-chan struct{} { return w.app.Ready() }

// URL returns the REST API's address once Ready is closed.
func (w *World) URL() string { return w.app.URL() }

// Close stops the own servers; call it after Run has returned.
func (w *World) Close() error {
	var err error
	if w.kafka != nil {
		w.kafka.Stop()
	}
	if w.postgres != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		err = w.postgres.Stop(ctx)
	}
	return err
}
