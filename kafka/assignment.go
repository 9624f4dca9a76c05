package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
)

// assignment reads one partition from one offset until it is revoked.
type assignment struct {
	reader    *Reader
	partition int32
	next      atomic.Int64 // the offset to read next; written by the goroutine alone
	asked     atomic.Int64 // next, when HighWater last looked
	ctx       context.Context
	cancel    context.CancelFunc
	ended     chan struct{}
}

func newAssignment(r *Reader, partition int32, offset int64) *assignment {
	a := &assignment{reader: r, partition: partition, ended: make(chan struct{})}
	a.next.Store(offset)
	a.asked.Store(OffsetOldest)
	a.ctx, a.cancel = context.WithCancel(r.ctx)
	return a
}

// revoked tells whether the assignment is over; what it still has is not wanted.
func (a *assignment) revoked() bool { return a.ctx.Err() != nil }

// run reads until the assignment is revoked or its offset is out of range. It
// begins after the partition's assignment before it has ended.
func (a *assignment) run(before *assignment) {
	defer close(a.ended)
	if before != nil {
		<-before.ended
	}
	for !a.revoked() {
		err := a.read()
		if errors.Is(err, sarama.ErrOffsetOutOfRange) {
			a.fault()
			return
		}
		if err != nil {
			a.warn(err)
			pause(a.ctx, pauseAfter(err))
		}
	}
}

// read subscribes and passes records on until the subscription ends.
func (a *assignment) read() error {
	source, err := a.reader.consumer.ConsumePartition(a.reader.config.Topic, a.partition, a.next.Load())
	if err != nil {
		return err
	}
	err = a.pass(source)
	for _, late := range closeErrors(source.Close()) {
		if errors.Is(late, sarama.ErrOffsetOutOfRange) {
			return late
		}
	}
	return err
}

// closeErrors returns the single errors that closing a subscription reported.
func closeErrors(err error) sarama.ConsumerErrors {
	var all sarama.ConsumerErrors
	errors.As(err, &all)
	return all
}

// pass hands records to Poll. The library mends connections by itself; its errors
// are only worth a line, unless the offset is out of range.
func (a *assignment) pass(source sarama.PartitionConsumer) error {
	for {
		select {
		case m, ok := <-source.Messages():
			if !ok {
				return nil
			}
			if !a.deliver(arrival{from: a, record: fromWire(m)}) {
				return nil
			}
			a.next.Store(m.Offset + 1)
		case e, ok := <-source.Errors():
			if ok && errors.Is(e, sarama.ErrOffsetOutOfRange) {
				return e
			}
			if ok {
				a.warn(e)
			}
		case <-a.ctx.Done():
			return nil
		}
	}
}

// deliver puts an arrival before Poll; false means revoked.
func (a *assignment) deliver(v arrival) bool {
	select {
	case a.reader.records <- v:
		return true
	case <-a.ctx.Done():
		return false
	}
}

// fault reports that the offset is out of range.
func (a *assignment) fault() {
	err := &PartitionError{Topic: a.reader.config.Topic, Partition: a.partition, Offset: a.next.Load(), Err: ErrOffsetOutOfRange}
	a.deliver(arrival{from: a, fault: err})
}

// warn logs that the partition cannot be read. In an outage all of a reader's
// partitions say so again and again: one line in a while is enough.
func (a *assignment) warn(err error) {
	if more, ok := a.reader.complaints.Pass(time.Now()); ok {
		a.reader.config.Log.Warn("kafka: partition cannot be read, trying on", "topic", a.reader.config.Topic,
			"partition", a.partition, "offset", a.next.Load(), "more", more, "error", explain(err))
	}
}
