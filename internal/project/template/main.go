// Command stock is a participant: it reserves items for orders, releases them when an
// order turns back, and ships them. Each command runs in one transaction of its own
// Postgres, once, however often it comes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga/participant"
)

// name is the participant's, that of its command topic, and of its schema in Postgres.
const name = "stock"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "stock:", err)
		os.Exit(1)
	}
}

// run takes commands until ctx ends.
func run(ctx context.Context) error {
	databaseURL, brokers, err := servers()
	if err != nil {
		return err
	}
	// The tables of its outbox and its guard, in its own schema. Where programs may not
	// create tables, let a person with the rights run this once.
	if err := migrations.Up(ctx, databaseURL, name, migrations.Outbox, migrations.Participant); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, createTables); err != nil {
		return err
	}
	p, err := participant.New(participant.Config{Name: name, Pool: pool, Kafka: kafka.Config{Brokers: brokers}})
	if err != nil {
		return err
	}
	participant.Handle(p, "reserve", reserve)
	participant.HandleUndo(p, "release", release)
	participant.Handle(p, "ship", ship)
	slog.InfoContext(ctx, "stock takes commands")
	return p.Run(ctx)
}

// servers says where Postgres and Kafka are: the environment does, else the unwind dev
// that runs in this folder.
func servers() (databaseURL string, brokers []string, err error) {
	if url := os.Getenv("UNWIND_DATABASE_URL"); url != "" {
		return url, strings.Split(os.Getenv("UNWIND_KAFKA_BROKERS"), ","), nil
	}
	data, err := os.ReadFile(".unwind/dev.json")
	if err != nil {
		return "", nil, errors.New("start unwind dev in this folder, or set UNWIND_DATABASE_URL and UNWIND_KAFKA_BROKERS")
	}
	var at struct {
		DatabaseURL string   `json:"databaseUrl"`
		Brokers     []string `json:"brokers"`
	}
	if err := json.Unmarshal(data, &at); err != nil {
		return "", nil, fmt.Errorf("read .unwind/dev.json: %w", err)
	}
	return at.DatabaseURL, at.Brokers, nil
}
