package coordinator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// LocalRunner runs the local steps of sagas, each effectively once. Package
// sagapg has one whose steps run in a transaction of the sagas' database.
type LocalRunner interface {
	// Run carries out a command, or repeats its answer. An error means that it
	// could not be tried; the command is run again later.
	Run(ctx context.Context, cmd saga.Command) (saga.Reply, error)
}

// Locals is the outbox.Publisher that runs local steps in this process and
// passes every other row on. A local command lies in the outbox like any other,
// so that a crash forgets none; its row counts as sent once its reply is
// committed.
type Locals struct {
	runner LocalRunner
	next   outbox.Publisher
	topic  string
	room   chan struct{}
	c      atomic.Pointer[Coordinator]
}

// NewLocals returns a publisher that runs at most limit local steps at a time.
// prefix is Config.Prefix, empty for its default. next may be nil without Kafka.
func NewLocals(runner LocalRunner, next outbox.Publisher, prefix string, limit int) *Locals {
	prefix = cmp.Or(prefix, Config{}.withDefaults().Prefix)
	return &Locals{runner: runner, next: next, topic: prefix + saga.Local, room: make(chan struct{}, max(limit, 1))}
}

// Lane is outbox.RelayConfig.Lane: each local step of a saga goes its own way, so that
// those that may run side by side do. Its do and its undo, and what is for others, keep
// their order.
func (l *Locals) Lane(row *outbox.Row) string {
	if row.Topic != l.topic {
		return ""
	}
	for i := range row.Headers {
		if row.Headers[i].Key == saga.HeaderStep {
			return string(row.Headers[i].Value)
		}
	}
	return ""
}

// errNoBroker says that a command for a participant cannot be sent, because this
// process runs without Kafka.
var errNoBroker = errors.New("this process runs without Kafka: only local steps can be run")

// Publish implements outbox.Publisher.
func (l *Locals) Publish(ctx context.Context, rows []outbox.Row, done func(i int, err error)) {
	var others []outbox.Row
	var index []int
	for i, row := range rows {
		switch {
		case row.Topic == l.topic:
			go func() { done(i, l.run(ctx, row)) }() // as many as the relay has in flight
		case l.next == nil:
			done(i, errNoBroker)
		default:
			others, index = append(others, row), append(index, i)
		}
	}
	if len(others) > 0 {
		l.next.Publish(ctx, others, func(i int, err error) { done(index[i], err) })
	}
}

// run runs a step and sees its reply committed.
func (l *Locals) run(ctx context.Context, row outbox.Row) error {
	cmd, err := saga.DecodeCommand(row.Headers, row.Payload)
	if err != nil {
		return fmt.Errorf("%w: local command: %w", outbox.ErrPermanent, err)
	}
	reply, err := l.roomFor(ctx, cmd)
	if err != nil {
		return fmt.Errorf("local step %s: %w", cmd.ID, err)
	}
	c := l.c.Load()
	if c == nil {
		return ErrNotReady
	}
	it := &item{bucket: row.Bucket, saga: cmd.ID.Saga, answer: make(chan answer, 1)}
	it.event = saga.ReplyEvent(reply, time.Time{})
	if _, err := c.submit(ctx, it); err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("reply of local step %s: %w", cmd.ID, err)
	}
	return nil
}

// roomFor runs a step once there is room for it. Its reply waits for its commit
// outside.
func (l *Locals) roomFor(ctx context.Context, cmd saga.Command) (saga.Reply, error) {
	select {
	case l.room <- struct{}{}:
	case <-ctx.Done():
		return saga.Reply{}, ctx.Err()
	}
	defer func() { <-l.room }()
	return l.runner.Run(ctx, cmd)
}
