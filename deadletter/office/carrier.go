package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/outbox"
)

// Sender sends one record.
type Sender interface {
	// Send returns once the record is durable. An error that wraps
	// outbox.ErrPermanent says that trying again cannot help.
	Send(ctx context.Context, rec record.Record) error
}

// CarrierConfig configures a Carrier. The zero value of a limit is its default.
type CarrierConfig struct {
	Store  *Store // Store holds the letters. Required.
	Sender Sender // Sender reaches the brokers. Required.
	// Mine reports whether this process is the one that carries. Required. For a
	// moment two may: then a record may be sent twice, never lost.
	Mine func() bool
	// Starts names the topic of a namespace's starts, to which events of other
	// people's topics are redriven. Required.
	Starts func(namespace string) string
	// Source reads dead-letter topics; nil imports nothing.
	Source Source

	Every       time.Duration // Every is how often unsent letters are looked for. Default 500 ms.
	ImportEvery time.Duration // ImportEvery is how often dead-letter topics are looked at. Default 5 s.
	SendTimeout time.Duration // SendTimeout bounds one send. Default 30 s.
	RetryMin    time.Duration // RetryMin is a topic's first pause after a failed send; it doubles. Default 500 ms.
	RetryMax    time.Duration // RetryMax is the longest pause. Default 30 s.
	BatchMax    int           // BatchMax is how many letters are sent at once. Default 256.
	BatchBytes  int           // BatchBytes is how large they may be together; one is always sent. Default 8 MiB.

	Log *slog.Logger // Log receives what an operator should know. nil discards it.
}

// Validate reports every fault of c at once.
func (c CarrierConfig) Validate() error {
	var faults []error
	if c.Store == nil || c.Sender == nil || c.Mine == nil || c.Starts == nil {
		faults = append(faults, errors.New("office: Store, Sender, Mine and Starts are required"))
	}
	if min(c.Every, c.ImportEvery, c.SendTimeout, c.RetryMin, c.RetryMax) < 0 || min(c.BatchMax, c.BatchBytes) < 0 {
		faults = append(faults, errors.New("office: limits must not be negative; zero is the default"))
	}
	return errors.Join(faults...)
}

