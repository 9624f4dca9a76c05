package dev

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/unwindhq/unwind/internal/app"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
	"github.com/unwindhq/unwind/saga/definition"
)

const (
	stubConcurrency = 16              // commands of one partition at once
	stubSession     = 2 * time.Second // the embedded broker allows it, and a restart is quick
	realSession     = 6 * time.Second // the least that other brokers allow
	stubDrain       = 2 * time.Second
	maxLate         = 1000 // answers that may wait at once
)

// StubConfig configures a Stub. Name and Brokers are required.
type StubConfig struct {
	// Name is the participant's name.
	Name string
	// Brokers are Kafka's addresses.
	Brokers []string
	// Given says that the brokers are not the embedded one.
	Given bool
	// Faults say how commands misbehave; nil: they don't.
	Faults *Faults
	// Say is called with a line for each answer that a fault changed; nil: none.
	Say func(line string)
	// Log receives what is worth knowing; nil discards it.
	Log *slog.Logger
}

// Stub is a participant that does nothing and answers as its contract says.
type Stub struct {
	cfg      StubConfig
	contract atomic.Pointer[definition.Contract]
	memory   memory
	producer *kafka.Producer
	late     chan struct{} // bounds the answers that wait
}

// NewStub returns a stub of a participant without a contract: it answers {}.
func NewStub(cfg StubConfig) *Stub {
	if cfg.Faults == nil {
		cfg.Faults = &Faults{}
	}
	if cfg.Say == nil {
		cfg.Say = func(string) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Stub{cfg: cfg, late: make(chan struct{}, maxLate)}
}

// Follow makes the stub answer from a contract, from the next command on.
func (s *Stub) Follow(contract definition.Contract) { s.contract.Store(&contract) }

// Run answers commands until ctx ends.
func (s *Stub) Run(ctx context.Context) (err error) {
	config := kafka.Config{Brokers: s.cfg.Brokers, Log: s.cfg.Log}
	if s.producer, err = kafka.NewProducer(config); err != nil {
		return fmt.Errorf("stub %s: %w", s.cfg.Name, err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stubDrain)
		defer cancel()
		err = errors.Join(err, s.producer.Close(closing))
	}()
	session := stubSession
	if s.cfg.Given {
		session = realSession
	}
	subscriber, err := kafka.NewSubscriber(kafka.SubscriberConfig{
		Config: config, Group: "unwind." + s.cfg.Name, Concurrency: stubConcurrency,
		SessionTimeout: session, HeartbeatInterval: session / 10, DrainTimeout: stubDrain, SkipLost: true,
	})
	if err != nil {
		return fmt.Errorf("stub %s: %w", s.cfg.Name, err)
	}
	defer func() { err = errors.Join(err, subscriber.Close()) }()
	messages, err := subscriber.Subscribe(ctx, app.Topics{}.Commands(s.cfg.Name))
	if err != nil {
		return fmt.Errorf("stub %s: %w", s.cfg.Name, err)
	}
	var group errgroup.Group // for late answers, which end with ctx
	for m := range messages {
		if r, ok := kafka.RecordFrom(m.Context()); ok {
			s.take(ctx, r, &group)
		}
		m.Ack() // a stub owes nothing: the coordinator asks again
	}
	return group.Wait()
}

// take answers one command, as its fault says.
func (s *Stub) take(ctx context.Context, r kafka.Record, group *errgroup.Group) {
	cmd, err := saga.DecodeCommand(r.Headers, r.Value)
	if err != nil {
		s.cfg.Log.Warn("a stub cannot read a command", "participant", s.cfg.Name, "error", err)
		return
	}
	fault := s.cfg.Faults.Of(s.cfg.Name + "/" + cmd.Name)
	reply := s.answer(cmd, fault.Mode)
	answer := func() { s.send(ctx, r.Headers, cmd, reply) }
	switch fault.Mode {
	case Timeout:
	case Late:
		s.later(ctx, group, fault.Delay, answer)
	case Duplicate:
		answer()
		answer()
	default:
		answer()
	}
	if fault.Mode != Off {
		s.cfg.Say(fmt.Sprintf("%s/%s of %s: %s", s.cfg.Name, cmd.Name, cmd.ID.Saga, describe(fault)))
	}
}

// describe says in a word what a fault did.
func describe(f Fault) string {
	switch f.Mode {
	case Timeout:
		return "not answered"
	case Late:
		return "will be answered in " + f.Delay.String()
	case Duplicate:
		return "answered twice"
	case Reject:
		return "rejected"
	case Fail:
		return "failed"
	}
	return "answered"
}

// answer makes the reply to a command.
func (s *Stub) answer(cmd saga.Command, mode Mode) saga.Reply {
	reply := saga.Reply{ID: cmd.ID, Participant: s.cfg.Name, Outcome: saga.Succeeded}
	reason, refused := s.memory.recall(cmd)
	switch {
	case refused:
		reply.Outcome, reply.Reason = saga.Rejected, reason
	case mode == Reject && cmd.ID.Direction == saga.Do:
		reply.Outcome, reply.Reason = saga.Rejected, "rejected by unwind dev break"
	case mode == Fail || mode == Reject: // an undo cannot be rejected
		reply.Outcome, reply.Reason = saga.Failed, "failed by unwind dev break"
	case cmd.ID.Direction == saga.Do:
		reply.Payload = saga.JSON(s.result(cmd.Name))
	}
	if mode != Timeout {
		s.memory.keep(cmd, reply.Outcome, reply.Reason)
	}
	return reply
}

// result is a sample of what the contract promises.
func (s *Stub) result(command string) []byte {
	contract := s.contract.Load()
	if contract == nil {
		return []byte("{}")
	}
	return Sample(contract.Commands[command].Result)
}

// later sends an answer after a while, unless too many wait already.
func (s *Stub) later(ctx context.Context, group *errgroup.Group, delay time.Duration, answer func()) {
	select {
	case s.late <- struct{}{}:
	default:
		s.cfg.Log.Warn("too many late answers wait: one is dropped", "participant", s.cfg.Name)
		return
	}
	group.Go(func() error {
		defer func() { <-s.late }()
		select {
		case <-time.After(delay):
			answer()
		case <-ctx.Done():
		}
		return nil
	})
}

// send sends a reply and waits for the broker.
func (s *Stub) send(ctx context.Context, headers []kafka.Header, cmd saga.Command, reply saga.Reply) {
	value := reply.Payload.Data
	if value == nil {
		value = []byte{} // no value at all would be Kafka's tombstone
	}
	sent := make(chan error, 1)
	s.producer.Produce(ctx, []kafka.Record{{
		Topic: cmd.Route.ReplyTopic, Partition: cmd.Route.ReplyPartition, Key: []byte(cmd.ID.Saga.String()), Value: value,
		Headers: saga.ReplyHeaders(headers, reply, time.Now()),
	}}, func(_ int, _ int32, _ int64, err error) { sent <- err })
	if err := <-sent; err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("a stub's answer was not sent", "participant", s.cfg.Name, "error", err)
	}
}
