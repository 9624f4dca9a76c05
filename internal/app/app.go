package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/unwindhq/unwind/breaker"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/batch"
	"github.com/unwindhq/unwind/internal/events"
	"github.com/unwindhq/unwind/internal/fleet"
	"github.com/unwindhq/unwind/internal/hold"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/lease"
	"github.com/unwindhq/unwind/internal/metrics"
	"github.com/unwindhq/unwind/internal/postgres"
	"github.com/unwindhq/unwind/internal/quota"
	"github.com/unwindhq/unwind/internal/registry"
	"github.com/unwindhq/unwind/internal/rest"
	"github.com/unwindhq/unwind/internal/schedule"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/migrations"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/outbox/outboxkafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/coordinator"
	"github.com/unwindhq/unwind/saga/sagapg"
	"github.com/unwindhq/unwind/tracing"
)

const (
	// startTime bounds the start: migrations, the first words with Postgres.
	startTime = 5 * time.Minute
	// closeTime bounds the end of the producer.
	closeTime = 10 * time.Second
	// readyEvery is how often the start looks whether buckets have come.
	readyEvery = 20 * time.Millisecond
)

// App is one coordinator process.
type App struct {
	cfg   Config
	node  string // names this incarnation of this process
	ready chan struct{}
	url   atomic.Pointer[string]

	metricsURL atomic.Pointer[string]

	engine atomic.Pointer[coordinator.Coordinator]
}

// New returns an App that does nothing until Run.
func New(cfg Config) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &App{cfg: cfg.withDefaults(), node: nodeName(), ready: make(chan struct{})}, nil
}

// Ready is closed once the API answers and sagas can be started. If Run fails
// before, it never is.
func (a *App) Ready() <-chan struct{} { return a.ready }

// URL returns the API's address, such as http://127.0.0.1:8080, once Ready is
// closed, and "" before.
func (a *App) URL() string {
	if url := a.url.Load(); url != nil {
		return *url
	}
	return ""
}

// Engine returns the coordinator once Ready is closed, and nil before. It is for
// what runs in the same process, such as a benchmark.
func (a *App) Engine() *coordinator.Coordinator { return a.engine.Load() }

// Run runs the process until ctx ends or a part of it fails, then ends all parts
// in order. It returns nil after an orderly end. Run it once.
func (a *App) Run(ctx context.Context) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	listener, url, err := a.listen(ctx)
	if err != nil {
		return err
	}
	a.url.Store(&url)
	a.cfg.Log.Info("listening", "url", url)
	shown, err := a.serveMetrics(ctx, p)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return runStages(ctx, []stage{
		shown, // first: it is the last to end
		{"relay", p.relay.Run},
		{"dead letters", p.carry},
		{"traces", p.exportTraces},
		{"quotas", p.quotas.Run}, // ends after what it counts
		{"coordinator", p.engine.Run},
		{"lease", p.lease.Run},
		{"holds", a.holds(p).Run},
		{"fleet", p.fleet.Run}, // ends before the lease: its rows count while the node lives
		{"rest", func(ctx context.Context) error { return p.server.Serve(ctx, listener) }},
		{"starts from Kafka", p.runStarts},
		{"batches", batch.Runner{Store: p.batches, Engine: p.engine, Check: p.checkVerb, Restart: p.restart, Log: a.cfg.Log}.Run},
		{"schedules", a.scheduler(p).Run},
		{"retention", a.deleter(p).Run},
		{"start", func(ctx context.Context) error { return a.announce(ctx, p.engine) }},
	})
}

// announce closes ready when the first buckets have come, and ends with ctx.
func (a *App) announce(ctx context.Context, engine *coordinator.Coordinator) error {
	tick := time.NewTicker(readyEvery)
	defer tick.Stop()
	for engine.Ready() != nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	a.engine.Store(engine)
	a.cfg.Log.Info("ready")
	close(a.ready)
	<-ctx.Done()
	return nil
}

