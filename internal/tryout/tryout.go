// Package tryout sends commands by hand to a real participant, over Kafka as a
// coordinator would, and waits for the answers. They go to a topic of their own, so
// that no coordinator sees them, and belong to a saga that does not exist.
package tryout

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

// ErrNoAnswer says that the participant has not answered in time.
var ErrNoAnswer = errors.New("no answer in time: does the participant run, and does it read this topic?")

// Config configures a Try.
type Config struct {
	Kafka     kafka.Config  // Kafka is how the brokers are reached. Brokers are required.
	Prefix    string        // Prefix begins all topics' names. Default "unwind.".
	Namespace string        // Namespace stands in the commands. Default "default".
	Timeout   time.Duration // Timeout is how long one answer is waited for, and the commands' deadline. Default 30 s.
}

func (c Config) withDefaults() Config {
	c.Prefix, c.Namespace = cmp.Or(c.Prefix, "unwind."), cmp.Or(c.Namespace, "default")
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	return c
}

// Try sends commands and reads their answers. It is for one goroutine.
type Try struct {
	cfg      Config
	producer *kafka.Producer
	replies  *kafka.Reader
}

// Command is what is sent.
type Command struct {
	Saga        saga.ID        // Saga is the saga that the command claims to be of; NewSaga makes one.
	Step        string         // Step is the step's name.
	Direction   saga.Direction // Direction is do or undo.
	Participant string         // Participant is who is asked.
	Name        string         // Name is the command.
	Attempt     int            // Attempt counts from 1.
	Input       []byte         // Input is the payload, JSON; of an undo that of its do.
}

// Topic is the topic to which answers go.
func (c Config) Topic() string { return c.withDefaults().Prefix + "tries" }

// keepAnswers is how long answers stay in their topic: nobody reads them twice.
const keepAnswers = "3600000" // milliseconds

// Open connects, and makes the topic for answers if it is not there. Close the Try.
func Open(ctx context.Context, cfg Config) (*Try, error) {
	cfg = cfg.withDefaults()
	if err := prepare(ctx, cfg); err != nil {
		return nil, err
	}
	t := &Try{cfg: cfg}
	var err error
	if t.producer, err = kafka.NewProducer(cfg.Kafka); err != nil {
		return nil, err
	}
	t.replies, err = kafka.NewReader(kafka.ReaderConfig{Config: cfg.Kafka, Topic: cfg.Topic()})
	if err == nil {
		err = t.begin(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

func prepare(ctx context.Context, cfg Config) error {
	admin, err := kafka.NewAdmin(cfg.Kafka)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }() // it holds nothing
	return MakeTopic(ctx, admin, cfg.Topic(), 1)
}

// MakeTopic makes a topic for answers, which are kept for an hour, if it is not there.
func MakeTopic(ctx context.Context, admin *kafka.Admin, topic string, partitions int32) error {
	missing, err := admin.Missing(ctx, topic)
	if err == nil && len(missing) > 0 {
		err = admin.Create(ctx, kafka.Topic{Name: topic, Partitions: partitions, Config: map[string]string{"retention.ms": keepAnswers, "max.message.bytes": "2097152"}})
	}
	if err != nil {
		return fmt.Errorf("make topic %s for the answers: %w", topic, err)
	}
	return nil
}

// begin reads answers from now on.
func (t *Try) begin(ctx context.Context) error {
	marks, err := t.replies.HighWater(ctx, []int32{0})
	if err != nil {
		return fmt.Errorf("look at topic %s: %w", t.cfg.Topic(), err)
	}
	return t.replies.Assign(0, marks[0])
}

// Close lets go of the connections.
func (t *Try) Close(ctx context.Context) error {
	var err error
	if t.replies != nil {
		err = t.replies.Close()
	}
	return errors.Join(err, t.producer.Close(ctx))
}

// NewSaga is the id of a saga that does not exist.
func NewSaga(now time.Time) saga.ID {
	var id saga.ID
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	for i := range 6 {
		id[i] = byte(uint64(now.UnixMilli()) >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// Send sends a command and waits for its answer; what says only that the participant
// is at work gives it more time. The error wraps ErrNoAnswer if there is none.
func (t *Try) Send(ctx context.Context, c Command) (saga.Reply, error) {
	epoch := 1
	if c.Direction == saga.Undo {
		epoch = 2 // as after a do
	}
	now := time.Now()
	command := saga.Command{
		ID: saga.CommandID{Saga: c.Saga, Step: saga.StepRef{Name: c.Step}, Direction: c.Direction}, Participant: c.Participant, Name: c.Name,
		Definition: "byHand", Version: "r1", Attempt: c.Attempt, Epoch: epoch, Deadline: now.Add(t.cfg.Timeout), Payload: saga.JSON(c.Input),
		Route: saga.Route{Namespace: t.cfg.Namespace, Incarnation: 1, ReplyTopic: t.cfg.Topic(), Token: "by-hand"},
	}
	topic := t.cfg.Prefix + "commands." + c.Participant
	record := kafka.Record{Topic: topic, Partition: -1, Key: []byte(c.Saga.String()), Value: c.Input, Headers: saga.CommandHeaders(command, now)}
	if err := t.producer.Send(ctx, record); err != nil {
		return saga.Reply{}, fmt.Errorf("send to %s: %w", topic, err)
	}
	return t.answer(ctx, command)
}

// answer waits for the answer to one attempt.
func (t *Try) answer(ctx context.Context, command saga.Command) (saga.Reply, error) {
	for end := time.Now().Add(t.cfg.Timeout); ; {
		waiting, cancel := context.WithDeadline(ctx, end)
		records, err := t.replies.Poll(waiting, 0)
		cancel()
		if err != nil && ctx.Err() == nil && time.Now().After(end) {
			return saga.Reply{}, fmt.Errorf("%s after %s: %w", command.ID, t.cfg.Timeout, ErrNoAnswer)
		}
		if err != nil {
			return saga.Reply{}, err
		}
		for _, r := range records {
			reply, err := saga.DecodeReply(r.Headers, r.Value)
			switch {
			case err != nil, reply.ID != command.ID, reply.Attempt != command.Attempt: // somebody else's, or of before
			case reply.Outcome == saga.Ongoing:
				end = time.Now().Add(t.cfg.Timeout)
			default:
				return reply, nil
			}
		}
	}
}
