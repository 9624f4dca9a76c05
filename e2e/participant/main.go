// Command participant is what the end-to-end tests drive: participants made with
// the SDK, each with its own schema, that do what the saga's input tells them.
//
// The input's script gives, for each participant, what becomes of one call of its
// handler after the other; the last word counts for all further calls, and without
// one all goes well. The key is the participant's name, with ".undo" behind it for
// compensations. The words:
//
//	ok          succeed
//	bare        succeed with an empty result
//	reject      refuse, after the effect was written
//	fail        fail, after the effect was written
//	slow:2s     succeed, but only after that time
//
// Every handler first writes its effect into the table effects of its own schema,
// in the transaction that it is given.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga/participant"
	"github.com/unwindhq/unwind/tracing"
)

// options are the program's flag, names, and what the environment says as it does
// to the unwind program.
type options struct {
	database, brokers, prefix, names string
}

func main() {
	var o options
	flag.StringVar(&o.names, "names", "", "the participants to be, separated by commas")
	flag.Parse()
	o.database, o.brokers, o.prefix = os.Getenv("UNWIND_DATABASE_URL"), os.Getenv("UNWIND_KAFKA_BROKERS"), os.Getenv("UNWIND_TOPIC_PREFIX")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "participant:", err)
		os.Exit(1)
	}
}

// run runs all participants until ctx ends. It prints "running" once all of them
// take commands.
func run(ctx context.Context, o options) error {
	config, err := pgxpool.ParseConfig(o.database)
	if err != nil {
		return fmt.Errorf("read the database's URL: %w", err)
	}
	config.MaxConns = maxConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	group, ctx := errgroup.WithContext(ctx)
	var all []*participant.Participant
	for name := range strings.SplitSeq(o.names, ",") {
		p, err := open(ctx, o, name, pool)
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		all = append(all, p)
		group.Go(func() error { return p.Run(ctx) })
	}
	group.Go(func() error {
		for _, p := range all {
			select {
			case <-p.Running():
			case <-ctx.Done():
				return nil
			}
		}
		fmt.Println("running")
		return nil
	})
	return group.Wait()
}

// maxConns bounds the connections of all participants together.
const maxConns = 40

// open migrates a participant's schema and registers its handlers.
func open(ctx context.Context, o options, name string, pool *pgxpool.Pool) (*participant.Participant, error) {
	if err := migrations.Up(ctx, o.database, name, migrations.Outbox, migrations.Participant); err != nil {
		return nil, fmt.Errorf("migrate the schema of %s: %w", name, err)
	}
	if _, err := pool.Exec(ctx, fmt.Sprintf(createEffects, name)); err != nil {
		return nil, fmt.Errorf("create the ledger of %s: %w", name, err)
	}
	security, err := kafka.SecurityFromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	trace, err := tracer(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := participant.New(participant.Config{
		Name: name, Pool: pool, TopicPrefix: o.prefix, Group: o.prefix + name, Concurrency: 32,
		Kafka: kafka.Config{Brokers: strings.Split(o.brokers, ","), Security: security},
		Trace: trace,
		Log:   slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return nil, err
	}
	a := newActor(name)
	participant.Handle(p, "book", a.book)
	participant.HandleUndo(p, "cancel", a.cancel)
	return p, nil
}

// tracer is the hook for traces, if the environment wants any.
func tracer(ctx context.Context, name string) (participant.Trace, error) {
	t, err := tracing.Setup(ctx, tracing.Config{Getenv: os.Getenv, Service: name})
	if t == nil {
		return nil, err
	}
	return t.Command, nil
}

// createEffects creates the ledger of one participant: what its handlers have
// really done, and in which order.
const createEffects = `CREATE TABLE IF NOT EXISTS %s.effects (
	saga uuid NOT NULL, step text NOT NULL, direction text NOT NULL, attempt integer NOT NULL, epoch integer NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp())`