// parts are what a running App is made of.
type parts struct {
	pools    *pools
	metrics  *metrics.Metrics // nil if nobody wants any
	store    *sagapg.Store
	producer *kafka.Producer // nil without Kafka, as replies and topics
	replies  *kafka.Reader
	topics   *topicGuard
	locals   *coordinator.Locals
	relay    *outbox.Relay
	registry *registry.Registry
	gate     *breaker.Gate[saga.ID]
	holds    *hold.Store
	quotas   *quota.Keeper
	fleet    *fleet.Publisher
	engine   *coordinator.Coordinator
	intake   *intake.Intake
	batches  *batch.Store
	reader   *sagapg.Reader
	clock    *schedule.Store
	starts   []*starts      // one for each namespace; none without Kafka
	events   *events.Reader // nil without Kafka
	lease    *lease.Lease
	settings sagapg.Settings
	kafka    kafka.Config
	office   *office.Office
	carrier  *office.Carrier // nil without Kafka
	server   *rest.Server
	traces   *tracing.Exporter // nil if nobody wants any
}

// open makes all parts. After an error nothing is left open.
func (a *App) open(ctx context.Context) (*parts, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := a.migrated(ctx); err != nil {
		return nil, err
	}
	p := &parts{}
	for _, step := range []func(context.Context, *parts) error{
		a.openStore, a.openMetrics, a.openKafka, a.openRelay, a.openGate, a.openQuotas, a.openEngine, a.openOffice, a.openIntake, a.openStarts, a.openServer, a.openTraces,
	} {
		if err := step(ctx, p); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// close closes what does not run by itself.
func (p *parts) close() {
	if p.replies != nil {
		_ = p.replies.Close() // nothing is lost: offsets are stored
	}
	if p.producer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_ = p.producer.Close(ctx) // what was not sent is in the outbox
	}
	if p.pools != nil {
		p.pools.close()
	}
}

// migrated brings the schema up to date, or refuses one that is not.
func (a *App) migrated(ctx context.Context) error {
	sets := []migrations.Set{migrations.Outbox, migrations.Coordinator}
	if a.cfg.Migrate {
		return migrations.Up(ctx, a.cfg.DatabaseURL, a.cfg.Schema, sets...)
	}
	applied, err := migrations.Status(ctx, a.cfg.DatabaseURL, a.cfg.Schema, sets...)
	if err != nil {
		return fmt.Errorf("look at schema %s (unwind migrate up creates it): %w", a.cfg.Schema, err)
	}
	var pending []string
	for _, m := range applied {
		if m.Pending() {
			pending = append(pending, m.Name)
		}
	}
	if len(pending) > 0 {
		return fmt.Errorf("schema %s lacks %s: run unwind migrate up", a.cfg.Schema, strings.Join(pending, ", "))
	}
	return nil
}

func (a *App) openStore(ctx context.Context, p *parts) (err error) {
	if p.pools, err = openPools(ctx, a.cfg); err != nil {
		return err
	}
	if err := p.pools.warn(ctx, a.cfg.Log); err != nil {
		return err
	}
	p.registry = registry.New(p.pools.read, a.cfg.Schema)
	for _, namespace := range a.cfg.Namespaces {
		for _, code := range a.cfg.Code {
			if err := p.registry.Provide(ctx, namespace, code); err != nil {
				return err
			}
		}
	}
	p.store, err = sagapg.New(sagapg.Config{Pool: p.pools.write, Schema: a.cfg.Schema, Node: a.node})
	return err
}

func (a *App) openKafka(ctx context.Context, p *parts) (err error) {
	if len(a.cfg.Brokers) == 0 {
		return nil
	}
	config := a.cfg.kafka()
	p.kafka = config
	if p.topics, err = newTopicGuard(a.cfg); err != nil {
		return err
	}
	if err := p.topics.begin(ctx); err != nil {
		return err
	}
	if p.producer, err = kafka.NewProducer(config); err != nil {
		return err
	}
	p.replies, err = kafka.NewReader(kafka.ReaderConfig{Config: config, Topic: p.topics.names.Replies()})
	return err
}

func (a *App) openRelay(_ context.Context, p *parts) (err error) {
	var brokers outbox.Publisher
	if p.producer != nil {
		brokers = outboxkafka.New(p.producer)
	}
	names := Topics{Prefix: a.cfg.Prefix}
	p.locals = coordinator.NewLocals(p.store.Locals(a.cfg.Locals...), brokers, names.Commands(""), localSteps)
	p.relay, err = outbox.NewRelay(outbox.RelayConfig{
		Pool: p.pools.write, Schema: outbox.Schema(a.cfg.Schema), Publisher: p.locals, Lane: p.locals.Lane, Log: a.cfg.Log,
		OnUndeliverable: func(ctx context.Context, row outbox.Row, cause error) error {
			return p.engine.Undeliverable(ctx, row, cause)
		},
	})
	return err
}

func (a *App) openEngine(ctx context.Context, p *parts) (err error) {
	settings, err := p.store.Settings(ctx)
	if err != nil {
		return err
	}
	p.settings = settings
	names := Topics{Prefix: a.cfg.Prefix}
	config := coordinator.Config{
		Store: p.store, Definitions: p.registry, Relay: p.relay, Locals: p.locals, Gate: p.gate,
		Keys: settings.Keys, Incarnation: settings.Incarnation,
		ReplyTopic: names.Replies(), Prefix: names.Commands(""), Events: names.Events(""),
		Writers: a.cfg.Writers, Log: a.cfg.Log,
		SaveOffsets: func(ctx context.Context, offsets map[int]int64) error { return p.lease.SaveOffsets(ctx, offsets) },
	}
	admission := intake.Config{Registry: p.registry, Log: a.cfg.Log}
	if p.producer != nil {
		config.Replies, admission.Topics = p.replies, p.topics
	}
	config.Admission = intake.NewAdmission(admission)
	config.Meter, config.Forgotten = p.meter(), a.cfg.Retention.Shortest()
	if a.cfg.Tracer != nil {
		config.Traced = a.cfg.Tracer.Sampled
	}
	if p.engine, err = coordinator.New(config); err != nil {
		return err
	}
	p.lease, err = lease.New(lease.Config{
		Pool: p.pools.lease, Schema: a.cfg.Schema, Node: a.node, Version: a.cfg.Version, Levels: saga.Level,
		Log: a.cfg.Log, OnGain: p.engine.Gain, OnLoss: p.engine.Lose,
	})
	return err
}

// nodeName names this incarnation of this process.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
}

