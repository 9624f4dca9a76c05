package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/unwindhq/unwind/internal/pace"
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
// a request to its broker is in flight goes with the next one. It needs no
// reachable broker to start; while none is reachable, records fail and may be
// sent again.
//
// A record goes from Produce straight to the wire if its broker is idle. A Producer
// owns one goroutine, and two for each broker that it sends to: those deal with
// what is late, lost or in trouble. It is safe for concurrent use.
type Producer struct {
	config   Config
	settings *sarama.Config
	dial     func(addr string) wire // makes a connection that is not open yet

	telling sync.Mutex // held while done is called: one at a time

	mu       sync.Mutex
	closed   bool // by Close
	open     int  // records without an outcome
	waiting  int  // those of them that are in no batch yet
	topics   map[string]*topic
	unplaced []*topic            // those with records that are in no line
	strays   []*line             // those with something to send and no carrier
	carriers map[string]*carrier // by address
	refused  []outcome           // to be told by the router

	news    chan struct{} // for the router
	abort   chan struct{} // Close gave up waiting
	stopped chan struct{} // everything ended
	giveUp  sync.Once
	running sync.WaitGroup // the carriers

	// The rest belongs to the router.
	client     sarama.Client // nil: not connected
	identity   identity      // what a line begins with
	notBefore  time.Time     // the next question to the cluster
	fault      error         // why the last one had no answer
	complaints pace.Pace
}

// NewProducer returns a running Producer, which Close ends. It fails only for an
// invalid configuration.
func NewProducer(c Config) (*Producer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configure Kafka producer: %w", err)
	}
	p := newProducer(c.withDefaults())
	go p.route()
	return p, nil
}

// newProducer returns a Producer without its goroutine.
func newProducer(c Config) *Producer {
	return &Producer{
		config:   c,
		settings: c.settings(),
		dial:     func(addr string) wire { return sarama.NewBroker(addr) },
		topics:   map[string]*topic{},
		carriers: map[string]*carrier{},
		news:     make(chan struct{}, 1),
		abort:    make(chan struct{}),
		stopped:  make(chan struct{}),
	}
}

// Produce hands records over and returns without waiting. done is called exactly
// once per record, with its index, one call at a time: in order within a
// partition (save for records refused unsent), in any order across partitions.
// done must not block; it may call Produce. It may be called before Produce
// returns, and after Close it is called by Produce itself, with ErrClosed.
//
// An error for which IsPermanent is false means that the outcome is unknown. The
// records' bytes must not be modified before done. offset is -1 where the broker
// does not say it. ctx is asked once, at the beginning: a record that was handed
// over is not taken back. The caller bounds what is in flight; what exceeds
// MaxBufferedRecords fails with ErrBufferFull.
func (p *Producer) Produce(ctx context.Context, records []Record, done func(i int, partition int32, offset int64, err error)) {
	if len(records) == 0 {
		return
	}
	f, ok := p.accept(ctx.Err(), records, done)
	if !ok {
		for i, r := range records {
			done(i, r.Partition, -1, ErrClosed)
		}
	}
	for ; f != nil; f = p.board() {
		f.carrier.send(f)
	}
}

// Send is Produce of one record; it waits for the outcome, or until ctx ends. Then the
// outcome is unknown, and the record's bytes must not be modified.
func (p *Producer) Send(ctx context.Context, r Record) error {
	done := make(chan error, 1)
	p.Produce(ctx, []Record{r}, func(_ int, _ int32, _ int64, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// accept takes the records in and returns the first flight of what may go at
// once, if any; false means closed.
func (p *Producer) accept(refused error, records []Record, done func(int, int32, int64, error)) (f *flight, ok bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	p.open += len(records)
	for i := range records {
		r := parcel{Record: records[i], index: i, done: done, size: sizeOf(&records[i])}
		if err := p.refusal(refused, &r); err != nil {
			p.refused = append(p.refused, r.failed(err))
			notify(p.news)
			continue
		}
		p.waiting++
		p.place(r, now)
	}
	return p.next(), true
}

// refusal is why a record must not be sent, if so.
func (p *Producer) refusal(refused error, r *parcel) error {
	switch {
	case refused != nil:
		return refused
	case p.waiting >= p.config.MaxBufferedRecords:
		return ErrBufferFull
	case r.size > p.config.MaxMessageBytes:
		return fmt.Errorf("%w: %d bytes of at most %d, for topic %s", ErrTooLarge, r.size, p.config.MaxMessageBytes, r.Topic)
	case !r.Timestamp.IsZero() && r.Timestamp.UnixMilli() < 0:
		return fmt.Errorf("%w: a record of %v for topic %s; Kafka's time begins in 1970", sarama.ErrInvalidTimestamp, r.Timestamp, r.Topic)
	}
	return nil
}

// place puts a record at the end of its line or, while that is not known, of its
// topic, behind which all others of the topic wait.
func (p *Producer) place(r parcel, now time.Time) {
	t := p.topics[r.Topic]
	if t == nil {
		t = &topic{name: r.Topic}
		p.topics[r.Topic] = t
	}
	if len(t.waiting) == 0 && now.Before(t.fresh) {
		if l := t.line(&r.Record); l != nil {
			l.queue = append(l.queue, r)
			p.ready(l)
			return
		}
	}
	if len(t.waiting) == 0 {
		p.unplaced = append(p.unplaced, t)
		notify(p.news)
	}
	t.waiting = append(t.waiting, r)
}

// ready lists a line where it is sent from, if it has something to send and
// nothing under way. The caller holds the lock, here and in what follows.
func (p *Producer) ready(l *line) {
	switch {
	case l.listed || l.flying || l.batch == nil && len(l.queue) == 0:
	case l.carrier == nil:
		l.listed = true
		p.strays = append(p.strays, l)
		notify(p.news)
	default:
		l.listed = true
		l.carrier.lines = append(l.carrier.lines, l)
	}
}

// board is next with the lock.
func (p *Producer) board() *flight {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next()
}

// next returns a flight that may go now, from the goroutine that asks.
func (p *Producer) next() *flight {
	for _, c := range p.carriers {
		if !c.direct {
			notify(c.wake)
		} else if f := c.load(); f != nil {
			return f
		}
	}
	return nil
}

// outcome is what becomes of a record.
type outcome struct {
	parcel
	partition int32
	offset    int64
	err       error
}

// tell calls done, one at a time over all goroutines.
func (p *Producer) tell(outcomes []outcome) {
	if len(outcomes) == 0 {
		return
	}
	p.telling.Lock()
	for i := range outcomes {
		o := &outcomes[i]
		o.done(o.index, o.partition, o.offset, o.err)
	}
	p.telling.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open -= len(outcomes); p.open == 0 && p.closed {
		notify(p.news)
	}
}

// Close refuses new records, waits until all others are done, and ends the
// producer. When ctx ends first, what is in no batch yet fails with ErrClosed, what
// is ends in the background within the request timeout's retries, and Close
// returns ctx's error. Further calls wait likewise.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	notify(p.news)
	select {
	case <-p.stopped:
		return nil
	case <-ctx.Done():
		p.giveUp.Do(func() { close(p.abort) })
		return fmt.Errorf("close Kafka producer: records were still in flight: %w", ctx.Err())
	}
}
