// Command pipeline reads a thousand documents side by side and stores what they come
// to, with nothing but Postgres: a declared saga (pipeline.yaml), two steps without a
// transaction, which may run twice and do no harm, and one with.
//
//	go run ./examples/pipeline -database postgres://localhost/library -documents 1000
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/node"
)

//go:embed pipeline.yaml
var definition []byte

func main() {
	database := flag.String("database", "", "Postgres, as a URL")
	documents := flag.Int("documents", 1000, "how many documents to read")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *database, *documents); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// run reads the documents and says how many words they have.
func run(ctx context.Context, out io.Writer, database string, documents int) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, createCounts); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	cfg := node.Config{DatabaseURL: database, Migrate: true, Locals: steps(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	return node.With(ctx, cfg, func(ctx context.Context, c *client.Client) error {
		if _, err := c.ApplyDefinition(ctx, "pipeline.yaml", definition); err != nil {
			return err
		}
		started, _, err := c.Start(ctx, client.Start{Definition: "countWords", Input: map[string]int{"documents": documents}})
		if err != nil {
			return err
		}
		ended, err := c.Wait(ctx, started.ID, client.End)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s %s\n", ended.Title, ended.Status, ended.Output)
		return nil
	})
}
