package participant

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/unwindhq/unwind/internal/record"
	"github.com/unwindhq/unwind/kafka"
	"github.com/unwindhq/unwind/outbox"
	"github.com/unwindhq/unwind/saga"
)

// delivery is one command as it was read, decoded and matched to its handler.
type delivery struct {
	record  kafka.Record
	cmd     saga.Command
	guarded bool
	run     call
	handled *Handled // filled in with the answer
	dies    bool     // the process dies before its commit, see Deliver
}

// The classes of the dead letters that a participant writes.
const (
	classUndecodable  = "undecodable"  // headers or payload break the contract
	classUnmatched    = "unmatched"    // nobody here handles such a command
	classUnanswerable = "unanswerable" // its reply could never be sent
)

// unfit says that no delivery of these bytes to this program can be handled.
type unfit struct {
	class string
	cause error
}

func (u *unfit) Error() string { return u.cause.Error() }
func (u *unfit) Unwrap() error { return u.cause }

// match decodes a record and finds its handler. Its errors are unfit.
func (p *Participant) match(r kafka.Record) (delivery, error) {
	cmd, err := saga.DecodeCommand(r.Headers, r.Value)
	if err != nil {
		return delivery{}, &unfit{classUndecodable, err}
	}
	if cmd.Participant != p.cfg.Name {
		return delivery{}, &unfit{classUnmatched, fmt.Errorf("the command is for participant %q, this is %q", cmd.Participant, p.cfg.Name)}
	}
	h, ok := p.handlers[address{cmd.ID.Direction, cmd.Name}]
	if !ok {
		return delivery{}, &unfit{classUnmatched, fmt.Errorf("participant %s has no %s handler named %q", p.cfg.Name, cmd.ID.Direction, cmd.Name)}
	}
	d := delivery{record: r, cmd: cmd, guarded: h.guarded, handled: &Handled{}}
	if d.run, err = h.decode(cmd.Payload); err != nil {
		return delivery{}, &unfit{classUndecodable, fmt.Errorf("%s command %q: %w", cmd.ID.Direction, cmd.Name, err)}
	}
	if err := p.reply(d, entry{outcome: saga.Failed}).Validate(); err != nil {
		return delivery{}, &unfit{classUnanswerable, fmt.Errorf("the command cannot be answered: %w", err)}
	}
	return d, nil
}

// reply writes the answer to a command: to the partition that the command names,
// with the command's own headers echoed. The same answer to the same command has
// the same bytes, because its time is the stored one.
func (p *Participant) reply(d delivery, answer entry) outbox.Message {
	headers := saga.ReplyHeaders(d.record.Headers, saga.Reply{
		ID:          d.cmd.ID,
		Participant: p.cfg.Name,
		Outcome:     answer.outcome,
		Reason:      answer.reason,
		Payload:     answer.result,
	}, answer.time)
	if p.cfg.Version != "" {
		headers = append(headers, record.Header{Key: saga.HeaderParticipantVersion, Value: []byte(p.cfg.Version)})
	}
	payload := answer.result.Data
	if payload == nil {
		payload = []byte{} // an empty value: none at all would be Kafka's tombstone
	}
	return outbox.Message{
		Topic:     d.cmd.Route.ReplyTopic,
		Key:       d.cmd.ID.Saga.String(),
		Partition: outbox.Pin(d.cmd.Route.ReplyPartition),
		Headers:   headers,
		Payload:   payload,
	}
}

// execute runs the handler and judges its end. The error says why the answer is
// failed; it is nil for every other answer.
func (p *Participant) execute(ctx context.Context, d delivery, tx pgx.Tx, done *saga.Payload) (entry, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, contextKey{}, working{p, d}), p.cfg.HandlerTimeout)
	defer cancel()
	result, err := p.call(ctx, d, tx, done)
	answer, err := judge(d.cmd.ID.Direction, result, err)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("after the handler's time of %v: %w", p.cfg.HandlerTimeout, err)
	}
	return answer, err
}

// call runs the handler and turns a panic into an error.
func (p *Participant) call(ctx context.Context, d delivery, tx pgx.Tx, done *saga.Payload) (result saga.Payload, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
			p.log(d).Error("a handler panicked", "cause", cause, "stack", string(debug.Stack()))
		}
	}()
	return d.run(ctx, tx, done)
}

// failure is the answer to a technical fault, given now.
func failure(cause error) entry {
	return entry{outcome: saga.Failed, reason: cause.Error(), time: time.Now()}
}
