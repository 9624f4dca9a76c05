package main

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

const (
	// roleParticipant is the argument that makes this program a participant.
	roleParticipant = "participant"
	// working is what a participant prints at its first command.
	working = "chaos: working\n"
	// toil is how long a handler takes, so that something is always in flight.
	toil = 300 * time.Millisecond
	// refusing refuses so many of a hundred sagas.
	refusing, refused = "payments", 15
	// session is the silence after which Kafka gives a dead one's partitions away.
	session = 2 * time.Second
)

// actor is one participant.
type actor struct {
	name string
	once sync.Once
}

// participate is the role of a participant.
func participate(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(roleParticipant, flag.ExitOnError)
	var database, brokers, prefix, arm string
	a := &actor{}
	flags.StringVar(&a.name, "name", "", "the participant's name")
	flags.StringVar(&database, "database-url", "", "its database")
	flags.StringVar(&brokers, "kafka-brokers", "", "Kafka's addresses")
	flags.StringVar(&prefix, "topic-prefix", "", "the beginning of all topics' names")
	flags.StringVar(&arm, "failpoint", "", "where to end, as name:n")
	_ = flags.Parse(args) // it ends the program instead
	if err := failpoint.Arm(arm); err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, database+"&pool_max_conns=36")
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer pool.Close()
	p, err := participant.New(participant.Config{
		Name: a.name, Pool: pool, TopicPrefix: prefix, Group: prefix + a.name, Concurrency: 32, SessionTimeout: session,
		Kafka: kafka.Config{Brokers: strings.Split(brokers, ",")},
		Log:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	name := "reserve"
	if a.name == refusing {
		name = "charge"
	} else {
		participant.HandleUndo(p, "release", a.undo)
	}
	participant.Handle(p, name, a.do)
	return p.Run(ctx)
}

func (a *actor) do(ctx context.Context, tx pgx.Tx, _ saga.Payload) (saga.Payload, error) {
	if err := a.act(ctx, tx); err != nil {
		return saga.Payload{}, err
	}
	if a.name == refusing && refuses(participant.Info(ctx).ID.Saga) {
		return saga.Payload{}, participant.Reject("no money")
	}
	return saga.JSON([]byte(`{"booking":"` + a.name + `-1"}`)), nil
}

func (a *actor) undo(ctx context.Context, tx pgx.Tx, _ saga.Payload, _ *saga.Payload) error {
	return a.act(ctx, tx)
}

// act takes its time and writes the effect, in the handler's transaction.
func (a *actor) act(ctx context.Context, tx pgx.Tx) error {
	a.once.Do(func() { fmt.Print(working) })
	select {
	case <-time.After(toil):
	case <-ctx.Done():
		return ctx.Err()
	}
	cmd := participant.Info(ctx)
	_, err := tx.Exec(ctx, insertEffect, cmd.ID.Saga.String(), cmd.ID.Step.String(), cmd.ID.Direction.String(), cmd.Attempt, cmd.Epoch)
	return err
}

// refuses says whether a saga's charge is refused, always the same.
func refuses(id saga.ID) bool {
	h := fnv.New32a()
	_, _ = h.Write(id[:])
	return h.Sum32()%100 < refused
}

// openLedger migrates a participant's database and creates its ledger.
func openLedger(ctx context.Context, database, name string) error {
	if err := migrations.Up(ctx, database, name, migrations.Outbox, migrations.Participant); err != nil {
		return err
	}
	return execute(ctx, database, createEffects)
}
