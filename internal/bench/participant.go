package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/internal/bucket"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// pollMax is how many commands are answered at once.
const pollMax = 1024

// refusing is the participant that refuses, at the third step.
const refusing = "payments"

// refusal is its reason.
const refusal = "refused by the benchmark"

// refuses chooses by the saga's id which sagas are refused.
func (p *process) refuses(cmd saga.Command) bool {
	return cmd.Participant == refusing && cmd.ID.Direction == saga.Do && bucket.Of(cmd.ID.Saga.String(), 100) < p.setup.RejectPercent
}

// participants are those of the definition.
var participants = []string{"flights", "hotels", refusing}

// participate is RoleParticipants: it answers every command at once.
func (p *process) participate(ctx context.Context, end func()) error {
	if p.setup.Guard {
		return p.guarded(ctx, end)
	}
	config := p.setup.kafka(p.log)
	producer, err := kafka.NewProducer(config)
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close(ctx) }() // nobody waits for what is left
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range participants {
		topic := app.Topics{Prefix: p.setup.Prefix}.Commands(name)
		reader, err := kafka.NewReader(kafka.ReaderConfig{Config: config, Topic: topic})
		if err != nil {
			return err
		}
		defer func() { _ = reader.Close() }()
		for partition := range int32(partitions) {
			if err := reader.Assign(partition, kafka.OffsetOldest); err != nil {
				return err
			}
		}
		group.Go(func() error { return p.answer(ctx, reader, producer) })
	}
	p.say(note{Event: noteReady})
	p.orders(end, func(plan) {})
	return group.Wait()
}

// answer answers the commands of one topic.
func (p *process) answer(ctx context.Context, reader *kafka.Reader, producer *kafka.Producer) error {
	for {
		commands, err := reader.Poll(ctx, pollMax)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end was asked for
		}
		if err != nil {
			return fmt.Errorf("read commands: %w", err)
		}
		replies := make([]kafka.Record, len(commands))
		for i := range commands {
			if replies[i], err = p.reply(&commands[i]); err != nil {
				return err
			}
		}
		producer.Produce(ctx, replies, func(i int, _ int32, _ int64, err error) {
			if err != nil {
				p.log.Error("bench: a reply was not sent; its saga has to try again", "error", err)
			}
		})
	}
}

func (p *process) reply(command *kafka.Record) (kafka.Record, error) {
	cmd, err := saga.DecodeCommand(command.Headers, command.Value)
	if err != nil {
		return kafka.Record{}, err
	}
	reply := saga.Reply{
		ID: cmd.ID, Participant: cmd.Participant, Attempt: cmd.Attempt, Epoch: cmd.Epoch,
		Outcome: saga.Succeeded, Payload: saga.JSON(payload), Route: cmd.Route,
	}
	if p.refuses(cmd) {
		reply.Outcome, reply.Reason = saga.Rejected, refusal
	}
	return kafka.Record{
		Topic: cmd.Route.ReplyTopic, Partition: cmd.Route.ReplyPartition, Key: command.Key, Value: reply.Payload.Data,
		Headers: saga.ReplyHeaders(command.Headers, reply, time.Now()),
	}, nil
}
