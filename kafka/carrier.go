package kafka

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	// produceVersion is that of the requests: the newest that every supported
	// broker speaks.
	produceVersion = 7
	// produceSize is how large a request may be before another batch is put in.
	produceSize = 8 << 20
)

// wire is a connection to one broker, a *sarama.Broker.
type wire interface {
	// Open begins to connect.
	Open(settings *sarama.Config) error
	// Connected waits for that.
	Connected() (bool, error)
	// AsyncProduce sends a request and calls back with its answer or, if it returned
	// nil, why there is none. The call comes from the goroutine that reads from the
	// connection, so it must not use the connection.
	AsyncProduce(request *sarama.ProduceRequest, done sarama.ProduceCallback) error
	// Close hangs up and waits for what is being called back.
	Close() error
}

// carrier sends to the lines of one broker, on a connection of its own, with one
// request in flight. It lives as long as the connection.
//
// Who has something for an idle carrier loads and sends it at once; what comes
// while a request is in flight goes with the next one, which the carrier's own
// goroutine sends, since that of the answers must not. From load until its outcomes
// are told a flight keeps all others off the connection.
type carrier struct {
	producer *Producer
	addr     string
	conn     wire
	wake     chan struct{}

	// The Producer's mutex guards the rest.
	lines  []*line // with something to send
	up     bool    // connected, and nothing is wrong
	direct bool    // nothing but the network can hold a request up
	flight *flight // without its outcomes
	fault  error   // why the connection is of no use any more
	quit   bool
}

// flight is one request: the first batch of each of its lines.
type flight struct {
	carrier *carrier
	lines   []*line
}

func newCarrier(p *Producer, addr string) *carrier {
	return &carrier{producer: p, addr: addr, conn: p.dial(addr), wake: make(chan struct{}, 1)}
}

// run connects and sends what others have left, until the connection breaks: then
// every line is given back.
func (c *carrier) run() {
	p := c.producer
	err := c.conn.Open(p.settings)
	if err == nil {
		_, err = c.conn.Connected()
	}
	if err == nil {
		p.mu.Lock()
		c.up, c.direct = true, !p.renews()
		p.mu.Unlock()
		err = c.serve()
	}
	c.leave(err)
}

// renews tells whether the library may stop to authenticate again before it sends:
// then nothing goes from Produce, which does not wait.
func (p *Producer) renews() bool { return p.settings.Net.SASL.Enable }

// serve sends until something is wrong or the producer ends.
func (c *carrier) serve() error {
	for {
		c.producer.mu.Lock()
		f, fault, quit := c.load(), c.fault, c.quit
		c.producer.mu.Unlock()
		switch {
		case fault != nil:
			return fault
		case f != nil:
			c.send(f)
		case quit:
			return nil
		default:
			<-c.wake
		}
	}
}

// load takes what is there for a request, or nil while one is in flight. The
// caller holds the lock, and sends it when it has let go of that.
func (c *carrier) load() *flight {
	if !c.up || c.flight != nil || len(c.lines) == 0 {
		return nil
	}
	f := &flight{carrier: c}
	for size := 0; len(c.lines) > 0 && size < produceSize; c.lines = c.lines[1:] {
		l := c.lines[0]
		l.listed = false
		c.producer.waiting -= l.load(c.producer.config.MaxMessageBytes)
		if l.batch == nil {
			continue // its records were dropped
		}
		l.flying, l.batch.sent = true, true
		size += l.batch.size
		f.lines = append(f.lines, l)
	}
	if len(f.lines) == 0 {
		return nil
	}
	c.flight = f
	return f
}

// send puts a flight on the wire.
func (c *carrier) send(f *flight) {
	s := c.producer.settings
	request := &sarama.ProduceRequest{
		Version: produceVersion, RequiredAcks: sarama.WaitForAll, Timeout: int32(s.Producer.Timeout.Milliseconds()),
	}
	now := time.Now()
	for _, l := range f.lines {
		request.AddBatch(l.topic.name, l.partition, l.encode(now))
	}
	if err := c.conn.AsyncProduce(request, func(answer *sarama.ProduceResponse, err error) { c.answered(f, answer, err) }); err != nil {
		c.answered(f, nil, err)
	}
}

// answered deals with an answer; without one it breaks off.
func (c *carrier) answered(f *flight, answer *sarama.ProduceResponse, err error) {
	p := c.producer
	if err != nil {
		p.mu.Lock()
		c.up, c.fault = false, err
		p.mu.Unlock()
		notify(c.wake)
		return
	}
	p.settle(f.lines, func(l *line) (int64, error) {
		block := answer.GetBlock(l.topic.name, l.partition)
		if block == nil {
			return -1, sarama.ErrIncompleteResponse
		}
		if block.Err != sarama.ErrNoError {
			return -1, block.Err
		}
		return block.Offset, nil
	}, func() {
		c.flight = nil
		c.direct = !p.renews() && answer.ThrottleTime == 0 // the library waits before it sends on
		if len(c.lines) > 0 {
			notify(c.wake)
		}
	})
}

// leave gives the lines back, and hangs up.
func (c *carrier) leave(err error) {
	_ = c.conn.Close() // it may be closed already
	p := c.producer
	p.mu.Lock()
	c.up = false
	if p.carriers[c.addr] == c {
		delete(p.carriers, c.addr)
	}
	lines := c.lines
	if c.flight != nil {
		lines = append(c.flight.lines, lines...)
	}
	for _, t := range p.topics {
		for _, l := range t.lines {
			if l.carrier == c {
				l.carrier = nil
			}
		}
	}
	p.mu.Unlock()
	if err == nil {
		return // the producer ended: there are none
	}
	err = fmt.Errorf("broker %s: %w", c.addr, err)
	p.settle(lines, func(*line) (int64, error) { return -1, err }, nil)
}
