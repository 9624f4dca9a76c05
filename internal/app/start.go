package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/deadletter/office"
	"github.com/unwindhq/unwind/internal/events"
	"github.com/unwindhq/unwind/internal/intake"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/sagapg"
)

const (
	// startAgain is the pause before a start that could not be taken now is tried
	// again. Only its key waits.
	startAgain = time.Second
	// startSession is how long the starts of a coordinator that died wait for
	// another one.
	startSession = 10 * time.Second
	// startDrain is how long starts under way may take at the end.
	startDrain = 10 * time.Second
	// keepTime bounds the insert of a dead letter.
	keepTime = 10 * time.Second
)

// The classes of the start topics' dead letters.
const (
	classUndecodable = "undecodable"   // the record breaks the contract
	classRefused     = "refused-start" // REST would refuse the same start
)

// starts takes the starts of one namespace from its topic. A record is finished
// with when its saga or its dead letter is committed; what can be neither now
// comes again.
type starts struct {
	namespace  string
	topic      string
	workers    int
	subscriber *kafka.Subscriber
	intake     *intake.Intake
	events     *events.Reader // takes redriven events
	keep       func(ctx context.Context, letter office.Letter) error
	node       string
	log        *slog.Logger
}

// openStarts prepares one consumer for each namespace. The consumer group has the
// topic's name: all coordinators share its partitions.
func (a *App) openStarts(_ context.Context, p *parts) error {
	if p.producer == nil {
		return nil
	}
	for _, namespace := range a.cfg.Namespaces {
		topic := Topics{Prefix: a.cfg.Prefix}.Start(namespace)
		subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
			Config: p.kafka, Group: topic, Concurrency: a.cfg.StartWorkers,
			NackPause: startAgain, SessionTimeout: startSession, DrainTimeout: startDrain,
			SkipLost: true, // a start that comes again is known by its key, and standing still brings none back
		})
		if err != nil {
			return err
		}
		p.starts = append(p.starts, &starts{
			namespace: namespace, topic: topic, workers: a.cfg.StartWorkers, subscriber: subscriber, intake: p.intake,
			keep: keeper(p.pools.read, a.cfg.Schema), node: a.node, log: a.cfg.Log,
		})
	}
	return a.openEvents(p)
}

// openEvents prepares what reads the topics that definitions wait for.
func (a *App) openEvents(p *parts) (err error) {
	config := events.Config{
		Kafka: p.kafka, Prefix: a.cfg.Prefix, Namespaces: a.cfg.Namespaces, Registry: p.registry, Starter: p.intake,
		Waits: sagapg.NewReader(p.pools.read, a.cfg.Schema), Engine: p.engine,
		Keep: keeper(p.pools.read, a.cfg.Schema), Node: a.node, Workers: a.cfg.StartWorkers, Log: a.cfg.Log,
	}
	if p.metrics != nil {
		config.Count = func(topic, definition string, result events.Result) {
			p.metrics.Event(topic, definition, string(result))
		}
	}
	if p.events, err = events.New(config); err != nil {
		return err
	}
	for _, s := range p.starts {
		s.events = p.events
	}
	return nil
}

// keeper writes dead letters into the office's table; a repeat changes nothing.
func keeper(pool *pgxpool.Pool, schema string) func(context.Context, office.Letter) error {
	return func(ctx context.Context, letter office.Letter) error {
		ctx, cancel := context.WithTimeout(ctx, keepTime)
		defer cancel()
		var b pgx.Batch
		office.Queue(&b, schema, []office.Letter{letter})
		if err := pool.SendBatch(ctx, &b).Close(); err != nil {
			return fmt.Errorf("keep a dead letter of %s: %w", letter.Record.Topic, err)
		}
		return nil
	}
}

// runStarts takes starts until ctx ends and those under way have ended.
func (p *parts) runStarts(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, s := range p.starts {
		g.Go(func() error { return s.run(ctx) })
	}
	if p.events != nil {
		g.Go(func() error { return p.events.Run(ctx) })
	}
	g.Go(func() error { <-ctx.Done(); return nil }) // without Kafka there is nothing to do, which is no reason to end
	return g.Wait()
}

// run takes starts, workers at a time, until ctx ends; then it drains.
func (s *starts) run(ctx context.Context) error {
	return s.subscriber.Each(ctx, s.topic, s.workers, s.take)
}

// take starts the saga that a record asks for, or keeps the record as a dead
// letter. An error says that neither could be done now.
func (s *starts) take(ctx context.Context, rec kafka.Record) error {
	if event, why, err := deadletter.Original(rec); err == nil && why.Class == office.ClassEvent {
		return s.events.Again(ctx, s.namespace, event, rec)
	}
	start, err := saga.DecodeStart(rec.Headers, rec.Value)
	if err != nil {
		return s.bury(ctx, rec, classUndecodable, err)
	}
	if start.Namespace != s.namespace {
		return s.bury(ctx, rec, classRefused, fmt.Errorf("it is for namespace %s, but the topic is that of %s", start.Namespace, s.namespace))
	}
	trace, _ := record.Get(rec.Headers, saga.HeaderTraceParent)
	_, err = s.intake.Start(ctx, intake.Request{
		Namespace: start.Namespace, Definition: start.Definition, Version: start.Version, Key: start.Key,
		Input: start.Input, Begin: start.Begin, Actor: saga.Actor{Kind: saga.Operator, Name: actorName(start.Source)}, Trace: string(trace), Waits: true,
	})
	if intake.Refused(err) {
		return s.bury(ctx, rec, classRefused, err)
	}
	return err
}

// actorName is who started a saga over Kafka, as far as is known. Whoever writes to
// the topic chooses the source; with a slash in it, it passes for no API key's name.
func actorName(source string) string {
	switch {
	case source == "":
		return "kafka"
	case !strings.Contains(source, "/"):
		return "kafka/" + source
	}
	return source
}

// bury keeps a record as a dead letter.
func (s *starts) bury(ctx context.Context, rec kafka.Record, class string, cause error) error {
	why := deadletter.Reason{Class: class, Text: strings.ReplaceAll(cause.Error(), "\n", "; ")}
	letter := office.NewLetter(rec, why, s.node, time.Now())
	letter.Namespace, letter.Saga = s.namespace, saga.ID{} // it came in by this one's topic and is of no saga, whatever it says
	s.log.WarnContext(ctx, "a start was refused", "topic", rec.Topic, "partition", rec.Partition, "offset", rec.Offset, "class", class)
	return s.keep(ctx, letter)
}
