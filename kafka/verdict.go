package kafka

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	// maxAttempts is how often a batch is sent before its records fail: some two
	// seconds, if it is refused at once.
	maxAttempts = 10
	// unreachedWeight is what an attempt counts that found no broker at all, after a
	// while of asking for one.
	unreachedWeight = 3
	// attemptPause separates two attempts.
	attemptPause = 100 * time.Millisecond
)

// passing are a broker's answers that mean: not now, or not here.
var passing = []error{
	sarama.ErrInvalidMessage, // it was garbled on the way
	sarama.ErrUnknownTopicOrPartition,
	sarama.ErrLeaderNotAvailable,
	sarama.ErrNotLeaderForPartition,
	sarama.ErrFencedLeaderEpoch,
	sarama.ErrUnknownLeaderEpoch,
	sarama.ErrRequestTimedOut,
	sarama.ErrBrokerNotAvailable,
	sarama.ErrReplicaNotAvailable,
	sarama.ErrNetworkException,
	sarama.ErrNotEnoughReplicas,
	sarama.ErrNotEnoughReplicasAfterAppend,
	sarama.ErrKafkaStorageError,
	sarama.ErrIncompleteResponse,
}

// amnesia are answers by which a broker does not know what it has taken of this
// producer: it lost records, or has forgotten who wrote them.
var amnesia = []error{
	sarama.ErrOutOfOrderSequenceNumber,
	sarama.ErrUnknownProducerID,
	sarama.ErrInvalidProducerEpoch,
}

// ours are verdicts that no way to a broker would change.
var ours = []error{ErrTopicMissing, ErrClosed, sarama.ErrIncompleteResponse}

func isAny(err error, list []error) bool {
	return slices.ContainsFunc(list, func(e error) bool { return errors.Is(err, e) })
}

// unreached tells whether err is of the way to a broker and not an answer.
func unreached(err error) bool {
	var answer sarama.KError
	var encoding sarama.PacketEncodingError
	return !errors.As(err, &answer) && !errors.As(err, &encoding) && !isAny(err, ours)
}

// settle gives every line's batch its verdict: done, failed, or to be sent again.
// Then it tells of it, and only then lets the lines go on; last is called with the
// lock before that.
func (p *Producer) settle(lines []*line, answer func(*line) (offset int64, err error), last func()) {
	var told []outcome
	now := time.Now()
	p.mu.Lock()
	for _, l := range lines {
		offset, err := answer(l)
		told = p.judge(told, l, offset, err, now)
	}
	p.mu.Unlock()
	p.tell(told)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range lines {
		l.listed, l.flying = false, false
		p.ready(l)
	}
	if last != nil {
		last()
	}
}

// judge is the verdict on one line's batch, which may not have been begun.
func (p *Producer) judge(told []outcome, l *line, offset int64, err error, now time.Time) []outcome {
	switch {
	case err == nil, errors.Is(err, sarama.ErrDuplicateSequenceNumber): // it has it, from an attempt long ago
		return l.delivered(told, offset)
	case errors.Is(err, sarama.ErrMessageSizeTooLarge) && l.batch != nil && len(l.batch.parcels) > 1:
		p.waiting += l.split()
		return told
	case isAny(err, amnesia):
		p.complain(l, "kafka: a broker has forgotten what this producer wrote; records may have been lost", err)
		l.renumber()
	case IsPermanent(err), !isAny(err, passing) && !unreached(err):
		return p.failed(told, l, err)
	}
	return p.again(told, l, err, now)
}

// delivered ends the batch with success.
func (l *line) delivered(told []outcome, offset int64) []outcome {
	for i := range l.batch.parcels {
		o := outcome{parcel: l.batch.parcels[i], partition: l.partition, offset: offset}
		if offset >= 0 {
			o.offset += int64(i)
		}
		told = append(told, o)
	}
	l.advance(len(l.batch.parcels))
	l.batch, l.attempts, l.trouble, l.away = nil, 0, nil, false
	return told
}

// failed ends the batch or, if none was begun, fails all that waits for that. What
// may have reached a broker must not be taken for what comes next.
func (p *Producer) failed(told []outcome, l *line, err error) []outcome {
	b := l.batch
	l.batch, l.attempts = nil, 0
	if b == nil {
		return p.failQueue(told, l, err)
	}
	if b.sent {
		l.renumber()
	}
	return l.fail(told, b.parcels, err)
}

func (p *Producer) failQueue(told []outcome, l *line, err error) []outcome {
	queue := l.queue
	l.queue = nil
	p.waiting -= len(queue)
	return l.fail(told, queue, err)
}

func (l *line) fail(told []outcome, parcels []parcel, err error) []outcome {
	err = fmt.Errorf("send to %s: %w", l.topic.name, explain(err))
	for i := range parcels {
		told = append(told, outcome{parcel: parcels[i], partition: l.partition, offset: -1, err: err})
	}
	return told
}

// again has the batch sent once more, to whoever leads then, or gives it up. What
// no broker has taken takes what waits behind it along, and the next that comes
// fails sooner, until one gets through.
func (p *Producer) again(told []outcome, l *line, err error, now time.Time) []outcome {
	lost := unreached(err)
	switch {
	case lost && l.attempts == 0: // a connection that broke while idle says nothing
		l.attempts, l.retryAt = 1, now
	case errors.Is(err, sarama.ErrOutOfBrokers):
		l.attempts += unreachedWeight
	default:
		l.attempts++
	}
	if l.attempts > 1 || !lost {
		l.retryAt = now.Add(attemptPause)
	}
	l.carrier, l.trouble = nil, err
	if l.attempts <= maxAttempts && (!lost || !l.away) {
		p.complain(l, "kafka: records are sent again", err)
		return told
	}
	return p.abandon(told, l, err)
}

// abandon gives the batch up and, if no broker took it, what waits behind it.
func (p *Producer) abandon(told []outcome, l *line, err error) []outcome {
	told = p.failed(told, l, err)
	if l.away = unreached(err); l.away {
		told = p.failQueue(told, l, err)
	}
	return told
}

// complain logs trouble with a line, one line in a while: in an outage all of them
// have it again and again.
func (p *Producer) complain(l *line, what string, err error) {
	if more, ok := p.complaints.Pass(time.Now()); ok {
		p.config.Log.Warn(what, "topic", l.topic.name, "partition", l.partition, "attempt", l.attempts, "more", more, "error", explain(err))
	}
}
