package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/unwindhq/unwind/deadletter"
	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/internal/tryout"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/saga"
)

const (
	checkPartitions = 4 // of the topic for replies: one that chooses by itself mostly chooses another
	checkPartition  = 2 // where replies are asked for
	look            = 50 * time.Millisecond
)

// Over holds the participant that runs at these brokers, whatever it is written in, to
// every rule that can be looked at from there. It really does what it is asked, for sagas
// that do not exist. Replies go to a topic of their own, Config.Prefix with "checks",
// which is made if it is missing; the command topic and its dead-letter topic must be
// there.
func Over(ctx context.Context, brokers kafka.Config, cfg Config) ([]Result, error) {
	l := &wire{cfg: cfg.withDefaults()}
	err := l.open(ctx, brokers)
	var results []Result
	if err == nil {
		results, err = Check(ctx, l, cfg)
	}
	return results, errors.Join(err, l.close(ctx))
}

// wire is the Line to a participant over Kafka. It is for one goroutine.
type wire struct {
	cfg      Config
	producer *kafka.Producer
	replies  *kafka.Reader
	letters  *kafka.Reader
}

// Route implements Line.
func (l *wire) Route() saga.Route {
	return saga.Route{ReplyTopic: l.cfg.Prefix + "checks", ReplyPartition: checkPartition}
}

func (l *wire) open(ctx context.Context, brokers kafka.Config) error {
	admin, err := kafka.NewAdmin(brokers)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }() // it holds nothing
	if err := l.prepare(ctx, admin); err != nil {
		return err
	}
	if l.producer, err = kafka.NewProducer(brokers); err != nil {
		return err
	}
	if l.replies, err = reader(ctx, admin, brokers, l.Route().ReplyTopic); err != nil {
		return err
	}
	l.letters, err = reader(ctx, admin, brokers, deadletter.Topic(l.cfg.topic()))
	return err
}

// prepare looks for the participant's topics and makes that for replies.
func (l *wire) prepare(ctx context.Context, admin *kafka.Admin) error {
	missing, err := admin.Missing(ctx, l.cfg.topic(), deadletter.Topic(l.cfg.topic()))
	if err != nil {
		return fmt.Errorf("look for the topics of %s: %w", l.cfg.Participant, err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("missing: %s; make them with unwind topics apply", strings.Join(missing, ", "))
	}
	return tryout.MakeTopic(ctx, admin, l.Route().ReplyTopic, checkPartitions)
}

// reader reads all partitions of a topic from now on.
func reader(ctx context.Context, admin *kafka.Admin, brokers kafka.Config, topic string) (*kafka.Reader, error) {
	r, err := kafka.NewReader(kafka.ReaderConfig{Config: brokers, Topic: topic})
	if err != nil {
		return nil, err
	}
	ranges, err := admin.Ranges(ctx, func(name string) bool { return name == topic })
	for partition, held := range ranges[topic] {
		err = errors.Join(err, r.Assign(partition, held.Next))
	}
	if err != nil {
		return r, fmt.Errorf("read topic %s: %w", topic, err)
	}
	return r, nil
}

func (l *wire) close(ctx context.Context) (err error) {
	for _, r := range []*kafka.Reader{l.replies, l.letters} {
		if r != nil {
			err = errors.Join(err, r.Close())
		}
	}
	if l.producer != nil {
		err = errors.Join(err, l.producer.Close(context.WithoutCancel(ctx)))
	}
	return err
}

// Send implements Line.
func (l *wire) Send(ctx context.Context, r kafka.Record) (Answer, error) {
	if err := l.producer.Send(ctx, r); err != nil {
		return Answer{}, fmt.Errorf("send to %s: %w", r.Topic, err)
	}
	for end := time.Now().Add(l.cfg.Timeout); time.Now().Before(end); {
		replies, err := poll(ctx, l.replies)
		if err != nil {
			return Answer{}, err
		}
		for i := range replies {
			switch belongs(&r, &replies[i]) {
			case isFinal:
				return Answer{Reply: &replies[i]}, nil
			case isOngoing:
				end = time.Now().Add(l.cfg.Timeout)
			}
		}
		letters, err := poll(ctx, l.letters)
		if err != nil {
			return Answer{}, err
		}
		for i := range letters {
			if bytes.Equal(letters[i].Key, r.Key) {
				return Answer{Letter: &letters[i]}, nil
			}
		}
	}
	return Answer{}, ErrSilent
}

// poll takes what is there, or waits a little.
func poll(ctx context.Context, r *kafka.Reader) ([]kafka.Record, error) {
	short, cancel := context.WithTimeout(ctx, look)
	defer cancel()
	records, err := r.Poll(short, 0)
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		return records, nil
	}
	return records, err
}

// belonging is what a record on the topic for replies is to a command.
type belonging int

const (
	isOther   belonging = iota // somebody else's, or one of before
	isOngoing                  // a sign of life
	isFinal                    // the reply
)

// belongs says whether a record is the reply to a command. One that cannot be read is
// its reply if it has its saga.
func belongs(command, r *kafka.Record) belonging {
	sent, err := saga.DecodeCommand(command.Headers, command.Value)
	reply, wrong := saga.DecodeReply(r.Headers, r.Value)
	if err != nil || wrong != nil {
		if of, _ := record.Get(r.Headers, saga.HeaderSaga); bytes.Equal(r.Key, command.Key) || bytes.Equal(of, command.Key) {
			return isFinal
		}
		return isOther
	}
	switch {
	case reply.ID != sent.ID || reply.Attempt != sent.Attempt || reply.Epoch != sent.Epoch:
		return isOther
	case reply.Outcome == saga.Ongoing:
		return isOngoing
	}
	return isFinal
}
