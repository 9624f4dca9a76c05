package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"

	"github.com/unwindhq/unwind/internal/pace"
)

// Offsets to Assign that are not numbers of records.
const (
	// OffsetOldest starts at the oldest record the partition still holds.
	OffsetOldest int64 = sarama.OffsetOldest
	// OffsetNewest starts at the next record to be written.
	OffsetNewest int64 = sarama.OffsetNewest
)

// defaultBufferedRecords is ReaderConfig.BufferedRecords' default.
const defaultBufferedRecords = 1024

// ReaderConfig configures a Reader.
type ReaderConfig struct {
	Config
	// Topic is the topic to read. Required.
	Topic string
	// BufferedRecords bounds the records read ahead of Poll, over all
	// partitions. Default 1,024. Up to 32 more wait per partition, and one fetch
	// response (8 MiB) per broker.
	BufferedRecords int
}

// Validate reports all faults of the configuration at once.
func (c ReaderConfig) Validate() error {
	var topic error
	if c.Topic == "" {
		topic = errors.New("topic: none given; name the topic to read")
	}
	return errors.Join(c.Config.Validate(), topic, notNegative("buffered records", c.BufferedRecords))
}

// Reader reads partitions of one topic that its owner assigns: no consumer
// group, no stored offsets. Assign, Revoke, HighWater and Close may be called
// concurrently; Poll is for one goroutine at a time.
type Reader struct {
	config   ReaderConfig
	client   sarama.Client
	consumer sarama.Consumer
	marks    sarama.Client // HighWater's own connections: a waiting fetch blocks a connection

	complaints pace.Pace // of partitions that cannot be read

	records chan arrival
	pending *arrival // a fault that Poll found behind records

	mu          sync.Mutex
	assignments map[int32]*assignment // the newest of each partition, revoked ones too
	ctx         context.Context       // ends with Close
	cancel      context.CancelFunc
	running     sync.WaitGroup
	closing     sync.Once
	closed      error // of closing
}

// arrival is a record, or the fault that ended its assignment.
type arrival struct {
	from   *assignment
	record Record
	fault  error
}

// NewReader returns a Reader without partitions. It needs no reachable broker
// and fails only for an invalid configuration.
func NewReader(c ReaderConfig) (*Reader, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka reader: %w", err)
	}
	c.Config = c.withDefaults()
	c.BufferedRecords = cmp.Or(c.BufferedRecords, defaultBufferedRecords)
	r := &Reader{
		config:      c,
		records:     make(chan arrival, c.BufferedRecords),
		assignments: map[int32]*assignment{},
	}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("open Kafka reader: %w", err)
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// open makes the clients, which connect when they are used.
func (r *Reader) open() (err error) {
	if r.client, err = sarama.NewClient(r.config.Brokers, r.config.settings()); err != nil {
		return err
	}
	if r.marks, err = sarama.NewClient(r.config.Brokers, r.config.settings()); err != nil {
		return errors.Join(err, r.client.Close())
	}
	if r.consumer, err = sarama.NewConsumerFromClient(r.client); err != nil {
		return errors.Join(err, r.marks.Close(), r.client.Close())
	}
	return nil
}

// Assign starts reading partition at offset (a record's offset, OffsetOldest or
// OffsetNewest) and returns at once; a partition that is being read is revoked
// first. While no broker answers, the reader keeps trying. An offset that the
// partition does not hold is never replaced by another: Poll returns it once, as
// a *PartitionError of ErrOffsetOutOfRange, and the partition stands still until
// it is assigned again.
func (r *Reader) Assign(partition int32, offset int64) error {
	if partition < 0 || offset < OffsetOldest {
		return fmt.Errorf("assign %s/%d at offset %d: no such partition or offset", r.config.Topic, partition, offset)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return ErrClosed
	}
	before := r.assignments[partition]
	if before != nil {
		before.cancel()
	}
	a := newAssignment(r, partition, offset)
	r.assignments[partition] = a
	r.running.Go(func() { a.run(before) })
	return nil
}

// Revoke stops reading partition. Once it returns, no later Poll returns a record
// of it, also none that was read ahead.
func (r *Reader) Revoke(partition int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.assignments[partition]; a != nil {
		a.cancel()
	}
}

// Poll waits for at least one record of the assigned partitions and returns up to
// limit of them (0 or less stands for BufferedRecords), in order within each
// partition. It returns ctx's error when ctx ends first, ErrClosed after Close,
// and a *PartitionError for a partition that stopped; the others go on.
func (r *Reader) Poll(ctx context.Context, limit int) ([]Record, error) {
	if a := r.pending; a != nil {
		r.pending = nil
		if !a.from.revoked() {
			return nil, a.fault
		}
	}
	if limit <= 0 {
		limit = r.config.BufferedRecords
	}
	for {
		select {
		case a := <-r.records:
			if batch, err := r.collect(a, limit); len(batch) > 0 || err != nil {
				return batch, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// collect returns first and what else is there already, up to limit records.
func (r *Reader) collect(first arrival, limit int) ([]Record, error) {
	var batch []Record
	for a := first; ; {
		switch {
		case a.from.revoked():
		case a.fault != nil:
			return batch, r.report(a, len(batch) > 0)
		default:
			batch = append(batch, a.record)
		}
		if len(batch) == limit {
			return batch, nil
		}
		select {
		case a = <-r.records:
		default:
			return batch, nil
		}
	}
}

// report returns a's fault, or keeps it for the next Poll.
func (r *Reader) report(a arrival, later bool) error {
	if later {
		r.pending = &a
		return nil
	}
	return a.fault
}

// Close ends the reader and waits for its goroutines.
func (r *Reader) Close() error {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.running.Wait()
	r.closing.Do(func() {
		if err := errors.Join(r.consumer.Close(), r.client.Close(), r.marks.Close()); err != nil {
			r.closed = fmt.Errorf("close Kafka reader of %s: %w", r.config.Topic, err)
		}
	})
	return r.closed
}
