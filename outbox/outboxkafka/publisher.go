// Package outboxkafka lets an outbox.Relay publish through a kafka.Producer.
package outboxkafka

import (
	"context"
	"fmt"
	"sync"

	"github.com/unwindhq/unwind/internal/failpoint"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
)

// Producer is the part of kafka.Producer that Publisher needs.
type Producer interface {
	// Produce is kafka.Producer's.
	Produce(ctx context.Context, records []kafka.Record, done func(i int, partition int32, offset int64, err error))
}

// Publisher is an outbox.Publisher on a Kafka producer, which it does not own.
// After a failed row the producer may still send later ones of the same key, so
// the relay's KeyRows must stay at its default of 1.
type Publisher struct {
	producer Producer
}

var _ outbox.Publisher = (*Publisher)(nil)

// New returns a Publisher that sends through producer.
func New(producer Producer) *Publisher { return &Publisher{producer: producer} }

// Publish hands rows to the producer and returns without waiting; see
// outbox.Publisher. An error for which kafka.IsPermanent holds wraps
// outbox.ErrPermanent. When ctx ends, rows without an outcome get ctx's error at
// once: they may or may not reach the log.
func (p *Publisher) Publish(ctx context.Context, rows []outbox.Row, done func(i int, err error)) {
	if len(rows) == 0 {
		return
	}
	records := make([]kafka.Record, len(rows))
	for i, row := range rows {
		records[i] = Record(row.Message)
	}
	b := &batch{done: done, open: len(rows), closed: make([]bool, len(rows))}
	b.watch(ctx)
	failpoint.Hit(failpoint.BeforeSend)
	p.producer.Produce(ctx, records, func(i int, _ int32, _ int64, err error) {
		failpoint.Hit(failpoint.AfterSend)
		err = failpoint.Lose(failpoint.LoseSend, err)
		if kafka.IsPermanent(err) {
			err = fmt.Errorf("%w: %w", outbox.ErrPermanent, err)
		}
		b.finish(i, err)
	})
}

// Record returns m as the record to produce: the empty key is a key, a message
// without a pinned partition goes by its key.
func Record(m outbox.Message) kafka.Record {
	r := kafka.Record{
		Topic:     m.Topic,
		Partition: kafka.ByKey,
		Key:       []byte(m.Key),
		Value:     m.Payload,
		Headers:   m.Headers,
	}
	if n, ok := m.Partition.Pinned(); ok {
		r.Partition = n
	}
	return r
}

// batch sees to it that each row of one Publish gets exactly one outcome.
type batch struct {
	done    func(i int, err error)
	release func() bool // of the wait for the context's end

	mu     sync.Mutex
	closed []bool
	open   int
}

// watch abandons the batch when ctx ends.
func (b *batch) watch(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.release = context.AfterFunc(ctx, func() { b.abandon(ctx.Err()) })
}

// finish reports row i's outcome unless it had one.
func (b *batch) finish(i int, err error) {
	if b.claim(i) {
		b.done(i, err)
	}
}

// claim tells whether row i had no outcome yet. After the last row the context is
// no longer watched.
func (b *batch) claim(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed[i] {
		return false
	}
	b.closed[i] = true
	if b.open--; b.open == 0 {
		b.release()
	}
	return true
}

// abandon reports err for every row without an outcome.
func (b *batch) abandon(err error) {
	for i := range b.closed {
		b.finish(i, fmt.Errorf("publish: outcome unknown: %w", err))
	}
}
