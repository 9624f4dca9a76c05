// Command transfer moves money between accounts, with nothing but Postgres: a declared
// saga (transfer.yaml) whose steps are functions of this process with a transaction of
// their own, and whose semantic lock keeps transfers of one account apart.
//
//	go run ./examples/transfer -database postgres://localhost/bank -transfers 100
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

//go:embed transfer.yaml
var definition []byte

// accounts have 100 euros each in the beginning; carl's is closed.
var accounts = []string{"anna", "bob", "carl", "dora"}

func main() {
	database := flag.String("database", "", "Postgres, as a URL")
	transfers := flag.Int("transfers", 100, "how many transfers to make")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *database, *transfers); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// run makes the transfers and says what has become of the money.
func run(ctx context.Context, out io.Writer, database string, transfers int) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, createAccounts); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	if _, err := conn.Exec(ctx, openAccounts, accounts); err != nil {
		return fmt.Errorf("open the accounts: %w", err)
	}
	cfg := node.Config{DatabaseURL: database, Migrate: true, Locals: steps(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if err := node.With(ctx, cfg, func(ctx context.Context, c *client.Client) error { return transfer(ctx, c, transfers) }); err != nil {
		return err
	}
	var sum, least, moved int
	if err := conn.QueryRow(ctx, readAccounts).Scan(&sum, &least, &moved); err != nil {
		return fmt.Errorf("read the accounts: %w", err)
	}
	fmt.Fprintf(out, "%d cents in all, %d on the poorest account, %d credits\n", sum, least, moved)
	return nil
}

// transfer starts all transfers at once and waits for their ends.
func transfer(ctx context.Context, c *client.Client, transfers int) error {
	if _, err := c.ApplyDefinition(ctx, "transfer.yaml", definition); err != nil {
		return err
	}
	starts := make([]client.Start, transfers)
	for i := range starts {
		from, to := accounts[i%len(accounts)], accounts[(i+1+i/len(accounts)%3)%len(accounts)]
		starts[i] = client.Start{Definition: "transfer", Key: fmt.Sprint("transfer-", i), Input: Transfer{From: from, To: to, Cents: 10_00 + i}}
	}
	started, err := c.StartMany(ctx, starts)
	if err != nil {
		return err
	}
	for i := range started {
		if problem := started[i].Problem; problem != nil {
			return fmt.Errorf("start transfer %d: %s", i, problem.Detail)
		}
		if _, err := c.Wait(ctx, started[i].ID, client.End); err != nil {
			return fmt.Errorf("wait for transfer %d: %w", i, err)
		}
	}
	return nil
}
