package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/IBM/sarama"
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
	// partitions. Default 1,024. One fetch response (8 MiB) per broker waits behind
	// them.
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
	*feed
	config ReaderConfig
	marks  sarama.Client // HighWater's own connections

	queue   *queue
	pending []arrival // taken from the queue and not returned yet; Poll's

	assigning   sync.Mutex
	assignments map[int32]*assignment // the newest of each partition, revoked ones too

	closing sync.Once
	closed  error // of closing
}

// NewReader returns a Reader without partitions. It needs no reachable broker
// and fails only for an invalid configuration.
func NewReader(c ReaderConfig) (*Reader, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka reader: %w", err)
	}
	c.Config = c.withDefaults()
	c.BufferedRecords = cmp.Or(c.BufferedRecords, defaultBufferedRecords)
	r := &Reader{config: c, queue: newQueue(c.BufferedRecords), assignments: map[int32]*assignment{}}
	if err := r.open(); err != nil {
		return nil, fmt.Errorf("open Kafka reader: %w", err)
	}
	return r, nil
}

// open makes the clients, which connect when they are used.
func (r *Reader) open() error {
	from, err := newFeed(r.config.Config, r.config.Topic)
	if err != nil {
		return err
	}
	if r.marks, err = sarama.NewClient(r.config.Brokers, r.config.settings()); err != nil {
		return errors.Join(err, from.close())
	}
	r.feed = from
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
	r.assigning.Lock()
	defer r.assigning.Unlock()
	if before := r.assignments[partition]; before != nil {
		before.revoke()
	}
	a := newAssignment(partition, offset, r.queue)
	r.assignments[partition] = a
	if !r.read(a) {
		return ErrClosed
	}
	return nil
}

// Revoke stops reading partition. Once it returns, no later Poll returns a record
// of it, also none that was read ahead.
func (r *Reader) Revoke(partition int32) {
	r.assigning.Lock()
	defer r.assigning.Unlock()
	if a := r.assignments[partition]; a != nil {
		a.revoke()
	}
}

// Poll waits for at least one record of the assigned partitions and returns up to
// limit of them (0 or less stands for BufferedRecords), in order within each
// partition. It returns ctx's error when ctx ends first, ErrClosed after Close,
// and a *PartitionError for a partition that stopped; the others go on.
func (r *Reader) Poll(ctx context.Context, limit int) ([]Record, error) {
	if limit <= 0 {
		limit = r.config.BufferedRecords
	}
	for r.ctx.Err() == nil { // what is buffered when it is closed is left alone
		if len(r.pending) == 0 {
			r.pending = r.queue.take(limit)
		}
		if batch, err := r.sort(limit); len(batch) > 0 || err != nil {
			return batch, err
		}
		select {
		case <-r.queue.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
		}
	}
	return nil, ErrClosed
}

// sort takes records from what is pending, up to a fault, or that fault; what was
// revoked in the meantime is left out.
func (r *Reader) sort(limit int) (batch []Record, err error) {
	for len(batch) < limit && len(r.pending) > 0 {
		a := &r.pending[0]
		switch {
		case a.from.revoked():
		case a.fault != nil && len(batch) > 0:
			return batch, nil
		case a.fault != nil:
			r.pending = r.pending[1:]
			return nil, a.fault
		case batch == nil:
			batch = append(make([]Record, 0, min(limit, len(r.pending))), a.record)
		default:
			batch = append(batch, a.record)
		}
		r.pending = r.pending[1:]
	}
	return batch, nil
}

// Close ends the reader and waits for its goroutines.
func (r *Reader) Close() error {
	r.end()
	r.closing.Do(func() {
		if err := errors.Join(r.client.Close(), r.marks.Close()); err != nil {
			r.closed = fmt.Errorf("close Kafka reader of %s: %w", r.config.Topic, err)
		}
	})
	return r.closed
}