func (a *App) openIntake(_ context.Context, p *parts) (err error) {
	config := intake.Config{Engine: p.engine, Registry: p.registry, Quotas: p.quotas.Book, Log: a.cfg.Log}
	if p.topics != nil {
		config.Topics = p.topics
	}
	p.batches, p.reader = batch.NewStore(p.pools.read, a.cfg.Schema), sagapg.NewReader(p.pools.read, a.cfg.Schema)
	p.clock = schedule.NewStore(p.pools.read, a.cfg.Schema)
	p.intake, err = intake.New(config)
	return err
}

func (a *App) openServer(_ context.Context, p *parts) (err error) {
	config := rest.Config{
		Engine: p.engine, Starts: p.intake, Reader: reader{p.reader}, Registry: p.registry,
		Holds: p.holds, Quotas: p.quotas.Store, Fleet: fleet.NewReader(p.pools.read, a.cfg.Schema), Namespaces: a.cfg.Namespaces, Version: a.cfg.Version, Log: a.cfg.Log,
		LocalOnly: a.cfg.localOnly(), Away: postgres.Away,
		Checks: []rest.Check{{Name: "postgres", Run: p.pools.ping}, {Name: "leases", Run: p.leased}},
	}
	if config.Access, err = a.authenticator(p); err != nil {
		return err
	}
	if p.metrics != nil {
		config.Observe = p.metrics.Request
	}
	if p.topics != nil {
		config.Checks = append(config.Checks, rest.Check{Name: "topics", Run: p.topics.base})
	}
	config.DeadLetters = p.office
	config.Batches, config.ApproveAbove = batches{p.batches}, a.cfg.ApproveAbove
	config.Schedules, config.Retention = p.clock, a.cfg.Retention
	config.Contracts = p.registry
	p.server, err = rest.New(config)
	return err
}

// leased is the check of readiness that the lease is alive.
func (p *parts) leased(context.Context) error {
	if len(p.lease.Owned()) == 0 {
		return errors.New("this process owns no bucket")
	}
	return nil
}
