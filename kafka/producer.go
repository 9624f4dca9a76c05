package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"
)

// reconnectPause separates two attempts to reach the cluster, and two renewals
// of the connection.
const reconnectPause = 250 * time.Millisecond

// refusedPause separates two attempts after a broker has refused who we are: that
// heals by a new password or certificate, not by haste.
const refusedPause = 2 * time.Second

// pauseAfter is the pause after an error.
func pauseAfter(err error) time.Duration {
	if errors.Is(explain(err), ErrAuthentication) {
		return refusedPause
	}
	return reconnectPause
}

// Producer sends records in batches that form by themselves: what arrives while
// a request is in flight goes with the next one. It needs no reachable broker to
// start; while none is reachable, records fail and may be sent again.
//
// A Producer owns one goroutine. It is safe for concurrent use.
type Producer struct {
	config Config

	mu     sync.Mutex
	queue  []*sarama.ProducerMessage
	closed bool

	waiting atomic.Int64 // records not handed to the library yet

	wake    chan struct{} // something changed in queue or closed
	abort   chan struct{} // Close gave up waiting
	stopped chan struct{} // the goroutine ended
	giveUp  sync.Once

	// The rest belongs to the goroutine.
	link        *link // nil: not connected
	topics      map[string]topicState
	failures    int       // in a row, since the last success
	nextConnect time.Time // not before
}

// delivery is what a record in flight remembers about its sender.
type delivery struct {
	index   int
	refused error // set when the record must fail unsent
	done    func(i int, partition int32, offset int64, err error)
}

// NewProducer returns a running Producer, which Close ends. It fails only for an
// invalid configuration.
func NewProducer(c Config) (*Producer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka producer: %w", err)
	}
	p := &Producer{
		config:  c.withDefaults(),
		wake:    make(chan struct{}, 1),
		abort:   make(chan struct{}),
		stopped: make(chan struct{}),
		topics:  map[string]topicState{},
	}
	go p.run()
	return p, nil
}

// Produce hands records over and returns without waiting. done is called exactly
// once per record, with its index, from the producer's goroutine: in order within
// a partition (save for records refused unsent), in any order across partitions.
// done must not block; it may call Produce. After Close, done is called by
// Produce itself, with ErrClosed.
//
// An error for which IsPermanent is false means that the outcome is unknown. The
// records' bytes must not be modified before done. ctx is asked once, at the
// beginning: a record that was handed over is not taken back. The caller bounds
// what is in flight; what exceeds MaxBufferedRecords fails with ErrBufferFull.
func (p *Producer) Produce(ctx context.Context, records []Record, done func(i int, partition int32, offset int64, err error)) {
	if len(records) == 0 {
		return
	}
	if !p.enqueue(ctx.Err(), records, done) {
		for i, r := range records {
			done(i, r.Partition, -1, ErrClosed)
		}
		return
	}
	p.signal()
}

// enqueue appends the records to the queue; false means closed.
func (p *Producer) enqueue(refused error, records []Record, done func(int, int32, int64, error)) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	deliveries := make([]delivery, len(records))
	for i, r := range records {
		if refused == nil && p.waiting.Load() >= int64(p.config.MaxBufferedRecords) {
			refused = ErrBufferFull
		}
		deliveries[i] = delivery{index: i, refused: refused, done: done}
		m := toWire(r)
		m.Metadata = &deliveries[i]
		p.queue = append(p.queue, m)
		p.waiting.Add(1)
	}
	return true
}

// signal wakes the goroutine.
func (p *Producer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Close refuses new records, waits until all others are done, and ends the
// producer. When ctx ends first, what was not handed to the wire fails with
// ErrClosed, what was ends in the background within the request timeout's
// retries, and Close returns ctx's error. Further calls wait likewise.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.signal()
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		p.giveUp.Do(func() { close(p.abort) })
		return fmt.Errorf("close Kafka producer: records were still in flight: %w", ctx.Err())
	}
}

// run is the producer's goroutine. It alone calls the library and done.
func (p *Producer) run() {
	defer close(p.stopped)
	var work []*sarama.ProducerMessage
	for {
		if len(work) == 0 {
			var closed bool
			if work, closed = p.take(); len(work) == 0 && closed {
				p.disconnect()
				return
			}
		}
		work = p.step(work)
	}
}

// take returns what was queued, and whether the producer was closed.
func (p *Producer) take() ([]*sarama.ProducerMessage, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := p.queue
	p.queue = nil
	return fresh, p.closed
}

// step waits for the next thing to happen, does it, and returns the work that is
// left.
func (p *Producer) step(work []*sarama.ProducerMessage) []*sarama.ProducerMessage {
	var input chan<- *sarama.ProducerMessage
	var head *sarama.ProducerMessage
	if len(work) > 0 {
		if err := p.ensureLink(work[0].Topic); err != nil {
			p.failAll(work, err)
			return nil
		}
		head = work[0]
		if err := p.refusal(head); err != nil {
			p.waiting.Add(-1)
			p.finish(head, err)
			return work[1:]
		}
		input = p.link.producer.Input()
	}
	successes, failures := p.link.results()
	select {
	case input <- head:
		p.waiting.Add(-1)
		return work[1:]
	case m := <-successes:
		p.failures = 0
		p.finish(m, nil)
	case e := <-failures:
		p.failed(e)
	case <-p.wake:
	case <-p.abort:
		p.failAll(work, ErrClosed)
		return nil
	}
	return work
}

// refusal is why m must not be sent, if so.
func (p *Producer) refusal(m *sarama.ProducerMessage) error {
	if d := m.Metadata.(*delivery); d.refused != nil {
		return d.refused
	}
	if size := m.ByteSize(2); size > p.config.MaxMessageBytes {
		return fmt.Errorf("%w: %d bytes of at most %d, for topic %s", ErrTooLarge, size, p.config.MaxMessageBytes, m.Topic)
	}
	return p.topicFault(m.Topic)
}

// finish reports m's outcome to its sender.
func (p *Producer) finish(m *sarama.ProducerMessage, err error) {
	d := m.Metadata.(*delivery)
	if err != nil {
		d.done(d.index, m.Partition, -1, err)
		return
	}
	d.done(d.index, m.Partition, m.Offset, nil)
}

// failAll fails records that never reached the library, those that were refused
// at the door for that reason.
func (p *Producer) failAll(work []*sarama.ProducerMessage, err error) {
	p.waiting.Add(-int64(len(work)))
	for _, m := range work {
		if refused := m.Metadata.(*delivery).refused; refused != nil {
			p.finish(m, refused)
			continue
		}
		p.finish(m, err)
	}
}

// failed handles the library's report that a record failed. The library refuses
// a partition unasked for ten seconds after three failures; when nothing else
// gets through either, the cluster was away, and a fresh link finds it as soon as
// it is back.
func (p *Producer) failed(e *sarama.ProducerError) {
	p.failures++
	if errors.Is(e.Err, sarama.ErrUnknownTopicOrPartition) {
		delete(p.topics, e.Msg.Topic)
	}
	p.finish(e.Msg, fmt.Errorf("send to %s: %w", e.Msg.Topic, explain(e.Err)))
	if p.failures > 1 && errors.Is(e.Err, breaker.ErrBreakerOpen) {
		p.disconnect()
	}
}
