package participant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
	"github.com/unwindhq/unwind/saga"
)

// closeTimeout bounds the wait for records in flight at the very end.
const closeTimeout = 5 * time.Second

// Participant handles the commands of one participant. Make it with New,
// register its handlers, then Run it.
type Participant struct {
	cfg      Config
	queries  queries
	handlers map[address]handler
	faults   []error
	running  chan struct{}
	started  atomic.Bool
	relay    atomic.Pointer[outbox.Relay]
	producer producer
	troubles atomic.Int32
	draining <-chan struct{} // closed when Run's context has ended
}

// New returns a participant without handlers. It connects to nothing.
func New(cfg Config) (*Participant, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("participant %q: %w", cfg.Name, err)
	}
	cfg = cfg.withDefaults()
	return &Participant{
		cfg:      cfg,
		queries:  newQueries(cfg.Schema),
		handlers: map[address]handler{},
		running:  make(chan struct{}),
	}, nil
}

// register adds a handler and keeps what is wrong with it for Run.
func (p *Participant) register(direction saga.Direction, name string, h handler) {
	at := address{direction, name}
	if !saga.IsName(name) {
		p.faults = append(p.faults, fmt.Errorf("%s handler %q: want a name like charge", direction, name))
	}
	if _, twice := p.handlers[at]; twice {
		p.faults = append(p.faults, fmt.Errorf("%s handler %q: registered twice", direction, name))
	}
	if h.guarded && p.cfg.Pool == nil {
		p.faults = append(p.faults, fmt.Errorf("%s handler %q: wants a transaction and Config.Pool is nil; use HandleFunc or HandleUndoFunc", direction, name))
	}
	p.handlers[at] = h
}

// check reports every fault that registration or the database shows.
func (p *Participant) check(ctx context.Context) error {
	faults := p.faults
	if len(p.handlers) == 0 {
		faults = append(faults, errors.New("no handler is registered"))
	}
	if p.cfg.Pool != nil {
		ctx, cancel := context.WithTimeout(ctx, p.cfg.StatementTimeout)
		defer cancel()
		_, err := p.cfg.Pool.Exec(ctx, p.queries.probe)
		if code := postgres.State(err); code == "42P01" || code == "3F000" || code == "42501" {
			faults = append(faults, fmt.Errorf("schema %s: %w: migrate it with the sets outbox and participant, and let this user use it", p.cfg.Schema, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("participant %s: %w", p.cfg.Name, err)
	}
	return nil
}

// errStarted says that Run was called again.
var errStarted = errors.New("a participant runs once")

// Run handles commands until ctx ends; then it takes no more, waits up to
// DrainTimeout for the handlers, publishes their replies, and returns nil. It
// returns an error at once if the registration or the schema is wrong. A broker
// or database that is away is waited for: meanwhile nothing is acknowledged.
func (p *Participant) Run(ctx context.Context) error {
	if p.started.Swap(true) {
		return errStarted
	}
	if err := p.check(ctx); err != nil {
		return err
	}
	kafkaProducer, err := kafka.NewProducer(p.cfg.Kafka)
	if err != nil {
		return fmt.Errorf("participant %s: %w", p.cfg.Name, err)
	}
	p.producer = kafkaProducer
	err = p.work(ctx, outboxkafka.New(kafkaProducer))
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(err, kafkaProducer.Close(closing))
}

// work runs the relay for as long as the commands, and a little longer, so that
// the last replies leave too.
func (p *Participant) work(ctx context.Context, publisher outbox.Publisher) error {
	relaying, stopRelay := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRelay()
	group, consuming := errgroup.WithContext(ctx)
	p.draining = consuming.Done()
	if p.cfg.Pool != nil {
		group.Go(func() error { return p.publish(relaying, publisher) })
	}
	group.Go(func() error {
		defer stopRelay()
		return p.consume(consuming)
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("participant %s: %w", p.cfg.Name, err)
	}
	return nil
}

// publish relays the participant's outbox until ctx ends.
func (p *Participant) publish(ctx context.Context, publisher outbox.Publisher) error {
	return outbox.Standalone{
		Relay:   outbox.RelayConfig{Pool: p.cfg.Pool, Schema: p.cfg.outbox(), Publisher: publisher, Log: p.cfg.Log},
		Started: func(relay *outbox.Relay) { p.relay.Store(relay) },
	}.Run(ctx)
}

// nudge tells the relay of fresh replies. Handing over the rows themselves is
// for the only writer of a bucket, and a participant may run several times.
func (p *Participant) nudge() {
	if relay := p.relay.Load(); relay != nil {
		relay.Nudge()
	}
}

// consume runs the router until ctx ends and its handlers are through.
func (p *Participant) consume(ctx context.Context) error {
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Config: p.cfg.Kafka, Group: p.cfg.Group, Concurrency: p.cfg.Concurrency,
		DrainTimeout: p.cfg.DrainTimeout, RebalanceTimeout: p.cfg.DrainTimeout + 40*time.Second,
		SessionTimeout: p.cfg.SessionTimeout, HeartbeatInterval: p.cfg.SessionTimeout / 10,
		SkipLost: true, // a command that comes again changes nothing, and one that is lost is sent again
	})
	if err != nil {
		return err
	}
	defer func() { _ = subscriber.Close() }() // the router has closed it already
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: p.cfg.DrainTimeout + closeTimeout}, routerLog(p.cfg.Log))
	if err != nil {
		return fmt.Errorf("make the router: %w", err)
	}
	router.AddConsumerHandler(p.cfg.Name, p.cfg.topic(), subscriber, p.handle)
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching.Go(func() {
		select {
		case <-router.Running():
			close(p.running)
		case <-ctx.Done():
		}
	})
	return router.Run(ctx)
}

// Running is closed once the participant has asked to take commands; the group
// then gives it partitions, as soon as a broker answers. It stays open if Run fails.
func (p *Participant) Running() <-chan struct{} { return p.running }

// routerLog lowers the router's notes on its own life to debug.
func routerLog(log *slog.Logger) watermill.LoggerAdapter {
	return watermill.NewSlogLoggerWithLevelMapping(log, map[slog.Level]slog.Level{slog.LevelInfo: slog.LevelDebug})
}

// log names the command in every line.
func (p *Participant) log(d delivery) *slog.Logger {
	return p.cfg.Log.With("saga", d.cmd.ID.Saga.String(), "step", d.cmd.ID.Step.String(), "direction", d.cmd.ID.Direction.String(),
		"command", d.cmd.Name, "attempt", d.cmd.Attempt)
}
