package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/node"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/code"
)

func main() {
	database := flag.String("database", "", "Postgres, as a URL")
	trips := flag.Int("trips", 100, "how many trips to book")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *database, *trips); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// run books the trips and says how they fared.
func run(ctx context.Context, out io.Writer, database string, trips int) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, createTickets); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	trip, err := code.Func(saga.Definition{Name: "bookTrip", Version: "r1", Title: "Trips", Owner: "team-travel"}, bookTrip)
	if err != nil {
		return err
	}
	n, err := node.New(node.Config{
		DatabaseURL: database, Migrate: true, Code: []*saga.Code{trip}, Locals: steps(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { defer stop(); return n.Run(ctx) })
	select {
	case <-n.Ready():
		fmt.Fprintln(out, "serving", n.URL())
		err = book(ctx, n, trips)
	case <-ctx.Done():
	}
	if err == nil && ctx.Err() == nil {
		err = report(ctx, out, conn)
	}
	stop()
	if runErr := g.Wait(); err == nil {
		err = runErr
	}
	return err
}

// most is how many trips are under way at once, as far as this program waits for
// them.
const most = 64

// book starts every trip, whatever an earlier run has started already, and waits
// for its end.
func book(ctx context.Context, n *node.Node, trips int) error {
	c, err := n.Client()
	if err != nil {
		return err
	}
	g, starting := errgroup.WithContext(ctx)
	g.SetLimit(most)
	ids := make([]string, trips)
	for i := range trips {
		g.Go(func() error {
			in := Trip{Number: i, Cents: 300_00}
			if i%11 == 0 {
				in.Cents = 50_00
			}
			started, _, err := c.Start(starting, client.Start{Definition: "bookTrip", Key: "trip-" + strconv.Itoa(i), Input: in})
			ids[i] = started.ID
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("start the trips: %w", err)
	}
	for _, id := range ids {
		if _, err := c.Wait(ctx, id, client.End); err != nil {
			return fmt.Errorf("wait for trip %s: %w", id, err)
		}
	}
	return nil
}

// report says how many trips are booked, and how many are broken.
func report(ctx context.Context, out io.Writer, conn *pgx.Conn) error {
	var booked, bad int
	if err := conn.QueryRow(ctx, whole).Scan(&booked); err != nil {
		return fmt.Errorf("count the bookings: %w", err)
	}
	if err := conn.QueryRow(ctx, broken).Scan(&bad); err != nil {
		return fmt.Errorf("count what is broken: %w", err)
	}
	fmt.Fprintf(out, "%d booked, %d broken\n", booked, bad)
	return nil
}
