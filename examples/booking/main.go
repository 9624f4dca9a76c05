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
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/client"
	"github.com/unwindhq/unwind/node"
	"github.com/unwindhq/unwind/saga"
)

// options are the flags.
type options struct {
	database string
	brokers  []string // Kafka's; none: the steps are local
	prefix   string   // of the topics' names
	trips    int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "replay" {
		os.Exit(replay(ctx, os.Args[2:])) //nolint:gocritic // nothing is left to stop
	}
	var o options
	flag.StringVar(&o.database, "database", "", "Postgres, as a URL")
	brokers := flag.String("kafka", "", "Kafka's addresses, host:port,host:port: the steps are then carried out by a participant behind it")
	flag.StringVar(&o.prefix, "topic-prefix", "unwind.", "what the names of the topics begin with")
	flag.IntVar(&o.trips, "trips", 100, "how many trips to book")
	flag.Parse()
	if *brokers != "" {
		o.brokers = strings.Split(*brokers, ",")
	}
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// replay runs the histories of the trips again with the functions of this program, to
// find before a deploy what they would not do as they did.
func replay(ctx context.Context, args []string) int {
	var trips []*saga.Code
	for _, o := range []options{{}, {brokers: []string{"some"}}} {
		trip, err := newTrip(o.saga())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		trips = append(trips, trip)
	}
	return node.ReplayMain(ctx, args, os.Stdout, os.Stderr, trips...)
}

// run books the trips and says how they fared.
func run(ctx context.Context, out io.Writer, o options) error {
	conn, err := pgx.Connect(ctx, o.database)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, createTickets); err != nil {
		return fmt.Errorf("create the table: %w", err)
	}
	n, err := newNode(o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var g errgroup.Group
	part := func(run func(context.Context) error) {
		g.Go(func() error { defer stop(); return run(ctx) })
	}
	part(n.Run)
	select {
	case <-n.Ready():
		fmt.Fprintln(out, "serving", n.URL())
		if len(o.brokers) > 0 {
			part(func(ctx context.Context) error { return runTickets(ctx, o) })
		}
		err = book(ctx, n, o)
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

// saga is what the trips are called: two sagas, since they ask different desks.
func (o options) saga() (name, desk string) {
	if len(o.brokers) == 0 {
		return "bookTrip", saga.Local
	}
	return "bookTripAfar", tickets
}

func newNode(o options) (*node.Node, error) {
	trip, err := newTrip(o.saga())
	if err != nil {
		return nil, err
	}
	return node.New(node.Config{
		DatabaseURL: o.database, Migrate: true, Code: []*saga.Code{trip}, Locals: localSteps(),
		Brokers: o.brokers, TopicPrefix: o.prefix, CreateTopics: true,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
}

// most is how many trips are under way at once, as far as this program waits for
// them.
const most = 64

// book starts every trip, whatever an earlier run has started already, and waits
// for its end.
func book(ctx context.Context, n *node.Node, o options) error {
	c, err := n.Client()
	if err != nil {
		return err
	}
	if len(o.brokers) > 0 {
		if _, err := c.ApplyContract(ctx, "tickets.yaml", []byte(contract), false, ""); err != nil {
			return fmt.Errorf("apply the contract: %w", err)
		}
	}
	name, _ := o.saga()
	g, starting := errgroup.WithContext(ctx)
	g.SetLimit(most)
	ids := make([]string, o.trips)
	for i := range o.trips {
		g.Go(func() error {
			in := Trip{Number: i, Cents: 300_00}
			if i%11 == 0 {
				in.Cents = 50_00
			}
			started, _, err := c.Start(starting, client.Start{Definition: name, Key: name + strconv.Itoa(i), Input: in})
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