func (c CarrierConfig) withDefaults() CarrierConfig {
	c.Every = cmp.Or(c.Every, 500*time.Millisecond)
	c.ImportEvery = cmp.Or(c.ImportEvery, 5*time.Second)
	c.SendTimeout = cmp.Or(c.SendTimeout, 30*time.Second)
	c.RetryMin = cmp.Or(c.RetryMin, 500*time.Millisecond)
	c.RetryMax = cmp.Or(c.RetryMax, 30*time.Second)
	c.BatchMax = cmp.Or(c.BatchMax, 256)
	c.BatchBytes = cmp.Or(c.BatchBytes, 8<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Carrier sends what is left to be sent of the letters: copies to dead-letter
// topics, and redriven records to their own. Letters of one saga, else of one key,
// go one after the other in the order of their ids. It also imports what others
// have put on dead-letter topics. A letter's row is its own outbox: any key can be
// carried, also none at all.
type Carrier struct {
	cfg    CarrierConfig
	pauses map[string]pause // topics that could not be written to, as the record names them
}

// pause is how long a topic is left alone.
type pause struct {
	until  time.Time
	length time.Duration
}

// NewCarrier returns a Carrier that does nothing until Run.
func NewCarrier(cfg CarrierConfig) (*Carrier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Carrier{cfg: cfg.withDefaults(), pauses: map[string]pause{}}, nil
}

// Run carries until ctx ends.
func (c *Carrier) Run(ctx context.Context) error {
	var g errgroup.Group
	g.Go(func() error {
		c.every(ctx, c.cfg.Every, "dead letters could not be sent; trying again", c.send)
		return nil
	})
	if c.cfg.Source != nil {
		g.Go(func() error {
			c.every(ctx, c.cfg.ImportEvery, "dead letters could not be imported; trying again", c.bringIn)
			return nil
		})
	}
	return g.Wait()
}

// every does something again and again, as long as this process is to do it.
func (c *Carrier) every(ctx context.Context, pause time.Duration, failed string, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if c.cfg.Mine() {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Log.Warn(failed, "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// send sends until nothing is left or nothing can be sent now.
func (c *Carrier) send(ctx context.Context) error {
	for c.cfg.Mine() {
		letters, err := c.cfg.Store.unsent(ctx, c.blocked(), c.cfg.BatchMax, c.cfg.BatchBytes)
		if err != nil || len(letters) == 0 {
			return err
		}
		for len(letters) > 0 {
			var wave []Letter
			wave, letters = nextWave(letters)
			if err := c.sendWave(ctx, wave); err != nil {
				return err
			}
			letters = c.passable(letters)
		}
	}
	return nil
}

// blocked lists the topics that are left alone for now.
func (c *Carrier) blocked() []string {
	topics := []string{}
	for topic, p := range c.pauses {
		if time.Now().Before(p.until) {
			topics = append(topics, topic)
		}
	}
	return topics
}

// passable drops the letters of topics that have just failed.
func (c *Carrier) passable(letters []Letter) []Letter {
	kept := letters[:0]
	for _, l := range letters {
		if !time.Now().Before(c.pauses[l.Record.Topic].until) {
			kept = append(kept, l)
		}
	}
	return kept
}

// nextWave takes the first letter of each saga or key; they may be sent together.
func nextWave(letters []Letter) (wave, rest []Letter) {
	seen := map[string]bool{}
	for _, l := range letters {
		lane := l.lane()
		if seen[lane] {
			rest = append(rest, l)
			continue
		}
		seen[lane] = true
		wave = append(wave, l)
	}
	return wave, rest
}

// lane is what letters share that must be sent one after the other.
func (l *Letter) lane() string {
	switch {
	case !l.Saga.IsZero():
		return "saga " + l.Saga.String()
	case l.Record.Key != nil:
		return "key " + l.Record.Topic + " " + string(l.Record.Key)
	}
	return fmt.Sprintf("letter %d", l.ID)
}

// sendWave sends letters side by side and writes down what became of them. Its
// error is of the store; the letters are then sent again.
func (c *Carrier) sendWave(ctx context.Context, wave []Letter) error {
	var g errgroup.Group
	var mu sync.Mutex
	outcomes := make(map[string]error, len(wave)) // by topic
	for i := range wave {
		l := &wave[i]
		g.Go(func() error {
			bounded, cancel := context.WithTimeout(ctx, c.cfg.SendTimeout)
			defer cancel()
			err := c.cfg.Sender.Send(bounded, c.outgoing(l))
			if err == nil || errors.Is(err, outbox.ErrPermanent) {
				err = c.settle(ctx, l, err)
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[l.Record.Topic] = err
			return nil
		})
	}
	err := g.Wait()
	for i := range wave {
		c.pace(wave[i].Record.Topic, outcomes[wave[i].Record.Topic])
	}
	return err
}

// outgoing returns the record that is left to be sent of l.
func (c *Carrier) outgoing(l *Letter) record.Record {
	rec := l.outgoing()
	if rec.Topic == "" { // a redriven event
		rec.Topic = c.cfg.Starts(l.Namespace)
	}
	return rec
}

// settle writes down that a letter was sent, or can never be.
func (c *Carrier) settle(ctx context.Context, l *Letter, cause error) error {
	if cause == nil {
		return c.cfg.Store.sent(ctx, l)
	}
	c.cfg.Log.Error("a dead letter cannot be sent; it is kept in Postgres only", "id", l.ID, "topic", c.outgoing(l).Topic, "error", cause)
	return c.cfg.Store.troubled(ctx, l, cause)
}

// pace sets how long a topic is left alone after a send.
func (c *Carrier) pace(topic string, cause error) {
	p, paused := c.pauses[topic]
	switch {
	case cause == nil:
		delete(c.pauses, topic)
	case !paused || time.Now().After(p.until): // once for each wave
		p.length = min(max(2*p.length, c.cfg.RetryMin), c.cfg.RetryMax)
		p.until = time.Now().Add(p.length)
		c.pauses[topic] = p
		c.cfg.Log.Warn("a topic cannot be written to; its dead letters wait", "topic", topic, "pause", p.length, "error", cause)
	}
}
