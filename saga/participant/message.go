package participant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
)

// firstPause is the pause after the first trouble of a row.
const firstPause = 100 * time.Millisecond

// producer is what the participant needs of kafka.Producer.
type producer interface {
	Produce(ctx context.Context, records []kafka.Record, done func(i int, partition int32, offset int64, err error))
}

// errRecord says that the subscriber is not this project's.
var errRecord = errors.New("the message carries no Kafka record")

// handle is the router's handler: nil acknowledges the message, an error brings
// it again after a pause.
func (p *Participant) handle(m *message.Message) error {
	r, ok := kafka.RecordFrom(m.Context())
	if !ok {
		return errRecord
	}
	err := p.take(m.Context(), r)
	if err == nil {
		p.troubles.Store(0)
		return nil
	}
	if postgres.Demoted(err) {
		p.cfg.Pool.Reset() // else the pool would keep connections to a server that no longer takes writes
	}
	p.pause(m.Context())
	return err
}

// take sees one record to its end: answered, or kept as a dead letter.
func (p *Participant) take(ctx context.Context, r kafka.Record) error {
	d, err := p.match(r)
	if hopeless, ok := errors.AsType[*unfit](err); ok {
		return p.bury(ctx, r, hopeless)
	}
	if p.cfg.Trace == nil {
		return p.serve(ctx, d)
	}
	ctx, ended := p.cfg.Trace(ctx, d.cmd, r.Headers)
	defer func() { ended(*d.handled) }()
	return p.serve(ctx, d)
}

// serve answers a command.
func (p *Participant) serve(ctx context.Context, d delivery) error {
	if d.guarded {
		return p.serveGuarded(ctx, d)
	}
	return p.serveDirect(ctx, d)
}

// serveDirect runs a handler without a guard; the reply is in Kafka before the
// command is acknowledged.
func (p *Participant) serveDirect(ctx context.Context, d delivery) error {
	answer, err := p.execute(ctx, d, nil, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answer.time = time.Now()
	if err != nil {
		p.log(d).Warn("a handler failed", "error", err)
		answer = failure(err)
	}
	if err := p.send(ctx, outboxkafka.Record(p.reply(d, answer))); err != nil {
		return err
	}
	d.handled.Outcome = answer.outcome
	return nil
}

// bury keeps a record that can never be handled, byte for byte, as a dead letter.
// It is not answered: the coordinator sends the command again, and a program
// that knows it by then heals the saga.
func (p *Participant) bury(ctx context.Context, r kafka.Record, cause *unfit) error {
	why := deadletter.Reason{Class: cause.class, Text: cause.Error()}
	if err := p.send(ctx, deadletter.Record(r, why, time.Now())); err != nil {
		return fmt.Errorf("keep a dead letter: %w", err)
	}
	p.cfg.Log.Error("a command can never be handled and is now a dead letter",
		"topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "error", cause)
	return nil
}

// send produces one record and waits for the broker.
func (p *Participant) send(ctx context.Context, r kafka.Record) error {
	ended := make(chan error, 1)
	p.producer.Produce(ctx, []kafka.Record{r}, func(_ int, _ int32, _ int64, err error) { ended <- err })
	if err := <-ended; err != nil {
		return fmt.Errorf("send to %s: %w", r.Topic, err)
	}
	return nil
}

// pause holds a message back after trouble, longer with each trouble in a row. A
// handler that pauses takes part in the concurrency, so that an outage stops the
// reading.
func (p *Participant) pause(ctx context.Context) {
	n := min(p.troubles.Add(1)-1, 16)
	timer := time.NewTimer(min(firstPause<<n, p.cfg.RetryMax))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-p.draining:
	}
}
