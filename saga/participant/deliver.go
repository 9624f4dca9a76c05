package participant

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
)

// Crash is what becomes of the process that a Deliver stands for.
type Crash int

// The crashes of a Deliver.
const (
	NoCrash      Crash = iota // NoCrash: it lives.
	BeforeCommit              // BeforeCommit: it dies when a handler with a transaction has returned, and nothing is kept.
)

// ErrCrashed is what a Deliver that died returns.
var ErrCrashed = errors.New("the process has died before its commit")

// Deliver handles one record as Run does, with everything but Kafka, and returns what
// would have been written to it: the reply, or the dead letter. It is for tests; package
// sagatest/contract makes use of it. It must not be called beside Run or another Deliver,
// since it empties the participant's outbox.
func (p *Participant) Deliver(ctx context.Context, r kafka.Record, crash Crash) ([]kafka.Record, error) {
	if p.started.Load() {
		return nil, errStarted
	}
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	sent := &written{}
	p.producer = sent
	if err := p.takeOrDie(ctx, r, crash); err != nil {
		return nil, err
	}
	replies, err := p.drain(ctx)
	return append(sent.records, replies...), err
}

// takeOrDie is take for a process that may be about to die.
func (p *Participant) takeOrDie(ctx context.Context, r kafka.Record, crash Crash) error {
	if crash == NoCrash {
		return p.take(ctx, r)
	}
	d, err := p.match(r)
	if err != nil {
		return err
	}
	d.dies = true
	return p.serve(ctx, d)
}

// drain takes everything out of the outbox, oldest first.
func (p *Participant) drain(ctx context.Context) ([]kafka.Record, error) {
	if p.cfg.Pool == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.StatementTimeout)
	defer cancel()
	rows, err := p.cfg.Pool.Query(ctx, p.queries.drain)
	if err != nil {
		return nil, fmt.Errorf("empty the outbox: %w", err)
	}
	var all []kafka.Record
	var topic, key string
	var partition int32
	var headers, payload []byte
	_, err = pgx.ForEachRow(rows, []any{&topic, &partition, &key, &headers, &payload}, func() error {
		m := outbox.Message{Topic: topic, Key: key, Partition: outbox.Pin(partition), Payload: payload}
		var err error
		m.Headers, err = outbox.DecodeHeaders(headers)
		all = append(all, outboxkafka.Record(m))
		headers, payload = nil, nil
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("empty the outbox: %w", err)
	}
	return all, nil
}

// written keeps what is produced.
type written struct{ records []kafka.Record }

// Produce implements producer.
func (w *written) Produce(_ context.Context, records []kafka.Record, done func(i int, partition int32, offset int64, err error)) {
	for i, r := range records {
		w.records = append(w.records, r)
		done(i, 0, 0, nil)
	}
}
