package bench

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/participant"
)

// guardedConns is each guarded participant's connections: enough for a dozen
// partitions of commands and the relay, and few enough for a server of a hundred.
const guardedConns = 20

// guardedSchema is the schema of a participant of that name.
func guardedSchema(schema, name string) string { return schema + "_" + name }

// guarded are the participants as a service has them: guard, answer and reply in
// a transaction of their own schema, and no work besides.
func (p *process) guarded(ctx context.Context, end func()) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range participants {
		one, closePool, err := p.guard(ctx, name)
		if err != nil {
			return err
		}
		defer closePool()
		group.Go(func() error { return one.Run(ctx) })
		select {
		case <-one.Running():
		case <-ctx.Done():
			return group.Wait()
		}
	}
	p.say(note{Event: noteReady})
	p.orders(end, func(plan) {})
	return group.Wait()
}

// guard makes one of them, with its schema.
func (p *process) guard(ctx context.Context, name string) (*participant.Participant, func(), error) {
	schema := guardedSchema(p.setup.Schema, name)
	if err := migrations.Up(ctx, p.setup.DatabaseURL, schema, migrations.Outbox, migrations.Participant); err != nil {
		return nil, nil, err
	}
	config, err := pgxpool.ParseConfig(p.setup.DatabaseURL)
	if err != nil {
		return nil, nil, fmt.Errorf("database URL: %w", err)
	}
	config.MaxConns = guardedConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, fmt.Errorf("open a pool: %w", err)
	}
	one, err := participant.New(participant.Config{
		Name: name, Pool: pool, Schema: schema, Kafka: p.setup.kafka(p.log), TopicPrefix: p.setup.Prefix, Trace: remember, Log: p.log,
	})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	for _, command := range []string{"reserve", "charge"} {
		participant.Handle(one, command, p.agree)
	}
	participant.HandleUndo(one, "release", func(context.Context, pgx.Tx, json.RawMessage, *json.RawMessage) error { return nil })
	return one, pool.Close, nil
}

// commandKey is the context's key of the command that is handled.
type commandKey struct{}

// remember lets agree see the command.
func remember(ctx context.Context, cmd saga.Command, _ []saga.Header) (context.Context, func(participant.Handled)) {
	return context.WithValue(ctx, commandKey{}, cmd), func(participant.Handled) {}
}

// agree answers a command, or refuses it.
func (p *process) agree(ctx context.Context, _ pgx.Tx, _ json.RawMessage) (json.RawMessage, error) {
	if cmd, ok := ctx.Value(commandKey{}).(saga.Command); ok && p.refuses(cmd) {
		return nil, participant.Reject(refusal)
	}
	return payload, nil
}
