package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/saga/participant"
)

// tickets is the participant that is the desk behind Kafka. In life it is a program
// of another team, in any language, with a database of its own.
const tickets = "tickets"

// contract says what can be asked of it.
const contract = `unwind: v1
participant: tickets
owner: team-tickets
commands:
  reserve: {compensation: giveBack}
  giveBack: {}
`

// runTickets runs the participant until ctx ends.
func runTickets(ctx context.Context, o options) error {
	if err := migrations.Up(ctx, o.database, tickets, migrations.Outbox, migrations.Participant); err != nil {
		return fmt.Errorf("migrate %s: %w", tickets, err)
	}
	pool, err := pgxpool.New(ctx, o.database)
	if err != nil {
		return fmt.Errorf("%s: %w", tickets, err)
	}
	defer pool.Close()
	p, err := participant.New(participant.Config{
		Name: tickets, Pool: pool, Kafka: kafka.Config{Brokers: o.brokers}, TopicPrefix: o.prefix,
		SessionTimeout: 6 * time.Second, // its successor has to wait for so long if it is killed
	})
	if err != nil {
		return err
	}
	participant.Handle(p, "reserve", func(ctx context.Context, tx pgx.Tx, t Ticket) (Ticket, error) {
		t, err := reserve(ctx, tx, t)
		if errors.Is(err, errFull) {
			err = participant.Reject(err.Error())
		}
		return t, err
	})
	participant.HandleUndo(p, "giveBack", func(ctx context.Context, tx pgx.Tx, t Ticket, _ *Ticket) error { return giveBack(ctx, tx, t) })
	return p.Run(ctx)
}
